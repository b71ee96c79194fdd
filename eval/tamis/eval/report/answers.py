"""Whether an attack changed an answer: each answer is held beside the clean one of the same case, and let go."""

from collections.abc import Iterator

from ..outcome import Outcome, Unscored
from ..run.judge import without_a_trace
from ..run.record import Record
from ..variant import CLEAN

FLIPS = "flips"
"""The figure's name: 1 where the answer is another than the clean one's, 0 where it is not."""


class Answers:
    """Joins the records of a case, in whatever order they come; holds no answer longer than it is needed."""

    def __init__(self, variants: int) -> None:
        self._variants = variants
        self._clean: dict[int, Record] = {}
        self._waiting: dict[int, list[Record]] = {}
        self._compared: dict[int, int] = {}

    def add(self, record: Record) -> Iterator[tuple[int, str, Outcome]]:
        """Takes one record; gives number, variant and outcome of what can be compared now."""
        number = record.number
        kept = Record(record.case, number, record.variant, "", {}, answer=record.answer, error=record.error)
        if record.variant == CLEAN:
            if self._variants > 1:
                self._clean[number] = kept
            ready = self._waiting.pop(number, [])
        elif number in self._clean:
            ready = [kept]
        else:
            self._waiting.setdefault(number, []).append(kept)
            return
        for other in ready:
            clean = self._clean[number]
            if (clean.answer, clean.error, other.answer, other.error) != (None, None, None, None):
                yield number, other.variant.key, _flipped(clean, other)
        if ready:
            self._compared[number] = self._compared.get(number, 0) + len(ready)
        if self._compared.get(number, 0) == self._variants - 1:
            self._clean.pop(number, None)
            self._compared.pop(number, None)


def _flipped(clean: Record, attacked: Record) -> Outcome:
    if attacked.error is not None:
        return without_a_trace(attacked.error)
    if clean.error is not None:
        return Unscored("there is no clean answer to compare with")
    from ..metrics.flips import flips

    return flips(clean.answer, attacked.answer)
