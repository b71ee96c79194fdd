"""The two checkers that must agree before a claim counts as supported or not."""

from collections.abc import Sequence
from functools import lru_cache

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.models.judge import Judge, Verdict
from tamis.models.judges import JUDGES

Checkers = tuple[str | Judge, str | Judge]
"""Two judges, by name or as they are."""

DEFAULT: Checkers = ("agreement", "coverage")
"""Two that need no model and no extra, and look at different things: numbers, dates and names, and all other words."""

ONE: str = "facts"
"""Where a single judge is asked: wording and facts together."""


def checked(checkers: Checkers) -> Checkers:
    """The pair itself, as a tuple. Raises BadSetting unless there are two that differ.

    >>> checked(("coverage", "coverage"))
    Traceback (most recent call last):
        ...
    tamis.core.errors.BadSetting: two checkers must differ, or they agree about nothing: coverage
    """
    pair = tuple(checkers)
    if len(pair) != 2:
        raise BadSetting(f"there must be two checkers, not {len(pair)}")
    names = [one if isinstance(one, str) else one.name for one in pair]
    if names[0] == names[1]:
        raise BadSetting(f"two checkers must differ, or they agree about nothing: {names[0]}")
    return pair


def judge_of(checker: str | Judge) -> Judge:
    """The judge of a name, made once; a judge as it is. Raises UnknownComponent."""
    return _named(checker) if isinstance(checker, str) else checker


def verdicts(judge: Judge, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
    """One verdict for each claim. Raises BadInput for a judge that gives another number of them."""
    found = list(judge.judge(claims, evidence)) if claims else []
    if len(found) != len(claims):
        raise BadInput(f'the judge "{judge.name}" gave {len(found)} verdicts on {len(claims)} claims')
    return found


@lru_cache(maxsize=16)
def _named(name: str) -> Judge:
    return JUDGES.build(name)
