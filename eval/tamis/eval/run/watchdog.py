"""Tells when the event loop stands still: a target that blocks it keeps no deadline, and stops all other cases."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_BEAT_S = 0.25
_log = logging.getLogger(__name__)


@contextmanager
def watched(longest_s: float = 1.0) -> Iterator[None]:
    """Warns once, while it lasts, of an event loop that stands still for longer than so many seconds."""
    loop = asyncio.get_running_loop()
    ended = threading.Event()
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1
        if not ended.is_set():
            loop.call_later(_BEAT_S, beat)

    def watch() -> None:
        seen, same = 0, 0
        # Counted in looks and not by a clock: a program that was stopped as a whole has not stood still.
        while not ended.wait(_BEAT_S):
            same = same + 1 if beats == seen else 0
            seen = beats
            if same * _BEAT_S > longest_s:
                _log.warning(
                    "the event loop stands still for more than %g s: the target blocks it, so that no deadline is kept "
                    "and no other case goes on; write its function as a plain def, which runs in a thread, or put what "
                    "blocks into asyncio.to_thread(); ask a LlamaIndex pipeline by LlamaIndexTarget(..., threads=True)",
                    longest_s,
                )
                return

    beat()
    threading.Thread(target=watch, name="tamis-watchdog", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
