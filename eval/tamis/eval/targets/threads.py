"""Blocking targets kept off the event loop, each call on a thread of its own that nobody has to wait for."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tamis.core import threads
from tamis.core.errors import text_of

from .errors import TargetError

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of ``work`` as ``tamis.core.threads.in_thread`` gives it; ``SystemExit`` and its like as TargetError.

    >>> import asyncio
    >>> asyncio.run(in_thread(sum, [1, 2]))
    3
    """

    def contained() -> T:
        try:
            return work(*args, **kwargs)
        except Exception as error:
            if isinstance(error, StopIteration):
                raise TargetError(said(error)) from None
            raise
        except BaseException as error:  # noqa: BLE001 - a target's sys.exit() ends its own case, not the run
            raise TargetError(said(error)) from None

    return await threads.in_thread(contained)


def said(error: BaseException) -> str:
    """That a target raised what no target should.

    >>> said(SystemExit(3))
    'the target raised SystemExit: 3'
    """
    return f"the target raised {type(error).__name__}: {text_of(error)}"
