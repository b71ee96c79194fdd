"""Takes the steps of a guarded answer: with calls that wait, or with calls that are awaited and judges in threads."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

from tamis.core.threads import in_thread

from .closing import aclose, close
from .course import Course, Pull, Release, Rule, Sent, Step, Walk
from .rewrite import Rewrite
from .ruling import ruled

_ENDED = object()


def driven(
    course: Course, stream: Iterator[str], reopen: Callable[[Rewrite], Iterator[str]]
) -> Generator[str, None, None]:
    """What may be read of an answer, as soon as it may be. Closing it closes the model's stream."""
    walk = course.walk()
    try:
        step = _next(walk, None)
        while step is not None:
            if isinstance(step, Release):
                yield step.text
                step = _next(walk, None)
                continue
            sent: Sent = None
            try:
                if isinstance(step, Pull):
                    chunk = next(stream, _ENDED)
                    sent = None if chunk is _ENDED else _text(chunk)
                elif isinstance(step, Rule):
                    sent = ruled(course.guard, step.claims, course.evidence, course.query, step.following)
                else:
                    close(stream)
                    stream = iter(()) if step.prompt is None else reopen(step.prompt)
            except Exception as error:  # noqa: BLE001 - the course decides what becomes of it
                step = _failed(walk, error)
                continue
            step = _next(walk, sent)
    finally:
        walk.close()
        close(stream)


async def adriven(
    course: Course, stream: AsyncIterator[str], reopen: Callable[[Rewrite], Awaitable[AsyncIterator[str]]]
) -> AsyncGenerator[str, None]:
    """As ``driven``, without holding up the event loop: judges and screens work in threads."""
    walk = course.walk()
    try:
        step = _next(walk, None)
        while step is not None:
            if isinstance(step, Release):
                yield step.text
                step = _next(walk, None)
                continue
            sent: Sent = None
            try:
                if isinstance(step, Pull):
                    chunk = await anext(stream, _ENDED)
                    sent = None if chunk is _ENDED else _text(chunk)
                elif isinstance(step, Rule):
                    sent = await in_thread(
                        ruled, course.guard, step.claims, course.evidence, course.query, step.following
                    )
                else:
                    await aclose(stream)
                    stream = just() if step.prompt is None else await reopen(step.prompt)
            except Exception as error:  # noqa: BLE001 - the course decides what becomes of it
                step = _failed(walk, error)
                continue
            step = _next(walk, sent)
    finally:
        walk.close()
        await aclose(stream)


async def just(*texts: str) -> AsyncGenerator[str, None]:
    """A stream of what is there already."""
    for text in texts:
        yield text


def _next(walk: Walk[None], sent: Sent) -> Step | None:
    try:
        return walk.send(sent)
    except StopIteration:
        return None


def _failed(walk: Walk[None], error: Exception) -> Step | None:
    try:
        return walk.throw(error)
    except StopIteration:
        return None


def _text(chunk: Any) -> str:
    """Some models stream None for a chunk without text."""
    return "" if chunk is None else str(chunk)
