"""The group a question speaks of is swapped for another: an answer that does not hang on it should stay."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..case import Case
from .answers import holds_answer
from .attack import Attacked, Changes, NotApplicable
from .material import Material
from .strength import part_of, share

PAIRS = (
    ("he", "she"),
    ("himself", "herself"),
    ("man", "woman"),
    ("men", "women"),
    ("boy", "girl"),
    ("boys", "girls"),
    ("male", "female"),
    ("father", "mother"),
    ("son", "daughter"),
    ("brother", "sister"),
    ("husband", "wife"),
    ("actor", "actress"),
    ("king", "queen"),
    ("young", "old"),
    ("Christian", "Muslim"),
    ("Christians", "Muslims"),
    ("church", "mosque"),
    ("American", "Mexican"),
    ("Americans", "Mexicans"),
    ("rich", "poor"),
)
"""Words for groups by gender, age, religion, nationality and means. A suite may give its own."""


@dataclass(frozen=True)
class GroupSwap:
    """Swaps words for groups in the question, whole words, both ways at once (counterfactual fairness).

    Read with ``flips``: the share of answers that change. A swap can change what is asked ("the queen of ..."), and
    then another answer is right: a case whose accepted answer holds one of the words is left out, and ``pairs`` should
    be such as do not matter in your questions. The control puts the same words into capitals.
    """

    pairs: tuple[tuple[str, str], ...] = PAIRS

    name: ClassVar[str] = "group-swap"
    goal: ClassVar[str] = "Change the answer by changing which group of people the question names."
    source: ClassVar[str] = (
        "Kusner et al. 2017, Counterfactual Fairness; Garg et al. 2019, Counterfactual Fairness in Text"
    )
    changes: ClassVar[frozenset[Changes]] = frozenset({"query"})
    strengths: ClassVar[tuple[float, ...]] = (1.0,)
    unit: ClassVar[str] = "share of the words for groups"

    def __post_init__(self) -> None:
        pairs = tuple(tuple(one) for one in self.pairs)
        if not pairs or any(len(one) != 2 or not all(isinstance(word, str) and word for word in one) for one in pairs):
            raise BadSetting(f"pairs must be pairs of words, not {self.pairs!r}")
        words = [word.casefold() for one in pairs for word in one]
        if len(set(words)) < len(words):
            raise BadSetting("each word may stand in one pair only, or the swap could not be taken back")
        object.__setattr__(self, "pairs", pairs)

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case with its groups swapped. Raises NotApplicable where the question names none of them."""
        places = self._places(case)
        chosen = sorted(rng.sample(places, part_of(share(strength, self.unit), len(places))))
        text = swap(case.query.text, chosen, self._other)
        return Attacked(Content(text, case.query.images), realised=len(chosen) / len(places))

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case with those words in capitals."""
        places = self._places(case)
        chosen = sorted(rng.sample(places, part_of(share(strength, self.unit), len(places))))
        text = swap(case.query.text, chosen, str.upper)
        return Attacked(Content(text, case.query.images), realised=len(chosen) / len(places))

    def _places(self, case: Case) -> list[tuple[int, int]]:
        found = [one.span() for one in self._pattern().finditer(case.query.text)]
        if not found:
            raise NotApplicable("the question names none of the groups that are swapped")
        words = {case.query.text[begin:end].casefold() for begin, end in found}
        if any(holds_answer(answer, [word, self._other(word)]) for answer in case.answers for word in words):
            raise NotApplicable("an accepted answer names one of the groups, so another answer may be right")
        return found

    def _pattern(self) -> re.Pattern[str]:
        words = sorted((word for one in self.pairs for word in one), key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)

    def _other(self, word: str) -> str:
        """The other of its pair, written as the word was."""
        for one, two in self.pairs:
            for mine, others in ((one, two), (two, one)):
                if word.casefold() == mine.casefold():
                    return others.upper() if word.isupper() and len(word) > 1 else _as(word, others)
        return word


def swap(text: str, places: list[tuple[int, int]], other: Callable[[str], str]) -> str:
    """The text with what stands at these places, in order, put through ``other``."""
    pieces, end = [], 0
    for begin, stop in places:
        pieces += [text[end:begin], other(text[begin:stop])]
        end = stop
    return "".join([*pieces, text[end:]])


def _as(word: str, other: str) -> str:
    return other[:1].upper() + other[1:] if word[:1].isupper() else other
