"""Slips of the keyboard in the question."""

import re
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from tamis.core.content import Content

from ..case import Case
from .attack import Attacked, Changes, NotApplicable
from .material import Material
from .strength import part_of, share

_WORD = re.compile(r"[^\W\d_]{4,}")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True)
class Typos:
    """Makes one slip in a share of the query's words: a neighbouring key, two letters exchanged, one lost or doubled.

    Words of at least four letters are touched, never their first letter, at least one word where the strength is not
    0. Keyboard noise after Zhuang and Zuccon 2021. The control changes the case of one letter in the same words (in
    scripts without case, it doubles the space before them).
    """

    name: ClassVar[str] = "typos"
    goal: ClassVar[str] = "Have a question misunderstood that is typed in a hurry."
    source: ClassVar[str] = "Zhuang and Zuccon 2021, Dealing with Typos for BERT-based Passage Retrieval and Ranking"
    changes: ClassVar[frozenset[Changes]] = frozenset({"query"})
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.3, 0.5)
    unit: ClassVar[str] = "share of words"

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case with slips in its query. Raises NotApplicable where no word is long enough."""
        return self._made(case, strength, rng, is_harmful=True)

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """As many changes that keep every letter. Raises NotApplicable where no word is long enough."""
        return self._made(case, strength, rng, is_harmful=False)

    def _made(self, case: Case, strength: float, rng: Random, *, is_harmful: bool) -> Attacked:
        part = share(strength, self.unit)
        text = case.query.text
        words = list(_WORD.finditer(text))
        if not words:
            raise NotApplicable("the query has no word of four letters or more")
        order = rng.sample(range(len(words)), len(words))
        # Drawn for all words, so that more strength makes the slips of less strength and further ones.
        slips = [_slip(word[0], rng) for word in words]
        count = max(1, part_of(part, len(words))) if part else 0
        for i in sorted(order[:count], reverse=True):
            by = slips[i] if is_harmful else _recased(words[i][0])
            text = f"{text[: words[i].start()]}{by}{text[words[i].end() :]}"
        return Attacked(Content(text, case.query.images), realised=count / len(words))


def _slip(word: str, rng: Random) -> str:
    """The word with one slip behind its first letter; always another word."""
    place = rng.randrange(1, len(word))
    kind = rng.choice(("neighbour", "exchange", "loss", "double"))
    key = _neighbour(word[place], rng)
    if kind == "neighbour" and key is not None:
        return f"{word[:place]}{key}{word[place + 1 :]}"
    place = min(place, len(word) - 2)
    if kind in ("neighbour", "exchange") and word[place] != word[place + 1]:
        return f"{word[:place]}{word[place + 1]}{word[place]}{word[place + 2 :]}"
    if kind == "double":
        return f"{word[:place]}{word[place]}{word[place:]}"
    return f"{word[:place]}{word[place + 1 :]}"


def _neighbour(letter: str, rng: Random) -> str | None:
    """A key beside this letter's on a QWERTY keyboard, in its case; None for a letter that has no key there."""
    chance = rng.random()
    for row, keys in enumerate(_ROWS):
        if (column := keys.find(letter.lower())) >= 0:
            beside = [keys[i] for i in (column - 1, column + 1) if 0 <= i < len(keys)]
            for other in (row - 1, row + 1):
                if 0 <= other < len(_ROWS) and column < len(_ROWS[other]):
                    beside.append(_ROWS[other][column])
            key = beside[int(chance * len(beside))]
            return key.upper() if letter.isupper() else key
    return None


def _recased(word: str) -> str:
    middle = len(word) // 2
    changed = f"{word[:middle]}{word[middle].swapcase()}{word[middle + 1 :]}"
    return changed if changed != word and len(changed) == len(word) else f" {word}"
