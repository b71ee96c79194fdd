"""The seam for screens: whether a content is harmful, by whose taxonomy, and what in it decided."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from tamis.core.content import Content


class Screened(NamedTuple):
    """P(harmful) in [0, 1], None where the screen has none, with the reason.

    ``category`` is the likeliest of the screen's own, None for harmless or where it has none. ``spans`` are places in
    the text (begin, end, weight) that moved it, strongest first; weights above 0 speak for harm.
    """

    harmful: float | None
    reason: str = ""
    category: str | None = None
    spans: tuple[tuple[int, int, float], ...] = ()


@runtime_checkable
class Screen(Protocol):
    """Screens contents, which are data to it. ``threshold`` is the P(harmful) from which on it would stop something."""

    @property
    def name(self) -> str: ...

    @property
    def threshold(self) -> float: ...

    def screen(self, contents: Sequence[Content]) -> list[Screened]:
        """One result for each content, in order."""
        ...
