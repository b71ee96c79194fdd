"""What the cascade benchmark's cross-encoder is trained on: questions with a passage that answers and many that do not.

Groups can be written to a file and taken to a machine that has neither the data sets nor BM25.
"""

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from corpora import Corpus, Question

if TYPE_CHECKING:
    from cases import PoolSearch

_DEPTH = 60
"""How far down both rankings of the pool negatives are looked for."""
_HARD = 20
"""How many of the nearest negatives count as hard."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z(])")


class Group(NamedTuple):
    """One training question: the passage that answers it and passages that do not, the nearest first."""

    question: str
    positive: str
    negatives: tuple[str, ...]

    def drawn(self, count: int, hard: int, rng: random.Random) -> list[str]:
        """``count`` negatives, ``hard`` of them from the nearest; more from there where the rest has too few."""
        near, far = self.negatives[:_HARD], self.negatives[_HARD:]
        others = rng.sample(far, min(count - hard, len(far)))
        return rng.sample(near, min(count - len(others), len(near))) + others


class Groups(NamedTuple):
    """What a cross-encoder is trained on, stage by stage, and what it is watched on; nothing is chosen by that."""

    pseudo: list[Group]
    training: list[Group]
    held_out: list[Group]


class Split(NamedTuple):
    """Questions by what they are for; no passage that answers a tuning or test question is seen in training."""

    training: list[Question]
    tuning: list[Question]
    test: list[Question]


def split_of(corpus: Corpus, tuning: int, test: int, seed: int = 0) -> Split:
    """The corpus's answerable questions in three parts that share no question and no gold passage."""
    questions = [question for question in corpus.questions if question.gold]
    random.Random(seed).shuffle(questions)
    held = questions[: tuning + test]
    taken = {name for question in held for name in question.gold}
    rest = [question for question in questions[tuning + test :] if not taken & set(question.gold)]
    return Split(rest, held[:tuning], held[tuning:])


def groups_of(
    search: "PoolSearch", questions: Sequence[Question], fewest: int, withheld: frozenset[str] = frozenset()
) -> list[Group]:
    """A group a question: its negatives are both rankings of it by turns, never from ``withheld``."""
    from cases import holds_answer

    passages = search.corpus.passages
    groups = []
    for question in questions:
        wrong = [
            passages[name]
            for name in _by_turns(search.dense(question.text, _DEPTH), search.bm25(question.text, _DEPTH))
            if name not in question.gold and name not in withheld and not holds_answer(passages[name], question.answers)
        ]
        if len(wrong) >= fewest:
            groups.append(Group(question.text, passages[question.gold[0]], tuple(wrong)))
    return groups


def pseudo_groups(
    search: "PoolSearch", sentences: int, fewest: int, withheld: frozenset[str], seed: int
) -> list[Group]:
    """Sentences of a passage as its questions, mostly cut out of it (inverse cloze task, Lee et al. 2019).

    One sentence in ten stays where it was, so that literal matches count too. Negatives are the passages nearest to
    the passage and those with the highest BM25 for the sentence.
    """
    rng = random.Random(seed)
    passages = search.corpus.passages
    split = {name: dict.fromkeys(_SENTENCE_END.split(text[:1500])) for name, text in passages.items()}
    seen = Counter(sentence for parts in split.values() for sentence in parts)
    groups = []
    for at, (name, text) in enumerate(passages.items()):
        if name in withheld:
            continue
        # A sentence that several passages have tells none of them apart.
        usable = [one for one in split[name] if 40 <= len(one) <= 300 and seen[one] == 1]
        alike = [search.ids[i] for i in np.argsort(-(search.vectors @ search.vectors[at]), kind="stable")[:_HARD]]
        for sentence in rng.sample(usable, min(sentences, len(usable))):
            rest = text if rng.random() < 0.1 else text.replace(sentence, " ", 1).strip()
            wrong = [
                passages[other]
                for other in _by_turns(alike, search.bm25(sentence, _HARD + 1))
                if other != name and other not in withheld and sentence not in passages[other]
            ]
            if len(rest) >= 100 and len(wrong) >= fewest:
                groups.append(Group(sentence, rest, tuple(wrong)))
    return groups


def gathered(
    search: "PoolSearch",
    split: Split,
    others: Sequence["PoolSearch"],
    *,
    fewest: int,
    sentences: int,
    count: int | None,
    seed: int,
) -> Groups:
    """All groups: from the pool that is measured on, which weighs double, and from other pools.

    ``sentences`` of each passage become pseudo-queries, of the questions ``count`` (None: all) are taken, and each has
    at least ``fewest`` negatives.
    """
    withheld = frozenset(name for question in split.tuning + split.test for name in question.gold)
    own = groups_of(search, split.training, fewest, withheld)
    foreign = [
        groups_of(other, [question for question in other.corpus.questions if question.gold], fewest) for other in others
    ]
    pseudo = [
        group
        for pool in (search, *others)
        if sentences
        for group in pseudo_groups(pool, sentences, fewest, withheld if pool is search else frozenset(), seed)
    ]
    return Groups(pseudo, mixed([own, own, *foreign], count, seed), groups_of(search, split.tuning, fewest))


def mixed(by_corpus: Sequence[Sequence[Group]], count: int | None, seed: int) -> list[Group]:
    """``count`` groups (None: all), as many from each corpus as it has to give, shuffled; fewer where there are not
    so many."""
    rng = random.Random(seed)
    piles = [rng.sample(list(groups), len(groups)) for groups in by_corpus]
    taken: list[Group] = []
    count = sum(map(len, piles)) if count is None else count
    while len(taken) < count and any(piles):
        for pile in piles:
            if pile and len(taken) < count:
                taken.append(pile.pop())
    rng.shuffle(taken)
    return taken


def written(groups: Groups) -> Iterator[str]:
    """Groups as JSON lines: each passage once, then the groups with its number in its place."""
    listed = [group for stage in groups for group in stage]
    texts = dict.fromkeys(text for group in listed for text in group.negatives)
    numbers = {text: number for number, text in enumerate(texts)}
    for text in numbers:
        yield json.dumps({"passage": text})
    for stage, members in groups._asdict().items():
        for group in members:
            row = {
                "stage": stage,
                "question": group.question,
                "positive": numbers.get(group.positive, group.positive),
                "negatives": [numbers[text] for text in group.negatives],
            }
            yield json.dumps(row)


def write_groups(groups: Groups, path: Path) -> None:
    """Groups as gzipped JSON lines."""
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in written(groups))


def read_groups(path: Path) -> Groups:
    """What ``write_groups`` wrote."""
    groups = Groups([], [], [])
    passages: list[str] = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            if "passage" in row:
                passages.append(row["passage"])
                continue
            named = row["positive"]
            positive = passages[named] if isinstance(named, int) else named
            wrong = tuple(passages[number] for number in row["negatives"])
            getattr(groups, row["stage"]).append(Group(row["question"], positive, wrong))
    return groups


def _by_turns(one: Sequence[str], other: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name for pair in zip(one, other, strict=False) for name in pair))
