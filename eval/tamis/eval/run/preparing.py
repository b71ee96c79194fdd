"""What a target does before the first case: it says what it takes, and builds what all cases share."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tamis.core.errors import BadInput, TamisError

from ..target import BuildsShared, Takes, Target
from ..targets.threads import in_thread
from .attempt import reason_of
from .unit import Unit

T = TypeVar("T")


async def takes_of(target: Target) -> frozenset[Takes]:
    """What it takes; to find that out may be work. Raises BadInput where it fails, for it would with every case."""
    return await _of_the_user(target, in_thread(lambda: target.takes))


async def build_shared(target: Target, first: Callable[[], Unit | None]) -> None:
    """Builds what the cases share, if there is such a thing and the first case to come has no documents of its own.

    In no case's deadline: those that come first would fail, and as many of them as there are workers.
    Raises BadInput where it cannot be built.
    """
    if not isinstance(target, BuildsShared):
        return
    unit = await in_thread(first)
    if unit is not None and not unit.case.documents:
        await _of_the_user(target, target.build_shared())


async def _of_the_user(target: Target, work: Awaitable[T]) -> T:
    try:
        return await work
    except TamisError:
        raise
    except Exception as error:
        raise BadInput(f'the target "{target.name}" cannot be made: {reason_of(error)}') from error
