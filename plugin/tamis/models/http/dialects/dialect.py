"""The seam for dialects: a query and passages become a request's JSON, an answer's JSON becomes log-odds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from tamis.core.image import Image
from tamis.models.http.flight import Reading
from tamis.models.template import Template

CLIP = 1e-7
"""Probabilities are kept this far from 0 and 1, which lie infinitely far away in log-odds: 16.1 at most."""


class Side(NamedTuple):
    """A query or a passage as it may be sent: neutralised text, and its images."""

    text: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True)
class Wording:
    """What a dialect needs to know beside the two sides. ``uris`` are the images' data URIs."""

    model: str
    template: Template | None
    instruction: str | None
    top_logprobs: int
    missing: Literal["bound", "none"]
    scores: Literal["probability", "log-odds"]
    uris: Mapping[Image, str] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    """Token ids of labels, where the server was asked for them."""


class Dialect(Protocol):
    """How one kind of server is asked. ``listwise``: many passages fit into one request."""

    @property
    def name(self) -> str:
        """What it is called in settings and errors."""

    @property
    def path(self) -> str:
        """Where requests go, below the server's URL."""

    @property
    def version(self) -> str:
        """The path in front of that where the URL has none, such as "/v1"."""

    @property
    def listwise(self) -> bool:
        """Whether one request may hold many passages."""

    @property
    def images(self) -> bool:
        """Whether images are sent unless the scorer is told otherwise."""

    @property
    def scores(self) -> Literal["probability", "log-odds"]:
        """What the server's numbers are unless the scorer is told otherwise."""

    def body(self, query: Side, passages: Sequence[Side], wording: Wording) -> dict[str, Any]:
        """The request that asks about these passages."""

    def read(self, answer: Any, count: int, wording: Wording, where: str) -> Reading:
        """Log-odds for so many passages. Raises BadAnswer, and WrongDialect, naming ``where``."""


def log_odds(value: float, scores: Literal["probability", "log-odds"]) -> float | None:
    """A server's number as log-odds; None for what is no finite number, or no probability where one is meant.

    >>> log_odds(0.5, "probability"), log_odds(1.5, "log-odds"), log_odds(1.5, "probability")
    (0.0, 1.5, None)
    """
    if not math.isfinite(value):
        return None
    if scores == "log-odds":
        return value
    # A little beyond is rounding; more is another kind of number.
    if not -1e-3 <= value <= 1 + 1e-3:
        return None
    clipped = min(1 - CLIP, max(CLIP, value))
    return math.log(clipped) - math.log1p(-clipped)


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number, which true and false are not, nor an integer that no float can hold."""
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1000)
