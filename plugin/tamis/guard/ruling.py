"""What a guard rules on a sentence, a query or a passage. A judge or a screen that fails on one loses no answer."""

import math
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Any, Literal, NamedTuple, TypeVar

from tamis.core.content import Content
from tamis.core.errors import BROKEN_SETUP
from tamis.models.deadline import until
from tamis.models.judge import Judge, Verdict
from tamis.models.screen import Screen, Screened

from .claims import nothing_to_check, said
from .guard import Guard

Decision = Literal["supported", "unsupported", "disputed", "unknown", "harmful", "unchecked"]
"""Disputed: two judges disagree. Unknown: no verdict. Unchecked: there is nothing in it to check, or no judge."""

T = TypeVar("T")

_PASSING = ("supported", "unchecked")

_WORD = re.compile(r"\w")


class Ruling(NamedTuple):
    """What was decided, by which probabilities (None where nobody gave one), and why.

    ``category`` is the screen's, None for harmless or where it has none.
    """

    decision: Decision
    reason: str = ""
    supported: float | None = None
    harmful: float | None = None
    category: str | None = None


class Timed(NamedTuple):
    """Rulings in order, and the seconds that all of them took."""

    rulings: list[Ruling]
    seconds: float


def ruled(
    guard: Guard, claims: Sequence[str], evidence: Sequence[Content], question: str = "", following: str = ""
) -> Timed:
    """One ruling for each sentence of an answer against the passages it is to rest on, in order.

    The screen comes first: what is harmful needs no support. An error of a judge or screen is an "unknown" with the
    error as its reason; only what no other sentence would be spared (BROKEN_SETUP: a model that cannot be loaded, say)
    is raised. ``question`` is what was asked, ``following`` the sentence behind the last one, where it is known.
    """
    start = time.perf_counter()
    behind = [*claims[1:], following]
    idle = [nothing_to_check(claim, after, question) for claim, after in zip(claims, behind, strict=True)]
    screened = _screened(guard, [Content(claim) for claim in claims])
    verdicts = _judged(guard, claims, evidence, screened, idle)
    rulings = [_ruling(guard, *row) for row in zip(claims, screened, verdicts, idle, strict=True)]
    return Timed(rulings, time.perf_counter() - start)


def screened_by(guard: Guard, contents: Sequence[Content]) -> Timed:
    """One ruling for each query or passage: "harmful", "unknown", or "unchecked" for what may pass."""
    start = time.perf_counter()
    rulings = []
    for one in _screened(guard, contents):
        if one is None:
            rulings.append(Ruling("unchecked"))
        elif one.harmful is None:
            rulings.append(Ruling("unknown", one.reason))
        else:
            decision: Decision = "harmful" if _is_harmful(guard, one) else "unchecked"
            rulings.append(Ruling(decision, one.reason, None, one.harmful, one.category))
    return Timed(rulings, time.perf_counter() - start)


def _ruling(guard: Guard, claim: str, screened: Screened | None, verdict: Verdict | None, idle: str | None) -> Ruling:
    harmful = None if screened is None else screened.harmful
    if screened is not None and _is_harmful(guard, screened):
        return Ruling("harmful", screened.reason, None, harmful, screened.category)
    if verdict is None:
        ruling = Ruling("unchecked", idle or "no judge is set", None, harmful)
    elif verdict.supported is None:
        from tamis.models.judges import is_disputed

        decision: Decision = "disputed" if is_disputed(verdict) else "unknown"
        ruling = Ruling(decision, verdict.reason or "the judge gave no reason", None, harmful)
    else:
        supported = verdict.supported >= guard.supported_at
        ruling = Ruling("supported" if supported else "unsupported", verdict.reason, verdict.supported, harmful)
    if screened is not None and harmful is None and _WORD.search(claim) and ruling.decision in _PASSING:
        return ruling._replace(decision="unknown", reason=f"not screened: {screened.reason}")
    return ruling


def _screened(guard: Guard, contents: Sequence[Content]) -> list[Screened | None]:
    screen: Screen | None = guard.screen
    if screen is None or not contents:
        return [None] * len(contents)

    def work() -> list[Screened]:
        found = screen.screen(contents)
        return [
            _told(one) if _is_probability(one.harmful) else Screened(None, f"it gave {one.harmful!r}") for one in found
        ]

    found = _attempt(f"the screen {screen.name}", work, len(contents), guard.deadline_s)
    return [Screened(None, found)] * len(contents) if isinstance(found, str) else [*found]


def _judged(
    guard: Guard,
    claims: Sequence[str],
    evidence: Sequence[Content],
    screened: Sequence[Screened | None],
    idle: Sequence[str | None],
) -> list[Verdict | None]:
    judge: Judge | None = guard.judge
    verdicts: list[Verdict | None] = [None] * len(claims)
    if judge is None:
        return verdicts
    open_ones = [at for at, why in enumerate(idle) if not why and not _is_harmful(guard, screened[at])]
    if not open_ones:
        return verdicts
    asked = [said(claims[at]) for at in open_ones]

    def work() -> list[Verdict]:
        found = judge.judge(asked, [list(evidence) for _ in asked])
        return [
            Verdict(one.supported, _text(one.reason))
            if _is_probability(one.supported)
            else Verdict(None, f"it gave {one.supported!r}")
            for one in found
        ]

    found = _attempt(f"the judge {judge.name}", work, len(asked), guard.deadline_s)
    for place, at in enumerate(open_ones):
        verdicts[at] = Verdict(None, found) if isinstance(found, str) else found[place]
    return verdicts


def _is_harmful(guard: Guard, screened: Screened | None) -> bool:
    """Whether the guard's screen would stop it."""
    return screened is not None and screened.harmful is not None and screened.harmful >= guard.screen.threshold


def _told(screened: Screened) -> Screened:
    """A result whose reason and category can be told, whatever a screen put there."""
    category = None if screened.category is None else _text(screened.category)
    return Screened(screened.harmful, _text(screened.reason), category)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _is_probability(value: float | None) -> bool:
    return value is None or (math.isfinite(value) and 0 <= value <= 1)


def _attempt(who: str, work: Callable[[], list[T]], wanted: int, seconds: float | None) -> list[T] | str:
    """What the work gives, or why it gave nothing that can be used."""
    try:
        found = work() if seconds is None else within(seconds, work)
    except BROKEN_SETUP:
        raise
    except TimeoutError:
        return f"{who} gave nothing within {seconds} s"
    except Exception as error:  # noqa: BLE001 - one sentence must not lose the answer; the reason is recorded
        return f"{who} failed: {type(error).__name__}: {error}"[:300]
    if len(found) != wanted:
        return f"{who} gave {len(found)} results for {wanted}"
    return found


def within(seconds: float, work: Callable[[], T]) -> T:
    """What the work gives, in this context but in a thread of its own. Raises TimeoutError where it takes longer.

    A judge that hangs keeps its thread, a daemon, and nobody waits for it.
    """
    result: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            with until(time.monotonic() + seconds):
                result.append(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            failure.append(error)

    thread = threading.Thread(target=copy_context().run, args=(run,), daemon=True, name="tamis-guard")
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if not result:
        raise TimeoutError
    return result[0]
