"""An HTTP endpoint as a target: one POST of JSON for each question."""

import base64
import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from tamis.core.content import Content
from tamis.core.errors import BadSetting, MissingExtra
from tamis.core.image import Image
from tamis.core.media import MediaPolicy

from ..case import Document
from ..target import Request, Takes
from ..trace import Trace
from .checks import attacks_of, check_takes, marked
from .errors import BadReply, TargetRefused, TargetUnavailable
from .reply import MAX_ANSWER_BYTES, trace_of

if TYPE_CHECKING:
    import httpx

MAX_REPLY_BYTES = 16 * 2**20
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_SAME_METHOD = frozenset({307, 308})
_MAX_HOPS = 3
_SCHEMES = ("http", "https")


class HttpTarget:
    """Asks an endpoint: POST of ``{"case", "question", "images", "documents", "planted"}``, all of them always there.

    ``images`` are data URLs. ``documents`` (null: the endpoint's own corpus) and ``planted`` are lists of ``{"id",
    "text", "images", "date"}``. The reply is the mapping of ``trace_of``: ``{"answer", "passages"}`` and more.

    ``takes`` says what the endpoint makes use of; nothing but a text question, where it is not given. ``headers`` are
    sent with each request and may hold a key: it is in no name, ``repr`` or error. ``media`` says which images may be
    read to be sent. ``timeout_s`` bounds every wait on the network, None leaves that to the run's deadline.

    Redirects (307, 308) are followed on the same host alone. No proxy and no credentials are taken from the
    environment. Raises BadSetting for an URL that is not http or https.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str | None = None,
        takes: Collection[Takes] = (),
        headers: Mapping[str, str] | None = None,
        media: MediaPolicy | None = None,
        timeout_s: float | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._shown = shown(url)
        self._url = url
        self._name = name or self._shown
        self._takes = frozenset(takes)
        self._headers = _checked(headers or {})
        self._media = media or MediaPolicy()
        self._timeout_s = timeout_s
        self._max_reply_bytes = max_reply_bytes
        self._max_answer_bytes = max_answer_bytes
        self._client: httpx.AsyncClient | None = None

    def __repr__(self) -> str:
        return f"HttpTarget({self._shown!r})"

    @property
    def name(self) -> str:
        """Its name, or the URL without anything that may be secret."""
        return self._name

    @property
    def takes(self) -> frozenset[Takes]:
        """What the endpoint was said to make use of."""
        return self._takes

    async def run(self, request: Request) -> Trace:
        """One request.

        Raises BadInput for more than it takes, MediaError for an image that cannot be sent, TargetUnavailable,
        TargetRefused and BadReply.
        """
        check_takes(self._name, self._takes, request)
        body = json.dumps(written(request, self._media)).encode()
        started = time.perf_counter()
        reply = await self._posted(body)
        seconds = time.perf_counter() - started
        try:
            parsed = json.loads(reply)
        except ValueError as error:
            raise BadReply(f"{self._shown} sent {len(reply):,} bytes that are not JSON") from error
        except RecursionError as error:
            raise BadReply(f"{self._shown} sent JSON that is nested too deeply") from error
        if not isinstance(parsed, dict):
            raise BadReply(f"{self._shown} sent a JSON {type(parsed).__name__}; it must be an object")
        return replace(marked(trace_of(parsed, self._max_answer_bytes), attacks_of(request)), seconds=seconds)

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _posted(self, body: bytes) -> bytes:
        import httpx

        place = self._url
        for _ in range(_MAX_HOPS + 1):
            try:
                async with self._connected().stream("POST", place, content=body) as response:
                    if response.status_code == 200:
                        return await self._read(response)
                    place = self._next(place, response)
            except httpx.TimeoutException:
                raise TargetUnavailable(f"{self._shown} gave no answer in {self._timeout_s} s") from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                # Not the error itself: its text may hold the URL's query.
                raise TargetUnavailable(f"{self._shown} could not be asked: {type(error).__name__}") from None
        raise TargetRefused(f"{self._shown} redirects more than {_MAX_HOPS} times", 310)

    async def _read(self, response: "httpx.Response") -> bytes:
        """The body, decompressed as it comes, and given up where it grows too large."""
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > self._max_reply_bytes:
                raise BadReply(f"{self._shown} sent more than {self._max_reply_bytes:,} bytes")
            parts.append(part)
        return b"".join(parts)

    def _next(self, place: str, response: "httpx.Response") -> str:
        """Where a redirect leads on the same host; raises what any other status means."""
        status: int = response.status_code
        location: str | None = response.headers.get("location")
        if status in _SAME_METHOD and location is not None:
            try:
                target = urljoin(place, location)
                same = _origin(target) == _origin(place)
            except ValueError:
                raise TargetRefused(f"{self._shown} redirects to what is no URL", status) from None
            if same:
                return target
            host = (urlsplit(target).hostname or "nowhere")[:100]
            raise TargetRefused(f"{self._shown} redirects to another host, {host}; name that one instead", status)
        if status in _LATER:
            wait = _seconds(response.headers.get("retry-after"))
            raise TargetUnavailable(f"{self._shown} answered HTTP {status}", wait)
        raise TargetRefused(f"{self._shown} answered HTTP {status}", status)

    def _connected(self) -> "httpx.AsyncClient":
        if self._client is None:
            try:
                import httpx
            except ImportError as error:
                raise MissingExtra("evaluating an HTTP endpoint", extra="eval") from error
            self._client = httpx.AsyncClient(
                headers={"content-type": "application/json", **self._headers},
                timeout=self._timeout_s,
                follow_redirects=False,
                trust_env=False,
                # How many run at once is for the run to say.
                limits=httpx.Limits(max_connections=None),
            )
        return self._client


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers that can be sent; the error names the header and never its value."""
    for name, value in headers.items():
        if not (name.isascii() and value.isascii() and name.isprintable() and value.isprintable()):
            raise BadSetting(f"the header {name!a} holds characters that cannot be sent")
    return dict(headers)


def written(request: Request, media: MediaPolicy) -> dict[str, Any]:
    """A request as it is sent. Raises MediaError for an image that ``media`` does not allow."""
    documents = request.documents
    return {
        "case": request.case,
        "question": request.query.text,
        "images": data_urls(request.query, media),
        "documents": None if documents is None else _written(documents, media),
        "planted": _written(request.planted, media),
    }


def _written(documents: Sequence[Document], media: MediaPolicy) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "text": one.content.text,
            "images": data_urls(one.content, media),
            "date": None if one.date is None else one.date.isoformat(),
        }
        for one in documents
    ]


def data_urls(content: Content, media: MediaPolicy) -> list[str]:
    """Every image of a content as a data URL.

    >>> data_urls(Content("", (Image(data=b"GIF89a"),)), MediaPolicy())
    ['data:image/gif;base64,R0lGODlh']
    """
    return [_data_url(image, media) for image in content.images]


def _data_url(image: Image, media: MediaPolicy) -> str:
    data = media.read(image)
    return f"data:{_media_type(data)};base64,{base64.b64encode(data).decode('ascii')}"


def _media_type(data: bytes) -> str:
    for start, kind in ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"GIF8", "gif")):
        if data.startswith(start):
            return f"image/{kind}"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "application/octet-stream"


def shown(url: str) -> str:
    """A URL without user, password, query and fragment. Raises BadSetting where it is not http or https.

    >>> shown("https://me:secret@example.org/ask?key=secret")
    'https://example.org/ask'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadSetting("a target's URL could not be read: the host or the port is not valid") from error
    if parts.scheme.lower() not in _SCHEMES or not host:
        raise BadSetting("a target's URL must be http://HOST... or https://HOST...")
    if ":" in host:
        host = f"[{host}]"
    return f"{parts.scheme.lower()}://{host}{'' if port is None else f':{port}'}{parts.path}"


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(scheme)


def _seconds(written: str | None) -> float | None:
    """``Retry-After`` in seconds; its other form, a date, is left to whoever waits anyway."""
    return float(written) if written is not None and written.strip().isdigit() else None
