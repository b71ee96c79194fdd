"""An image by its bytes, its path or its URL: a name for pixels, opened only through a MediaPolicy."""

import os
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .errors import BadSetting

if TYPE_CHECKING:
    from .media import MediaPolicy

_SHOWN = 160


@dataclass(frozen=True, slots=True, repr=False)
class Image:
    """One image, from exactly one source. Making one reads nothing, neither disk nor network.

    ``data`` is the encoded file (PNG, JPEG, ...), not pixels and not base64; ``path`` is a place on this machine;
    ``url`` is http, https or data. A path or URL is a claim until a MediaPolicy allows it: see
    ``MediaPolicy.open``. Raises BadSetting for no source, for two, and for one of the wrong type.

    >>> Image(path="figures/bus.png")
    Image(path 'figures/bus.png')
    >>> Image(data=b"abc").describe()
    'inline image of 3 bytes (sha256 ba7816bf)'
    """

    data: bytes | None = None
    path: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.data, bytearray | memoryview):
            object.__setattr__(self, "data", bytes(self.data))
        if isinstance(self.path, os.PathLike):
            object.__setattr__(self, "path", os.fspath(self.path))
        for name, kind in (("data", bytes), ("path", str), ("url", str)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise BadSetting(f"an image's {name} must be {kind.__name__}, not {type(value).__name__}")
        sources = [name for name in ("data", "path", "url") if getattr(self, name) is not None]
        if len(sources) != 1:
            given = " and ".join(sources) if sources else "none"
            raise BadSetting(f"an image needs exactly one of data, path and url; given: {given}")
        if self.path == "" or self.url == "":
            raise BadSetting(f"an image's {sources[0]} must not be empty")

    def describe(self) -> str:
        """The source in one short line for errors and logs: no bytes, no passwords, no signed query strings."""
        if self.data is not None:
            return f"inline image of {len(self.data)} bytes (sha256 {sha256(self.data).hexdigest()[:8]})"
        if self.path is not None:
            return f"path {_short(self.path)!r}"
        return f"URL {_short(_public_part(self.url or ''))!r}"

    def digest(self, policy: "MediaPolicy") -> str:
        """The image's identity: sha256 of its bytes as 64 hex digits, however it is reached.

        Raises MediaRefused, MediaTooLarge and MediaBroken like ``policy.read``.
        """
        return sha256(policy.read(self)).hexdigest()

    def __str__(self) -> str:
        return self.describe()

    def __repr__(self) -> str:
        return f"Image({self.describe()})"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"


def _public_part(url: str) -> str:
    """A URL without what may be secret in it: user and password, query (signatures), and inline data."""
    scheme, colon, _ = url.partition(":")
    if colon and scheme.strip().lower() == "data":
        return f"data:... ({len(url)} characters)"
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0].rpartition("@")[2]
    host = parts.netloc.rpartition("@")[2]
    shown = f"{parts.scheme}:" if parts.scheme else ""
    shown += f"//{host}{parts.path}" if parts.netloc else parts.path
    return shown + ("?..." if parts.query else "")
