"""Fetches a URL from a public address and from no other: every hop is checked, and what was checked is connected to."""

import io
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from .addresses import is_public, parse_target, resolve
from .errors import BadSetting, MediaBroken, MediaRefused, MediaTooLarge
from .image import Image

if TYPE_CHECKING:
    import ssl

    from .addresses import Target

_CHUNK = 1 << 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ADDRESSES_TRIED = 3


def dial(address: str, port: int, timeout_s: float) -> socket.socket:
    """A TCP connection to a literal address: nothing is resolved here."""
    return socket.create_connection((address, port), timeout=timeout_s)


@dataclass(frozen=True)
class Fetcher:
    """Fetches one http or https URL, bounded in bytes, hops and time.

    A host is resolved once for each hop; when any of its addresses is not public (private, loopback, link-local,
    shared, reserved, multicast, or one of these inside an IPv6 transition address) the hop is refused, else the
    connection goes to one of the addresses that were checked, so that a second answer of the name server cannot
    lead elsewhere. Host header and TLS name stay the URL's. No proxy, no cookies, no credentials.
    ``timeout_s`` bounds connecting, TLS, headers and body of all hops together, not the name server.

    ``resolve``, ``allows`` and ``dial`` are the three steps between a host name and a socket: a program whose
    network is reached some other way brings its own. Raises BadSetting.
    """

    timeout_s: float = 10.0
    max_redirects: int = 4
    resolve: Callable[[str, int], Sequence[str]] = resolve
    allows: Callable[[str], bool] = is_public
    dial: Callable[[str, int, float], socket.socket] = dial

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s < float("inf"):
            raise BadSetting(f"timeout_s must be a number of seconds above 0, not {self.timeout_s!r}")
        if isinstance(self.max_redirects, bool) or not isinstance(self.max_redirects, int) or self.max_redirects < 0:
            raise BadSetting(f"max_redirects must be a whole number of at least 0, not {self.max_redirects!r}")

    def fetch(self, url: str, max_bytes: int) -> bytes:
        """The body behind a URL, at most ``max_bytes`` long.

        Raises MediaRefused (host, address, scheme or number of redirects), MediaTooLarge, MediaBroken (anything that
        went wrong on the way); each message names the URL that was asked for.
        """
        asked = source = Image(url=url).describe()
        deadline = time.monotonic() + self.timeout_s
        place = url
        for _ in range(self.max_redirects + 1):
            target = parse_target(place, source)
            try:
                answer = self._ask(target, source, deadline, max_bytes)
            except (OSError, HTTPException) as error:
                raise MediaBroken(f"{source} could not be fetched: {str(error) or type(error).__name__}") from error
            if isinstance(answer, bytes):
                return answer
            try:
                place = urljoin(place, answer.location)
                source = f"{asked}, redirected to {Image(url=place).describe()},"
            except ValueError as error:
                raise MediaRefused(f"{asked} redirects to no valid URL: {error}") from error
        raise MediaRefused(f"{asked} redirects more than {self.max_redirects} times")

    def _ask(self, target: "Target", source: str, deadline: float, max_bytes: int) -> "bytes | _Redirect":
        connection = _Connection(target, self._connect(target, source, deadline), deadline)
        try:
            headers = {"Accept": "image/*", "User-Agent": "tamis", "Connection": "close"}
            connection.request("GET", target.request_path, headers=headers)
            response = connection.getresponse()
            if response.status in _REDIRECTS and (location := response.getheader("Location")):
                return _Redirect(location)
            if response.status != 200:
                raise MediaBroken(f"{source} was answered with HTTP {response.status}")
            return _body(response, max_bytes, source)
        finally:
            connection.hang_up()

    def _connect(self, target: "Target", source: str, deadline: float) -> socket.socket:
        addresses = list(self.resolve(target.host, target.port))
        if not addresses:
            raise MediaBroken(f"{source}: the host {target.host} has no address")
        for address in addresses:
            if not self.allows(address):
                raise MediaRefused(f"{source} leads to {target.host} at {address}, which is not a public address")
        failure: OSError = TimeoutError("timed out")
        for address in addresses[:_ADDRESSES_TRIED]:
            try:
                return self.dial(address, target.port, _left(deadline))
            except OSError as error:
                failure = error
        raise failure


@dataclass(frozen=True)
class _Redirect:
    location: str


class _Connection(HTTPConnection):
    """HTTP over a socket that is already connected, wrapped in TLS for https; every wait ends at the deadline."""

    def __init__(self, target: "Target", plain: socket.socket, deadline: float) -> None:
        super().__init__(target.host, target.port)
        self.default_port = target.default_port
        self._plain = plain
        self._secure = target.scheme == "https"
        self._deadline = deadline

    def connect(self) -> None:
        self._plain.settimeout(_left(self._deadline))
        if self._secure:
            self._plain = _tls().wrap_socket(self._plain, server_hostname=self.host)
        # http.client only sends on its socket, makes a file of it and closes it.
        self.sock = _TimedSocket(self._plain, self._deadline)

    def hang_up(self) -> None:
        """Closes the socket. ``close`` does not: http.client calls it before the response is read."""
        self.close()
        self._plain.close()


class _TimedSocket:
    """The part of a socket that http.client uses, with one deadline for all of it instead of one for each read."""

    def __init__(self, inner: socket.socket, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._inner.settimeout(_left(self._deadline))
        self._inner.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._inner, self._deadline))

    def close(self) -> None:
        """Nothing: the response may still be read; the connection closes the socket itself."""


class _TimedReader(io.RawIOBase):
    def __init__(self, inner: socket.socket, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._inner.settimeout(_left(self._deadline))
        return self._inner.recv_into(buffer)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _tls() -> "ssl.SSLContext":
    import ssl

    return ssl.create_default_context()


def _body(response: HTTPResponse, max_bytes: int, source: str) -> bytes:
    """The body, read in pieces up to the bound, whatever Content-Length says."""
    if (response.getheader("Content-Encoding") or "identity").strip().lower() != "identity":
        raise MediaBroken(f"{source} was answered compressed, which was not asked for")
    announced = response.length
    if announced is not None and announced > max_bytes:
        raise MediaTooLarge(f"{source} has {announced} bytes; max_bytes is {max_bytes}")
    chunks: list[bytes] = []
    total = 0
    while chunk := response.read(min(_CHUNK, max_bytes + 1 - total)):
        chunks.append(chunk)
        total += len(chunk)
        if total > max_bytes:
            raise MediaTooLarge(f"{source} has more than {max_bytes} bytes, which is max_bytes")
    if announced is not None and total < announced:
        raise MediaBroken(f"{source} broke off after {total} of {announced} bytes")
    return b"".join(chunks)
