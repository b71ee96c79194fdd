"""Objects that a description makes up, for pictures whose objects are known: CHAIR, and AMBER's Cover, Hal and Cog."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from ..outcome import Outcome, Scored, Unscored
from ..trust.captions import Generative, generative
from ..trust.objects import Vocabulary, coco_objects
from .answered import answer_of
from .metric import About, Observed

NO_OBJECTS = Unscored("it is not known which objects are in the picture")
NAMES_NONE = Unscored("the answer names no object of the list")


@dataclass(frozen=True)
class ChairI:
    """The share of an answer's object mentions that are not in the picture, in [0, 1], lower is better.

    Objects are COCO's 80 with our own list of other words; those in the picture are ``extra["objects"]``. The mean is
    over descriptions: CHAIR_i of all mentions together (Rohrbach et al. 2018) is ``tamis.eval.trust.chair``. Unscored
    for silence, and where no object is named.
    """

    name: ClassVar[str] = "CHAIR_i"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        def share(mentions: list[str], present: frozenset[str]) -> float:
            return sum(name not in present for name in mentions) / len(mentions)

        return {self.name: _mentions(seen, share)}


@dataclass(frozen=True)
class ChairS:
    """Whether an answer names an object that is not in the picture: 1 or 0, lower is better (CHAIR_s).

    Unscored for silence, and where no object is named: the paper counts those as right.
    """

    name: ClassVar[str] = "CHAIR_s"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=False)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _mentions(seen, lambda mentions, present: float(not present.issuperset(mentions)))}


@dataclass(frozen=True)
class ObjectsCovered:
    """The share of the picture's objects that an answer names, in [0, 1]: naming one thing is safe and says little.

    Higher is better. Unscored for silence, and where no object is named.
    """

    name: ClassVar[str] = "objects_covered"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        def covered(mentions: list[str], present: frozenset[str]) -> float:
            return len(present.intersection(mentions)) / len(present)

        return {self.name: _mentions(seen, covered)}


@dataclass(frozen=True)
class AmberChair:
    """AMBER's CHAIR of one description (Wang et al. 2023), in [0, 1], lower is better.

    ``words`` is the folder with AMBER's ``relation.json`` and ``safe_words.txt``; without it only an object's own name
    counts. Words are those of AMBER's annotations, of the case and of ``words``.
    """

    words: str = ""

    name: ClassVar[str] = "AMBER_CHAIR"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _generative(seen, self.words, lambda one: one.chair)}


@dataclass(frozen=True)
class AmberCover:
    """AMBER's Cover: the share of annotated objects that a description names; in [0, 1], higher is better."""

    words: str = ""

    name: ClassVar[str] = "AMBER_Cover"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _generative(seen, self.words, lambda one: one.cover)}


@dataclass(frozen=True)
class AmberHal:
    """AMBER's Hal: whether a description names an object that is not there; 1 or 0, lower is better."""

    words: str = ""

    name: ClassVar[str] = "AMBER_Hal"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=False)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _generative(seen, self.words, lambda one: None if one.hal is None else float(one.hal))}


@dataclass(frozen=True)
class AmberCog:
    """AMBER's Cog: the share of named objects that are among those people make up; in [0, 1], lower is better."""

    words: str = ""

    name: ClassVar[str] = "AMBER_Cog"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _generative(seen, self.words, lambda one: one.cog)}


def _mentions(seen: Observed, score: Callable[[list[str], frozenset[str]], float]) -> Outcome:
    known = seen.case.extra.get("objects")
    if not isinstance(known, list | tuple | set | frozenset) or not known:
        return NO_OBJECTS
    answer = answer_of(seen)
    if isinstance(answer, Unscored):
        return answer
    mentions = coco_objects().mentions(answer)
    return Scored(score(mentions, frozenset(map(str, known)))) if mentions else NAMES_NONE


def _generative(seen: Observed, folder: str, value: Callable[[Generative], float | None]) -> Outcome:
    truth, made_up = seen.case.extra.get("truth"), seen.case.extra.get("hallu", ())
    if not isinstance(truth, list | tuple) or not truth or not isinstance(made_up, list | tuple):
        return NO_OBJECTS
    answer = answer_of(seen)
    if isinstance(answer, Unscored):
        return answer
    relation, safe = _words(folder)
    listed = {name: relation.get(name, ()) for name in dict.fromkeys((*relation, *truth, *made_up))}
    flat = {word: () for name, others in listed.items() for word in (name, *others)}
    named = Vocabulary.of(flat).mentions(answer)
    found = value(generative(named, frozenset(truth), frozenset(made_up), relation, safe)) if named else None
    return NAMES_NONE if found is None else Scored(found)


@lru_cache(maxsize=4)
def _words(folder: str) -> tuple[Mapping[str, tuple[str, ...]], frozenset[str]]:
    if not folder:
        return {}, frozenset()
    from ..datasets.amber import words

    return words(Path(folder))
