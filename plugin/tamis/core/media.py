"""What may be opened: the one door between a string that names an image and the image itself."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from .errors import BadSetting, MediaBroken, MediaRefused, MediaTooLarge
from .image import Image

if TYPE_CHECKING:
    import PIL.Image

    from .fetch import Fetcher


@dataclass(frozen=True)
class MediaPolicy:
    """Reads and decodes images, as far as the application allows it.

    With the defaults only bytes that are already here are used (inline bytes and ``data:`` URLs). ``roots`` are
    folders whose files may be read, symbolic links resolved first, on the root's side and on the image's;
    ``urls=True`` allows http and https to public addresses, never to private ones. ``max_bytes`` bounds the encoded
    file (found before reading where that is possible), ``max_pixels`` the width times height of the first frame
    (found in the header, before decoding). ``fetcher`` replaces the way URLs are fetched (a proxy, another time
    limit); it is no part of ``to_dict``. Raises BadSetting.

    >>> MediaPolicy(max_pixels=100).to_dict()
    {'roots': [], 'urls': False, 'max_bytes': 20971520, 'max_pixels': 100}
    >>> MediaPolicy().read(Image(path="/etc/hostname"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    tamis.core.errors.MediaRefused: path '/etc/hostname' is not inside an allowed folder...
    """

    roots: tuple[str, ...] = ()
    urls: bool = False
    max_bytes: int = 20 * 2**20
    max_pixels: int = 40_000_000
    fetcher: "Fetcher | None" = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        refusal = BadSetting(f"roots must be a tuple of folders, not {self.roots!r}; for one folder write (FOLDER,)")
        if not isinstance(self.roots, Iterable) or isinstance(self.roots, str | bytes | Mapping):
            raise refusal
        roots = tuple(self.roots)
        if not all(isinstance(root, str | os.PathLike) and os.fspath(root) for root in roots):
            raise refusal
        # Absolute from the start: a later os.chdir must not move the permission to another folder.
        object.__setattr__(self, "roots", tuple(os.path.abspath(os.fspath(root)) for root in roots))
        if not isinstance(self.urls, bool):
            raise BadSetting(f"urls must be True or False, not {self.urls!r}")
        for name in ("max_bytes", "max_pixels"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise BadSetting(f"{name} must be a whole number of at least 1, not {value!r}")

    def read(self, image: Image) -> bytes:
        """The encoded bytes of an image, at least one and at most ``max_bytes``.

        Raises MediaRefused (not allowed), MediaTooLarge and MediaBroken (missing, empty, unreadable); each message
        names the source.
        """
        if image.data is not None:
            data = image.data
        elif image.path is not None:
            from .files import read_file

            data = read_file(image.path, self.roots, self.max_bytes, image)
        else:
            data = self._read_url(image, image.url or "")
        if not data:
            raise MediaBroken(f"{image} is empty")
        if len(data) > self.max_bytes:
            raise MediaTooLarge(f"{image} has {len(data)} bytes; max_bytes is {self.max_bytes}")
        return data

    def open(self, image: Image) -> "PIL.Image.Image":
        """The image as 8-bit RGB pixels, ready for any model.

        The EXIF orientation is applied, of an animation the first frame is taken, palettes, greys, CMYK and 16-bit
        samples are converted, and transparency is laid on white. What the bytes are decides how they are decoded,
        not the file's name. Raises what ``read`` raises; more than ``max_pixels`` is a MediaTooLarge before anything
        is decoded, and bytes that are no whole image a MediaBroken.
        """
        from .pixels import decode

        return decode(BytesIO(self.read(image)), self.max_pixels, image)

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON-able values."""
        return {
            "roots": list(self.roots),
            "urls": self.urls,
            "max_bytes": self.max_bytes,
            "max_pixels": self.max_pixels,
        }

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "MediaPolicy":
        """A policy from what ``to_dict`` wrote. Raises BadSetting for an unknown setting."""
        known = ("roots", "urls", "max_bytes", "max_pixels")
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise BadSetting(f"a media policy has no setting {', '.join(unknown)}; known: {', '.join(known)}")
        return cls(**settings)

    def _read_url(self, image: Image, url: str) -> bytes:
        scheme = url.partition(":")[0].strip().lower()
        if scheme == "data":
            from .dataurl import decode_data_url

            return decode_data_url(url, self.max_bytes, image)
        if scheme not in ("http", "https"):
            raise MediaRefused(f"{image} is neither http, https nor data; no other URLs are ever opened")
        if not self.urls:
            raise MediaRefused(f"{image} is a URL, and URLs are not allowed; allow them with MediaPolicy(urls=True)")
        from .fetch import Fetcher

        return (self.fetcher or Fetcher()).fetch(url, self.max_bytes)
