"""Connections that are kept and shared by all scorers, and one POST over them, bounded in time and bytes."""

import asyncio
import contextlib
import json
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

from .errors import shortened
from .retry import Failure, asked_rest, kind_of_status
from .worker import Worker, here

if TYPE_CHECKING:
    import httpx

LARGEST_ANSWER = 16 * 2**20
"""Bytes of an answer, unpacked, that are read at most."""
_READ_FOR_MESSAGES = 20_000
CONNECT_S = 5.0
KEPT_S = 30.0
"""How long a connection that nobody uses is kept open."""


class Reply(NamedTuple):
    """What a server answered, as JSON, after so many seconds."""

    answer: Any
    seconds: float


class Idle(NamedTuple):
    """A connection that nobody uses, since then."""

    lane: "httpx.AsyncHTTPTransport"
    since: float


@dataclass(eq=False)
class Pool:
    """Kept connections by origin, each an httpx transport of one connection, the one used last taken first.

    One httpx pool for all of them would look at each connection for each request, several times over: with 50 at once
    that costs more than everything else. Redirects are not followed and cookies not kept, as a transport knows
    neither: a key cannot follow to where a server points. Proxies are the environment's (HTTPS_PROXY, NO_PROXY).
    """

    _idle: dict[str, "deque[Idle]"] = field(default_factory=dict, init=False)
    _closing: set["asyncio.Task[None]"] = field(default_factory=set, init=False)
    _sweep: asyncio.TimerHandle | None = field(default=None, init=False)

    def take(self, origin: str) -> "httpx.AsyncHTTPTransport":
        """A connection to an origin such as "http://host:80", a kept one if there is one."""
        kept = self._idle.get(origin)
        return kept.pop().lane if kept else self._made(origin)

    def keep(self, origin: str, lane: "httpx.AsyncHTTPTransport") -> None:
        """Takes a connection back whose answer was read whole."""
        now = time.monotonic()
        kept = self._idle.setdefault(origin, deque())
        kept.append(Idle(lane, now))
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEPT_S, self._close_idle)

    def _close_idle(self) -> None:
        """Closes what nobody has used for long, and looks again later while anything is kept."""
        now = time.monotonic()
        for kept in self._idle.values():
            while kept and now - kept[0].since >= KEPT_S:
                self.drop(kept.popleft().lane)
        left = [kept[0].since for kept in self._idle.values() if kept]
        self._sweep = None
        if left:
            self._sweep = asyncio.get_running_loop().call_later(max(0.01, min(left) + KEPT_S - now), self._close_idle)

    def drop(self, lane: "httpx.AsyncHTTPTransport") -> None:
        """Closes a connection, in passing."""
        task = asyncio.create_task(_closed(lane))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Closes all of them."""
        if self._sweep is not None:
            self._sweep.cancel()
        for kept in self._idle.values():
            while kept:
                await _closed(kept.pop().lane)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _made(self, origin: str) -> "httpx.AsyncHTTPTransport":
        import httpx

        parts = urlsplit(origin)
        proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
        if proxy and "://" not in proxy:
            # As curl and requests read it.
            proxy = f"http://{proxy}"
        return httpx.AsyncHTTPTransport(
            verify=self._tls if parts.scheme == "https" or proxy else self._none,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT_S),
            proxy=proxy,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        import httpx

        return httpx.create_ssl_context()

    @cached_property
    def _none(self) -> ssl.SSLContext:
        """For connections without TLS: loading the certificates takes longer than a request."""
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def _closed(lane: "httpx.AsyncHTTPTransport") -> None:
    # What goes wrong while a connection is closed is of no consequence.
    with contextlib.suppress(Exception):
        await lane.aclose()


_pools: "WeakKeyDictionary[Worker, Pool]" = WeakKeyDictionary()


def pool() -> Pool:
    """The pool of the running worker. Secrets go with each request, so that scorers with other keys share it."""
    running = here()
    if running not in _pools:
        _pools[running] = Pool()
        running.closers.append(_pools[running].close)
    return _pools[running]


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout_s: float,
    where: str,
    hide: Callable[[str], str] = str,
) -> Reply | Failure:
    """One POST of JSON. Nothing is raised but cancellation.

    ``where`` names the server in messages, and ``hide`` takes out of what came back what must not stand there.
    """
    import httpx

    began = time.monotonic()
    request = httpx.Request(
        "POST", url, headers=headers, content=body, extensions={"timeout": {"connect": min(CONNECT_S, timeout_s)}}
    )
    origin = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
    shared = pool()
    lane, whole = shared.take(origin), False
    try:
        async with asyncio.timeout(timeout_s):
            response = await lane.handle_async_request(request)
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    return Failure("garbage", f"{where} answered more than {LARGEST_ANSWER} bytes", foreign=True)
            await response.aclose()
            whole = True
    except (TimeoutError, httpx.TimeoutException):
        return Failure("timeout", f"{where} did not answer within {timeout_s:.3g} s")
    except httpx.DecodingError:
        return Failure("garbage", f"{where} answered with a broken compression")
    except (httpx.HTTPError, OSError) as error:
        said = shortened(hide(str(error)))
        return Failure("unreachable", f"{where} cannot be reached: {type(error).__name__}: {said}")
    finally:
        if whole:
            shared.keep(origin, lane)
        else:
            shared.drop(lane)
    return _reply(response.status_code, response.headers, bytes(content), time.monotonic() - began, where, hide)


def _reply(
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    seconds: float,
    where: str,
    hide: Callable[[str], str],
) -> Reply | Failure:
    kind = kind_of_status(status)
    if kind is not None:
        shown = _shown(content, hide)
        if 300 <= status < 400:
            shown = "a redirect, which is not followed; name the final URL"
        elif status in (404, 405):
            shown = f"{shown}; is this the right URL and dialect?"
        return Failure(kind, f"{where} answered HTTP {status}: {shown}", status, asked_rest(headers))
    try:
        return Reply(json.loads(content), seconds)
    except (ValueError, RecursionError):
        shown = _shown(content, hide)
        cut = content.lstrip()[:1] in (b"{", b"[")
        return Failure("garbage", f"{where} answered no whole JSON: {shown!r}", status, foreign=not cut)


def _shown(content: bytes, hide: Callable[[str], str]) -> str:
    """The beginning of what came back, for a message: hidden first and cut then, or a part would be left."""
    return shortened(hide(content[:_READ_FOR_MESSAGES].decode("utf-8", "replace")))
