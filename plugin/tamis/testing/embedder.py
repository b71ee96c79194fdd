"""Embedders that need no model: hashed words, and colours that words and pictures share."""

import hashlib
import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.models.embedder import Role

_WORD = re.compile(r"\w+")
_SIDE = 32

_PALETTE: dict[str, tuple[int, int, int]] = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "gray": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "orange": (255, 140, 0),
    "purple": (128, 0, 128),
    "pink": (255, 150, 200),
    "brown": (139, 69, 19),
    "cyan": (0, 255, 255),
}
_COLOURS = tuple(_PALETTE)
_POINTS = np.array(list(_PALETTE.values()), dtype=np.float32)


@dataclass(frozen=True)
class FakeEmbedder:
    """Embeds text as the sum of its words' directions: texts that share words are near, word order is ignored.

    Each word's direction is a random sign in every dimension, drawn from a hash of the word: the same in every
    process. Images are not seen. Contents without words share one direction of their own. ``delay_s`` is how long
    each call takes.

    >>> vectors = FakeEmbedder().embed([Content("red bus"), Content("Bus, red!"), Content("tax law")])
    >>> vectors.shape, round(float(vectors[0] @ vectors[1]), 3), bool(vectors[0] @ vectors[2] < 0.5)
    ((3, 64), 1.0, True)
    """

    dimensions: int = 64
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        if self.dimensions < 1:
            raise BadSetting(f"dimensions is {self.dimensions}; it must be 1 or more")
        _check_delay(self.delay_s)

    @property
    def name(self) -> str:
        """What a store remembers: "fake-64" for 64 dimensions."""
        return f"fake-{self.dimensions}"

    @property
    def modalities(self) -> frozenset[str]:
        """Text only."""
        return frozenset({"text"})

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> NDArray[np.float32]:
        """Vectors of shape (len(contents), dimensions), each of length 1; the role makes no difference."""
        time.sleep(self.delay_s)
        vectors = np.zeros((len(contents), self.dimensions), dtype=np.float32)
        for row, content in zip(vectors, contents, strict=True):
            row[:] = _bag(_words(content.text), self.dimensions)
        return vectors


@dataclass(frozen=True)
class FakeImageEmbedder:
    """Embeds text and images into one space: a colour's name in a text is near to a picture showing that colour.

    The first 12 dimensions are colours: a text has those it names; an image has the square root of each colour's
    share of its area, so that a small thing on a plain ground counts too. The others are hashed words. Images
    are opened through ``media``: by default only those whose bytes are in the content itself. ``delay_s`` is how long
    each call takes.

    >>> embedder = FakeImageEmbedder()
    >>> query, red, blue = embedder.embed([Content("something red"), Content("red"), Content("blue")])
    >>> bool(query @ red > 0.6), bool(query @ blue < 0.1)
    (True, True)
    """

    dimensions: int = 64
    delay_s: float = 0.0
    # The application's own grant, never a part of what is written down about a store.
    media: MediaPolicy = field(default_factory=MediaPolicy, repr=False)

    def __post_init__(self) -> None:
        if self.dimensions <= len(_COLOURS):
            raise BadSetting(f"dimensions is {self.dimensions}; it must be more than the {len(_COLOURS)} colours")
        _check_delay(self.delay_s)

    @property
    def name(self) -> str:
        """What a store remembers: "fake-image-64" for 64 dimensions."""
        return f"fake-image-{self.dimensions}"

    @property
    def modalities(self) -> frozenset[str]:
        """Text and images."""
        return frozenset({"text", "image"})

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> NDArray[np.float32]:
        """Vectors of shape (len(contents), dimensions), each of length 1. Raises MediaError for a bad image."""
        time.sleep(self.delay_s)
        vectors = np.zeros((len(contents), self.dimensions), dtype=np.float32)
        for row, content in zip(vectors, contents, strict=True):
            words = _words(content.text)
            colours = np.array([float(words.count(colour)) for colour in _COLOURS], dtype=np.float32)
            if colours.any():
                colours /= np.linalg.norm(colours)
            for image in content.images:
                colours += self._colours(image)
            if colours.any():
                row[: len(_COLOURS)] = colours / np.linalg.norm(colours)
            if others := [word for word in words if word not in _PALETTE]:
                row[len(_COLOURS) :] = _bag(others, self.dimensions - len(_COLOURS))
            if not row.any():
                row[len(_COLOURS) :] = _bag([], self.dimensions - len(_COLOURS))
            row /= np.linalg.norm(row)
        return vectors

    def _colours(self, image: Image) -> NDArray[np.float32]:
        picture = self.media.open(image).convert("RGB").resize((_SIDE, _SIDE))
        pixels = np.asarray(picture, dtype=np.float32).reshape(-1, 3)
        nearest = ((pixels[:, None, :] - _POINTS[None]) ** 2).sum(axis=2).argmin(axis=1)
        share = np.bincount(nearest, minlength=len(_COLOURS)) / len(pixels)
        return np.sqrt(share).astype(np.float32)


def _check_delay(delay_s: float) -> None:
    if not (math.isfinite(delay_s) and delay_s >= 0):
        raise BadSetting(f"delay_s is {delay_s}; it must be a number of seconds, 0 or more")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _bag(words: Sequence[str], dimensions: int) -> NDArray[np.float32]:
    """The words' directions summed up, of length 1; the direction of "" where nothing is left."""
    total = np.zeros(dimensions, dtype=np.float32)
    for word in words:
        total += _direction(word, dimensions)
    if not total.any():
        total = _direction("", dimensions).copy()
    return total / np.float32(np.linalg.norm(total))


@lru_cache(maxsize=65_536)
def _direction(word: str, dimensions: int) -> NDArray[np.float32]:
    digest = hashlib.shake_128(word.encode("utf-8", "surrogatepass")).digest((dimensions + 7) // 8)
    bits = np.unpackbits(np.frombuffer(digest, dtype=np.uint8))[:dimensions]
    return bits.astype(np.float32) * 2 - 1
