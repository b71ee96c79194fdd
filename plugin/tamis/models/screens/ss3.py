"""A screen that reads word by word, knows which words moved it, and stops as soon as it is sure (SS3)."""

import hashlib
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.models.screen import Screened

from .image_text import text_alone
from .scripts import script_of
from .words import Word, words

SHOWN_SPANS = 12
"""Places that a result names at most."""
_REMEMBERED = 200_000
_HEAD = 4_000
"""Characters by which the script is told."""

NOTHING = Screened(None, "there is no text in it")
UNKNOWN_WORDS = Screened(None, "no word of it bears on harm, by what the screen was trained on")
UNFINISHED = Screened(None, "no sentence of it has ended yet")


@dataclass(frozen=True)
class Ss3Screen:
    """P(harmful) from the values of words and pairs of words, learnt by ``tamis train screen --kind ss3``.

    SS3-style (Burdisso et al. 2019; pairs of words as in tau-SS3, 2020): a term's value is its global value for harmful
    less that for harmless. Read so far are the last ``window`` words; the sum of their values becomes a probability by
    Platt's calibration. A reading counts at the end of a sentence, of a line and of the text, and within a sentence
    where it is at least ``sure``; the highest that counts is the result. So a long harmless text does not add up to a
    harmful one, and nothing that comes later outweighs what was harmful.

    Terms are kept as hashes keyed with ``salt`` (hex digits): the file holds no word, and which words decided can be
    told because the text is at hand. That is no secrecy: who has a word can look whether it is in there.

    ``values`` are by hash; ``categories`` name what ``category_values`` are for. A text of which no word is known, or
    in a script that training had none of, gets None with the reason. Raises BadSetting.
    """

    values: Mapping[int, float] = field(repr=False)
    slope: float
    offset: float
    threshold: float = 0.5
    sure: float = 0.999
    window: int = 40
    salt: str = "00"
    scripts: tuple[str, ...] = ("LATIN",)
    categories: tuple[str, ...] = ()
    category_values: Mapping[int, tuple[float, ...]] = field(default_factory=dict, repr=False)
    name: str = "ss3"
    _seen: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    kind: ClassVar[str] = "ss3"

    def __post_init__(self) -> None:
        for name in ("threshold", "sure"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= 1):
                raise BadSetting(f"{name} must lie in [0, 1], not {value!r}")
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.offset)):
            raise BadSetting(
                f"the calibration needs a slope above 0 and an offset, not {self.slope!r}, {self.offset!r}"
            )
        if isinstance(self.window, bool) or not isinstance(self.window, int) or self.window < 1:
            raise BadSetting(f"window must be a whole number of words of at least 1, not {self.window!r}")

    def screen(self, contents: Sequence[Content]) -> list[Screened]:
        """One result for each content, from its whole text. Where it has images, harmful or none: see ``OcrScreen``."""
        return [text_alone(content, self._screened(content), self.threshold) for content in contents]

    def reader(self, *, stops: bool = True) -> "Ss3Reader":
        """Reads a text as it arrives. With ``stops`` it reads no further once it would be stopped at ``threshold``.

        ``Ss3Reader.finish`` gives what ``screen`` gives for the whole text; where it stopped, P(harmful) is that of
        what was read, on the same side of the threshold.
        """
        return Ss3Reader(self, stops)

    def raw(self, text: str) -> float | None:
        """The sum of values that is calibrated; None where no word is known."""
        reader = Ss3Reader(self, stops=False)
        reader.read(text)
        reader.finish()
        return reader.best if reader.known else None

    def probability(self, raw: float) -> float:
        """P(harmful) of a sum of values."""
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, self.slope * raw + self.offset))))

    def key(self, term: str) -> int:
        """A term's hash, 64 bits keyed with the salt."""
        found = self._seen.get(term)
        if found is None:
            found = hash_of(term, self.salt)
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[term] = found
        return found

    def to_dict(self) -> dict[str, Any]:
        """The screen as JSON that ``of`` reads; no word is in it."""
        return {
            "calibration": {"slope": self.slope, "offset": self.offset},
            "threshold": self.threshold,
            "sure": self.sure,
            "window": self.window,
            "salt": self.salt,
            "scripts": list(self.scripts),
            "values": {f"{key:016x}": value for key, value in sorted(self.values.items())},
            "categories": list(self.categories),
            "category_values": {f"{key:016x}": list(row) for key, row in sorted(self.category_values.items())},
        }

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> "Ss3Screen":
        """What ``to_dict`` wrote. Raises BadInput for anything else."""
        try:
            categories = tuple(map(str, written["categories"]))
            rows = {int(key, 16): tuple(map(_finite, row)) for key, row in written["category_values"].items()}
            if any(len(row) != len(categories) for row in rows.values()):
                raise ValueError("a row of category values has another length than there are categories")
            return cls(
                values={int(key, 16): _finite(value) for key, value in written["values"].items()},
                slope=_finite(written["calibration"]["slope"]),
                offset=_finite(written["calibration"]["offset"]),
                threshold=_finite(written["threshold"]),
                sure=_finite(written["sure"]),
                window=written["window"],
                salt=str(written["salt"]),
                scripts=tuple(map(str, written["scripts"])),
                categories=categories,
                category_values=rows,
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BadInput(f"this is no SS3 screen: {type(error).__name__}: {error}") from error

    def _screened(self, content: Content) -> Screened:
        if not content.text.strip():
            return NOTHING
        reader = Ss3Reader(self, stops=False)
        reader.read(content.text)
        return reader.finish()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_seen"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in {**state, "_seen": {}}.items():
            object.__setattr__(self, name, value)


class Ss3Reader:
    """Reads one text in pieces of any size. ``is_sure`` once it would be stopped; ``words_read`` counts words."""

    def __init__(self, screen: Ss3Screen, stops: bool) -> None:
        self._screen, self._stops = screen, stops
        # What counts: the calibrated thresholds as sums of values.
        self._flagged = _sum_at(screen, screen.threshold)
        self._sure = _sum_at(screen, screen.sure)
        self._waiting, self._offset, self._head = "", 0, ""
        self._places: list[tuple[int, int]] = []
        self._terms: list[str] = []
        self._window: deque[float] = deque()
        self._sum, self._before = 0.0, ""
        self._best_at = -1
        self.best = -math.inf
        self.known = 0
        self.is_sure = False

    @property
    def words_read(self) -> int:
        """How many words have been read."""
        return len(self._terms)

    def read(self, piece: str) -> Screened:
        """What is known after one more piece. The last word waits for the next one: it may go on there."""
        if not (self.is_sure and self._stops):
            self._waiting += piece
            if len(self._head) < _HEAD:
                self._head += piece[:_HEAD]
            found = list(words(self._waiting))
            self._take(found[:-1])
            if found:
                self._offset += found[-1].begin
                self._waiting = self._waiting[found[-1].begin :]
        return self.result()

    def finish(self) -> Screened:
        """The result for all that was read; to be called once, at the end."""
        if not (self.is_sure and self._stops):
            self._take(words(self._waiting))
            self._waiting = ""
        return self.result()

    def result(self) -> Screened:
        """What is known now: P(harmful) of the highest reading that counts, and the words behind it."""
        screen = self._screen
        if not self._terms:
            return NOTHING
        if (script := script_of(self._head)) is not None and script not in screen.scripts:
            return Screened(None, f"it is written in {script}, of which training had nothing")
        if not self.known:
            return UNKNOWN_WORDS
        if self._best_at < 0:
            return UNFINISHED
        harmful = screen.probability(self.best)
        category = self._category() if harmful >= screen.threshold else None
        return Screened(harmful, "", category, self._spans())

    def _take(self, found: Iterable[Word]) -> None:
        screen = self._screen
        values, key, window = screen.values, screen.key, self._window
        for begin, end, term, ends in found:
            self._places.append((begin + self._offset, end + self._offset))
            self._terms.append(term)
            value = values.get(key(term))
            pair = values.get(key(f"{self._before} {term}")) if self._before else None
            self.known += (value is not None) + (pair is not None)
            here = (value or 0.0) + (pair or 0.0)
            self._before = "" if ends else term
            window.append(here)
            self._sum += here
            if len(window) > screen.window:
                self._sum -= window.popleft()
            if (ends or self._sum >= self._sure) and self._sum > self.best:
                self.best, self._best_at = self._sum, len(self._terms) - 1
                if self.best >= self._flagged:
                    self.is_sure = True
                    if self._stops:
                        return

    def _decisive(self) -> Iterable[tuple[int, int, int]]:
        """The terms of the best window: key, begin, end."""
        first = max(0, self._best_at - self._screen.window + 1)
        for at in range(first, self._best_at + 1):
            yield self._screen.key(self._terms[at]), *self._places[at]
            if at > first:
                pair = f"{self._terms[at - 1]} {self._terms[at]}"
                yield self._screen.key(pair), self._places[at - 1][0], self._places[at][1]

    def _spans(self) -> tuple[tuple[int, int, float], ...]:
        found = [
            (begin, end, self._screen.slope * value)
            for key, begin, end in self._decisive()
            if (value := self._screen.values.get(key))
        ]
        return tuple(sorted(found, key=lambda span: (-abs(span[2]), span[0], span[1]))[:SHOWN_SPANS])

    def _category(self) -> str | None:
        screen = self._screen
        if not screen.categories:
            return None
        rows = [screen.category_values[key] for key, _, _ in self._decisive() if key in screen.category_values]
        totals = [math.fsum(column) for column in zip(*rows, strict=True)] or [0.0] * len(screen.categories)
        return screen.categories[max(range(len(totals)), key=totals.__getitem__)]


def hash_of(term: str, salt: str) -> int:
    """A term's 64 bits under a salt of hex digits."""
    return int.from_bytes(
        hashlib.blake2b(term.encode("utf-8", "replace"), digest_size=8, key=bytes.fromhex(salt)).digest()
    )


def _sum_at(screen: Ss3Screen, probability: float) -> float:
    """The sum of values that is calibrated to a probability."""
    if probability <= 0:
        return -math.inf
    if probability >= 1:
        return math.inf
    return (math.log(probability / (1 - probability)) - screen.offset) / screen.slope


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)
