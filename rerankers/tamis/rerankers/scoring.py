"""How candidates get their log-odds: in batches, within a deadline, with a second scorer for what the first left.

What to ask next is decided in one place, ``scoring``, a generator that does no waiting itself. ``perform`` and
``aperform`` do the waiting, so that the sync and the async path cannot come to different results.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from tamis.core import threads
from tamis.core.content import Content
from tamis.core.errors import BROKEN_SETUP, MediaError, ModelUnavailable, ScorerError
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.models import EvidenceAware, Scorer, checked_scores
from tamis.models.deadline import until as returning_by
from tamis.nodes import content_of, evidence_of, query_of

R = TypeVar("R")

FALLBACK_SHARE = 0.2
"""The part of the deadline that is kept for the fallback scorer, where there is one."""

RESERVE_SHARE = 0.1
LONGEST_RESERVE_S = 0.25
"""A scorer is told to return this much before it is given up, so that what it has by then is not lost."""

LONGEST_REASON = 200


@dataclass(frozen=True)
class Task:
    """What is to be scored, and with what. ``deadline_s`` is in seconds from the first step."""

    query: QueryBundle
    nodes: Sequence[NodeWithScore]
    scorer: Scorer
    fallback: Scorer | None
    batch_size: int
    deadline_s: float | None
    media: MediaPolicy | None
    metadata_mode: MetadataMode


class Score(NamedTuple):
    """A candidate's log-odds, and whether they are the fallback scorer's."""

    log_odds: float
    by_fallback: bool = False


@dataclass
class Scores:
    """One entry for each candidate, in order: its score, or why there is none."""

    found: list[Score | None]
    reasons: list[str | None]

    @classmethod
    def none(cls, count: int) -> "Scores":
        """Nothing scored yet."""
        return cls([None] * count, [None] * count)

    def pending(self) -> list[int]:
        """The candidates without a score."""
        return [at for at, score in enumerate(self.found) if score is None]

    def because(self, reason: str, candidates: Sequence[int]) -> None:
        """Notes why these have no score, where they have none."""
        for at in candidates:
            if self.found[at] is None:
                self.reasons[at] = reason


class Call(NamedTuple):
    """One step that takes time, in its two forms, and the monotonic time at which waiting for it ends."""

    sync: Callable[[], Any]
    asynchronous: Callable[[], Awaitable[Any]]
    until: float | None


class Outcome(NamedTuple):
    """What came of a call: its value, its error, or that it was too late."""

    value: Any = None
    error: Exception | None = None
    late: bool = False


Steps = Generator[Call, Outcome, Scores]


def scoring(task: Task) -> Steps:
    """Yields each call to be made, is sent its outcome, and returns the scores.

    Raises what BROKEN_SETUP lists when a scorer raises it, but for a model that cannot be loaded where a fallback
    stands in for it; every other failure becomes a reason.
    """
    started = time.monotonic()
    end = None if task.deadline_s is None else started + task.deadline_s
    scores = Scores.none(len(task.nodes))
    everything = range(len(task.nodes))

    read = attempt(lambda: contents(task))
    media = task.media
    if media is not None and read.error is None and unread(task, *read.value):
        asked, found = read.value
        # The one step that waits for a disk or a server; a thread for nothing would cost as much as a cheap scorer.
        read = yield in_thread(lambda: all_read_in(asked, found, media), end)
    if read.late or read.error is not None:
        scores.because(reason_of(task, read), everything)
        return scores
    query, passages = read.value
    if not query:
        scores.because("the query is empty", everything)
        return scores

    first_end = end
    if task.deadline_s is not None and task.fallback is not None:
        first_end = started + task.deadline_s * (1 - FALLBACK_SHARE)
    yield from asking(task, task.scorer, query, passages, scores, first_end)
    if task.fallback is not None and scores.pending():
        yield from asking(task, task.fallback, query, passages, scores, end)
    return scores


def asking(
    task: Task, scorer: Scorer, query: Content, passages: Sequence[Content], scores: Scores, until: float | None
) -> Steps:
    """Asks one scorer for every candidate that has no score yet."""
    pending = scores.pending()
    by_fallback = scorer is not task.scorer
    if isinstance(scorer, EvidenceAware):
        # Evidence is compared among all candidates, so that parts of the list would get other scores than the whole.
        groups = [list(range(len(passages)))]
    else:
        scores.because("neither text nor image to score", [at for at in pending if not passages[at]])
        usable = [at for at in pending if passages[at]]
        # Some scorers batch by themselves, and better: by length, or by how many requests a server takes at once.
        size = max(1, len(usable)) if getattr(scorer, "whole_lists", False) else task.batch_size
        groups = [usable[at : at + size] for at in range(0, len(usable), size)]
    for number, group in enumerate(groups):
        if until is not None and time.monotonic() >= until:
            outcome = Outcome(late=True)
        else:
            outcome = yield call_of(scorer, query, passages, group, task, until)
        if outcome.late:
            scores.because(reason_of(task, outcome), [at for left in groups[number:] for at in left])
            break
        is_spare = isinstance(outcome.error, ModelUnavailable) and task.fallback is not None and not by_fallback
        if isinstance(outcome.error, BROKEN_SETUP) and not is_spare:
            raise outcome.error
        if outcome.error is not None:
            scores.because(reason_of(task, outcome), group)
            continue
        for at, log_odds in zip(group, outcome.value, strict=True):
            if scores.found[at] is None and log_odds is not None:
                scores.found[at], scores.reasons[at] = Score(log_odds, by_fallback), None
        too_late = until is not None and time.monotonic() >= told_by(until, task.deadline_s)
        scores.because(reason_of(task, Outcome(late=True)) if too_late else "the scorer gave no score", group)
    return scores


def told_by(until: float, deadline_s: float | None) -> float:
    """The monotonic time by which a scorer that can stop early should return, when it is given up at ``until``."""
    return until - min(LONGEST_RESERVE_S, RESERVE_SHARE * (deadline_s or 0.0))


def call_of(
    scorer: Scorer,
    query: Content,
    passages: Sequence[Content],
    group: Sequence[int],
    task: Task,
    until: float | None,
) -> Call:
    """The call that scores these candidates; its value is one log-odds or None for each of them.

    The scorer finds the time by which it should return in ``tamis.models.deadline``.
    """
    asked = [passages[at] for at in group]
    told = None if until is None else told_by(until, task.deadline_s)
    if isinstance(scorer, EvidenceAware):
        aware, evidence = scorer, [evidence_of(task.nodes[at]) for at in group]

        def score_evidence() -> list[float | None]:
            with returning_by(told):
                return checked_scores(aware.score_evidence(query, asked, evidence), len(asked))

        return in_thread(score_evidence, until)

    def score() -> list[float | None]:
        with returning_by(told):
            return checked_scores(scorer.score(query, asked), len(asked))

    async def ascore() -> list[float | None]:
        with returning_by(told):
            return checked_scores(await scorer.ascore(query, asked), len(asked))

    return Call(score, ascore, until)


def in_thread(work: Callable[[], Any], until: float | None) -> Call:
    """A call of something that has no async form of its own."""
    return Call(work, lambda: threads.in_thread(work), until)


def contents(task: Task) -> tuple[Content, list[Content]]:
    """The query and the candidates as scorers take them; no image is read yet."""
    return query_of(task.query), [content_of(node, task.metadata_mode) for node in task.nodes]


def unread(task: Task, query: Content, passages: Sequence[Content]) -> bool:
    """Whether there are images to be read in: of those that a scorer may look at, and not there as bytes."""
    if not (sees_images(task.scorer) or sees_images(task.fallback)):
        return False
    return any(image.data is None for content in (query, *passages) for image in content.images)


def all_read_in(query: Content, passages: Sequence[Content], media: MediaPolicy) -> tuple[Content, list[Content]]:
    """The query and the candidates with the images that the media policy allows as bytes."""
    return read_in(query, media), [read_in(passage, media) for passage in passages]


def sees_images(scorer: Scorer | None) -> bool:
    """Whether a scorer may look at images: one that says nothing about its ``modalities`` may."""
    return scorer is not None and "image" in getattr(scorer, "modalities", ("image",))


def read_in(content: Content, media: MediaPolicy) -> Content:
    """The content with every image as bytes that the policy lets through; others stay, for the scorer's own policy."""
    if all(image.data is not None for image in content.images):
        return content
    return replace(content, images=tuple(read_image(image, media) for image in content.images))


def read_image(image: Image, media: MediaPolicy) -> Image:
    """The image as bytes, or as it is where the policy refuses it or it is broken."""
    try:
        return Image(data=media.read(image))
    except MediaError:
        return image


def reason_of(task: Task, outcome: Outcome) -> str:
    """Why an outcome brought no scores, in one line."""
    if outcome.late or outcome.error is None:
        return f"the deadline of {task.deadline_s:g} s"
    return one_line(outcome.error)


def one_line(error: Exception) -> str:
    """An error in one line of bounded length.

    >>> one_line(ValueError("no"))
    'ValueError: no'
    """
    text = f"{type(error).__name__}: {error}".replace("\n", " ")
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}..."


def drive(steps: Generator[Any, Outcome, R], answer: Callable[[Any], Outcome]) -> R:
    """Takes one step after the other, on this thread, and gives the result."""
    try:
        step = next(steps)
        while True:
            step = steps.send(answer(step))
    except StopIteration as finished:
        result: R = finished.value
        return result


async def adrive(steps: Generator[Any, Outcome, R], answer: Callable[[Any], Awaitable[Outcome]]) -> R:
    """The same as ``drive``, the event loop free while it waits."""
    try:
        step = next(steps)
        while True:
            step = steps.send(await answer(step))
    except StopIteration as finished:
        result: R = finished.value
        return result


def perform(call: Call) -> Outcome:
    """What comes of a call in time. One that is late goes on in its thread, and nobody looks at its result."""
    if call.until is None:
        return attempt(call.sync)
    try:
        return threads.begun(attempt, call.sync).result(timeout=max(0.0, call.until - time.monotonic()))
    except TimeoutError:
        # Of the waiting: what the call raises is in its outcome.
        return Outcome(late=True)


def attempt(work: Callable[[], Any]) -> Outcome:
    """The outcome of a call made here and now."""
    try:
        return Outcome(work())
    except Exception as error:  # noqa: BLE001 - whatever a scorer raises, no candidate may be lost
        return Outcome(error=error)


async def aperform(call: Call) -> Outcome:
    """What comes of a call in time. One that is late is cancelled and not waited for, as it may not obey."""

    async def work() -> Any:
        return await call.asynchronous()

    task = asyncio.ensure_future(work())
    # Looks at the error of a task that nobody waits for any more, or asyncio would complain about it.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        timeout = None if call.until is None else max(0.0, call.until - time.monotonic())
        await asyncio.wait({task}, timeout=timeout)
    finally:
        late = not task.done()
        if late:
            task.cancel()
    if late:
        return Outcome(late=True)
    if task.cancelled():
        return Outcome(error=ScorerError("the scorer cancelled itself"))
    error = task.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    return Outcome(error=error) if error is not None else Outcome(task.result())
