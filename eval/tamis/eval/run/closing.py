"""Closes a target when its run is done: what goes wrong with that is told, and costs the run nothing."""

import asyncio
import logging

from ..target import Target
from .attempt import reason_of

CLOSING_S = 10.0
_log = logging.getLogger(__name__)


async def close(target: Target, seconds: float = CLOSING_S) -> None:
    """Closes a target, which has so many seconds for it; an error and a hang become a warning."""
    task = asyncio.ensure_future(_closed(target))
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if done:
        why = "it was cancelled" if task.cancelled() else task.result()
    else:
        task.cancel()
        why = f"it did not end within {seconds:g} s"
    if why is not None:
        _log.warning('the target "%s" could not be closed: %s', target.name, why)


async def _closed(target: Target) -> str | None:
    """Why it could not be closed."""
    try:
        await target.close()
    except (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - a target may raise anything, sys.exit() too
        return reason_of(error)
    return None
