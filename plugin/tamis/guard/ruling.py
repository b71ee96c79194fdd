"""What a guard rules on a sentence, a query or a passage. It never raises because of a judge or a screen that fails."""

import math
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Literal, NamedTuple, TypeVar

from tamis.core.content import Content
from tamis.core.errors import MissingExtra
from tamis.models.deadline import until
from tamis.models.judge import Judge, Verdict
from tamis.models.refusal import abstains
from tamis.models.screen import Screen, Screened

from .guard import Guard

Decision = Literal["supported", "unsupported", "disputed", "unknown", "harmful", "unchecked"]
"""Disputed: two judges disagree. Unknown: no verdict. Unchecked: there is nothing in it to check, or no judge."""

T = TypeVar("T")

_PASSING = ("supported", "unchecked")

_WORD = re.compile(r"\w")
_DIGIT = re.compile(r"\d")
_NAMED = re.compile(r"[*_(\[\"'“]*[A-Z]\w")  # "I" is no name
_LONGEST_LABEL = 80
_MOST_HEADING, _MOST_LEADING = 2, 3
"""Content words of a heading, and of a line that leads to a list, that are not judged: "Here are the main steps:"."""
# What is no part of what a sentence says: the mark of a list's item or a heading, and citation marks.
_ITEM = re.compile(r"^(?:(?:[-*+•‣◦▪·–—]|#{1,6}|>|\(?(?:\d{1,3}|[A-Za-z])[.)])\s+)+")
_CITED = re.compile(r"\s*\[\d{1,3}(?:[ \t]*[,–-][ \t]*\d{1,3})*\]")


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


def ruled(guard: Guard, claims: Sequence[str], evidence: Sequence[Content]) -> Timed:
    """One ruling for each sentence of an answer against the passages it is to rest on, in order.

    The screen comes first: what is harmful needs no support. An error of a judge or screen is an "unknown" with the
    error as its reason; only MissingExtra, which no other sentence will do without, is raised.
    """
    start = time.perf_counter()
    screened = _screened(guard, [Content(claim) for claim in claims])
    verdicts = _judged(guard, claims, evidence, screened)
    rulings = [_ruling(guard, *row) for row in zip(claims, screened, verdicts, strict=True)]
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


def _ruling(guard: Guard, claim: str, screened: Screened | None, verdict: Verdict | None) -> Ruling:
    harmful = None if screened is None else screened.harmful
    if screened is not None and _is_harmful(guard, screened):
        return Ruling("harmful", screened.reason, None, harmful, screened.category)
    if verdict is None:
        ruling = Ruling("unchecked", _nothing_to_check(claim) or "no judge is set", None, harmful)
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


def said(sentence: str) -> str:
    """What a sentence says, without the number or bullet of a list's item and without citation marks.

    >>> said("2. The Thames is 346 km long. [1, 3]")
    'The Thames is 346 km long.'
    """
    return _CITED.sub("", _ITEM.sub("", sentence)).strip()


def _nothing_to_check(claim: str) -> str | None:
    """Why a sentence states nothing that passages could support; None where it may."""
    text = said(claim)
    if not _WORD.search(text):
        return "it has no word"
    if abstains(text):
        return "it says that there is no answer"
    return "it is a heading, or leads to what follows" if _is_label(claim.lstrip(), text) else None


def _is_label(claim: str, text: str) -> bool:
    """Whether a sentence is a heading or ends in a colon, and has too few words to state a fact; a digit is one.

    Judges of facts take a single word for an answer or a name: an answer would end at its first "## Summary".
    """
    if len(text) > _LONGEST_LABEL or _DIGIT.search(text):
        return False
    if not claim.startswith("#"):
        leads = text.rstrip("*_ ").endswith((":", "："))
        if not leads or any(_NAMED.match(word) for word in text.split()[1:]):
            return False
    from tamis.models.lexical import tokenize

    return len(tokenize(text)) <= (_MOST_HEADING if claim.startswith("#") else _MOST_LEADING)


def _screened(guard: Guard, contents: Sequence[Content]) -> list[Screened | None]:
    screen: Screen | None = guard.screen
    if screen is None or not contents:
        return [None] * len(contents)

    def work() -> list[Screened]:
        found = screen.screen(contents)
        return [one if _is_probability(one.harmful) else Screened(None, f"it gave {one.harmful!r}") for one in found]

    found = _attempt(f"the screen {screen.name}", work, len(contents), guard.deadline_s)
    return [Screened(None, found)] * len(contents) if isinstance(found, str) else [*found]


def _judged(
    guard: Guard, claims: Sequence[str], evidence: Sequence[Content], screened: Sequence[Screened | None]
) -> list[Verdict | None]:
    judge: Judge | None = guard.judge
    verdicts: list[Verdict | None] = [None] * len(claims)
    if judge is None:
        return verdicts
    open_ones = [
        at for at, claim in enumerate(claims) if not _is_harmful(guard, screened[at]) and not _nothing_to_check(claim)
    ]
    if not open_ones:
        return verdicts
    asked = [said(claims[at]) for at in open_ones]

    def work() -> list[Verdict]:
        found = judge.judge(asked, [list(evidence) for _ in asked])
        return [one if _is_probability(one.supported) else Verdict(None, f"it gave {one.supported!r}") for one in found]

    found = _attempt(f"the judge {judge.name}", work, len(asked), guard.deadline_s)
    for place, at in enumerate(open_ones):
        verdicts[at] = Verdict(None, found) if isinstance(found, str) else found[place]
    return verdicts


def _is_harmful(guard: Guard, screened: Screened | None) -> bool:
    """Whether the guard's screen would stop it."""
    return screened is not None and screened.harmful is not None and screened.harmful >= guard.screen.threshold


def _is_probability(value: float | None) -> bool:
    return value is None or (math.isfinite(value) and 0 <= value <= 1)


def _attempt(who: str, work: Callable[[], list[T]], wanted: int, seconds: float | None) -> list[T] | str:
    """What the work gives, or why it gave nothing that can be used."""
    try:
        found = work() if seconds is None else within(seconds, work)
    except MissingExtra:
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
