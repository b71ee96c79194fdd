"""Where numbers stand on an axis: round ticks, and places in percent of the drawing's width."""

import math
from collections.abc import Iterable
from typing import NamedTuple


class Scale(NamedTuple):
    """An axis from ``low`` to ``high``, which are finite and apart; ``only``: all that stands on it is this number."""

    low: float
    high: float
    only: float | None = None

    @classmethod
    def around(cls, values: Iterable[float | None], *, margin: float = 0.06) -> "Scale":
        """One that holds all the values that are known, with a margin; some axis where none is.

        >>> Scale.around([0.0, 0.0]).ticks()
        [0.0]
        """
        known = [value for value in values if value is not None and math.isfinite(value)]
        low, high = (min(known), max(known)) if known else (0.0, 0.0)
        if high - low < 1e-9 * max(1.0, abs(low), abs(high)):
            # There is no range: any other number on the axis would be made up.
            return cls(low - max(1e-3, abs(low)), low + max(1e-3, abs(low)), low)
        room = margin * (high - low)
        return cls(low - room, high + room)

    def share(self, value: float) -> float:
        """The place of a value, in [0, 1]; what lies outside stands at the edge.

        >>> Scale(-1.0, 1.0).share(0.5)
        0.75
        """
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def percent(self, value: float) -> str:
        """The place of a value as SVG writes it.

        >>> Scale(0.0, 3.0).percent(1.0)
        '33.33%'
        """
        return f"{100 * self.share(value):.2f}".rstrip("0").rstrip(".") + "%"

    def ticks(self, most: int = 5) -> list[float]:
        """At most ``most`` round numbers inside the axis, evenly apart.

        >>> Scale(-0.33, 0.12).ticks()
        [-0.3, -0.2, -0.1, 0.0, 0.1]
        """
        if self.only is not None:
            return [self.only]
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        for factor in (1.0, 2.0, 5.0, 10.0, 20.0):
            step = factor * power
            first, last = math.ceil(self.low / step), math.floor(self.high / step)
            if last - first < most:
                break
        digits = max(0, -math.floor(math.log10(step)) + 1)
        # Adding zero makes the negative zero an ordinary one.
        return [round(place * step, digits) + 0.0 for place in range(first, last + 1)]
