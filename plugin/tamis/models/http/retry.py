"""What is worth another try, and after how long: by the class of the failure, with full jitter, as the server asks."""

import math
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple

Kind = Literal["unreachable", "timeout", "overloaded", "server", "garbage", "refused"]
"""Why an attempt failed. All but "refused" may go away by themselves."""

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 8.0
LONGEST_ASKED_S = 120.0
"""A server that asks for a longer rest than this is taken to be gone."""

_OVERLOADED = frozenset({429, 503, 529})


class Failure(NamedTuple):
    """An attempt that brought nothing. ``rest_s`` is how long the server asks to be left alone; None: it does not."""

    kind: Kind
    message: str
    status: int | None = None
    rest_s: float | None = None
    foreign: bool = False
    """Whether what came back is no answer of this dialect at all."""
    hopeless: bool = False
    """Whether no server may be asked just now, so that there is no use in another try."""

    @property
    def retried(self) -> bool:
        """Whether another try could go better."""
        return self.kind != "refused"

    @property
    def blames_server(self) -> bool:
        """Whether it says that the server is not well. One that is merely busy, or that refuses, is."""
        return self.kind in ("unreachable", "timeout", "server", "garbage")


def kind_of_status(status: int) -> Kind | None:
    """The failure that an HTTP status means; None for success (2xx).

    >>> [kind_of_status(status) for status in (200, 301, 401, 408, 429, 500, 503)]
    [None, 'refused', 'refused', 'server', 'overloaded', 'server', 'overloaded']
    """
    if 200 <= status < 300:
        return None
    if status in _OVERLOADED:
        return "overloaded"
    return "server" if status >= 500 or status in (408, 425) else "refused"


def asked_rest(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that ``Retry-After`` asks for, as a number or as a date; None without a readable one.

    ``now`` is the time of day in seconds since 1970.

    >>> asked_rest({"retry-after": "2"}), asked_rest({"retry-after": "soon"}), asked_rest({})
    (2.0, None, None)
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - (time.time() if now is None else now)
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def wait_before(attempt: int, jitter: random.Random) -> float:
    """Seconds before the try after the ``attempt``-th (from 1): anything up to 0.1, 0.2, 0.4, ... at most 8.

    Full jitter (Brooker, "Exponential Backoff and Jitter", 2015), so that callers that failed together do not come
    back together.
    """
    return jitter.uniform(0.0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempt - 1)))
