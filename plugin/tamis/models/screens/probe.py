"""A screen that is a plane through an embedder's space: logistic regression on the vectors of pieces of text."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.models.embedder import Embedder
from tamis.models.screen import Screened

from .image_text import text_alone
from .scripts import script_of
from .words import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIECE = 60
"""Words in a piece: well within what the default embedder reads, so that nothing is cut off unseen."""
NOTHING = Screened(None, "there is no text in it")


@dataclass(frozen=True)
class ProbeScreen:
    """P(harmful) from a linear probe on an embedder, learnt by ``tamis train screen --kind probe``.

    A text is cut into pieces of at most 60 words at sentence ends where there are any; it is as harmful as its most
    harmful piece, which is the one span of the result (its weight the log-odds) where the text has several. With
    ``explain`` the words of that piece are weighed instead, each by how much the log-odds fall without it: as many
    embeddings as the piece has words, for texts from the threshold on only.

    ``weights`` has the embedder's dimensions; ``category_weights`` are by name. A text in a script that training had
    none of gets None. Raises BadSetting; on first use MissingExtra without the embedder's packages.
    """

    weights: tuple[float, ...] = field(repr=False)
    bias: float
    slope: float = 1.0
    offset: float = 0.0
    threshold: float = 0.5
    embedder: Any = None
    scripts: tuple[str, ...] = ("LATIN",)
    category_weights: Mapping[str, tuple[float, ...]] = field(default_factory=dict, repr=False)
    explain: bool = False
    name: str = "probe"

    kind: ClassVar[str] = "probe"

    def __post_init__(self) -> None:
        from tamis.models import EMBEDDERS

        if not (math.isfinite(self.threshold) and 0 <= self.threshold <= 1):
            raise BadSetting(f"threshold must lie in [0, 1], not {self.threshold!r}")
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.offset)):
            raise BadSetting(
                f"the calibration needs a slope above 0 and an offset, not {self.slope!r}, {self.offset!r}"
            )
        object.__setattr__(self, "embedder", EMBEDDERS.build(self.embedder or "sentence-transformers"))
        if self.embedder.dimensions != len(self.weights):
            raise BadSetting(
                f'the probe has {len(self.weights)} weights and the embedder "{self.embedder.name}" '
                f"{self.embedder.dimensions} dimensions; use the embedder that it was trained on"
            )

    def screen(self, contents: Sequence[Content]) -> list[Screened]:
        """One result for each content. Where it has images, harmful or none: see ``OcrScreen``."""
        results: list[Screened | None] = [self._unreadable(content.text) for content in contents]
        todo = [at for at, result in enumerate(results) if result is None]
        cut = [pieces_of(contents[at].text) for at in todo]
        flat = [contents[at].text[begin:end] for at, places in zip(todo, cut, strict=True) for begin, end in places]
        vectors = embedded(self.embedder, flat)
        raws = vectors @ self._weights() + self.bias
        begun = 0
        for at, places in zip(todo, cut, strict=True):
            mine = raws[begun : begun + len(places)]
            best = int(mine.argmax())
            results[at] = self._result(contents[at].text, places, best, float(mine[best]), vectors[begun + best])
            begun += len(places)
        return [
            text_alone(content, NOTHING if result is None else result, self.threshold)
            for content, result in zip(contents, results, strict=True)
        ]

    def probability(self, raw: float) -> float:
        """P(harmful) of a piece's value."""
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, self.slope * raw + self.offset))))

    def to_dict(self) -> dict[str, Any]:
        """The screen as JSON that ``of`` reads: weights on an embedder's dimensions, no word."""
        from tamis.models import EMBEDDERS

        return {
            "embedder": EMBEDDERS.spec(self.embedder),
            "weights": list(self.weights),
            "bias": self.bias,
            "calibration": {"slope": self.slope, "offset": self.offset},
            "threshold": self.threshold,
            "scripts": list(self.scripts),
            "category_weights": {name: list(row) for name, row in self.category_weights.items()},
        }

    @classmethod
    def of(cls, written: Mapping[str, Any], embedder: Embedder | None = None) -> "ProbeScreen":
        """What ``to_dict`` wrote; ``embedder`` stands in for the one that is written down. Raises BadInput."""
        try:
            return cls(
                weights=_row(written["weights"]),
                bias=_finite(written["bias"]),
                slope=_finite(written["calibration"]["slope"]),
                offset=_finite(written["calibration"]["offset"]),
                threshold=_finite(written["threshold"]),
                embedder=written["embedder"] if embedder is None else embedder,
                scripts=tuple(map(str, written["scripts"])),
                category_weights={str(name): _row(row) for name, row in written["category_weights"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"this is no probe: {type(error).__name__}: {error}") from error

    def _unreadable(self, text: str) -> Screened | None:
        if not text.strip():
            return NOTHING
        if next(iter(words(text[:4_000])), None) is None:
            return Screened(None, "there is no word in it")
        if (script := script_of(text)) is not None and script not in self.scripts:
            return Screened(None, f"it is written in {script}, of which training had nothing")
        return None

    def _result(
        self, text: str, places: Sequence[tuple[int, int]], best: int, raw: float, vector: "NDArray[np.float32]"
    ) -> Screened:
        harmful = self.probability(raw)
        is_flagged = harmful >= self.threshold
        begin, end = places[best]
        spans: tuple[tuple[int, int, float], ...] = ()
        if self.explain and is_flagged:
            spans = self._without_each(text, begin, end, raw)
        elif len(places) > 1:
            spans = ((begin, end, self.slope * raw + self.offset),)
        return Screened(harmful, "", self._category(vector) if is_flagged else None, spans)

    def _without_each(self, text: str, begin: int, end: int, raw: float) -> tuple[tuple[int, int, float], ...]:
        places = [(begin + word.begin, begin + word.end) for word in words(text[begin:end])]
        left = [f"{text[begin:first]}{text[last:end]}" for first, last in places]
        fallen = raw - (embedded(self.embedder, left) @ self._weights() + self.bias)
        found = [
            (first, last, self.slope * float(fall)) for (first, last), fall in zip(places, fallen.tolist(), strict=True)
        ]
        return tuple(sorted(found, key=lambda span: (-abs(span[2]), span[0]))[:12])

    def _category(self, vector: "NDArray[np.float32]") -> str | None:
        if not self.category_weights:
            return None
        import numpy as np

        extended = np.append(vector, 1.0)
        return max(self.category_weights, key=lambda name: float(extended @ np.asarray(self.category_weights[name])))

    def _weights(self) -> "NDArray[np.float64]":
        import numpy as np

        return np.asarray(self.weights, dtype=np.float64)


def pieces_of(text: str) -> list[tuple[int, int]]:
    """Where a text is cut: pieces of at most 60 words, each as long as whole sentences allow.

    >>> pieces_of("One. Two.")
    [(0, 8)]
    """
    found = list(words(text))
    pieces, first = [], 0
    while first < len(found):
        last = min(first + PIECE, len(found))
        if last < len(found):
            ends = [at + 1 for at in range(first + PIECE // 3, last) if found[at].ends]
            last = ends[-1] if ends else last
        pieces.append((found[first].begin, found[last - 1].end))
        first = last
    return pieces


def embedded(embedder: Embedder, texts: Sequence[str]) -> "NDArray[np.float32]":
    """Vectors of the texts, each different one embedded once."""
    import numpy as np

    different = list(dict.fromkeys(texts))
    place = {text: at for at, text in enumerate(different)}
    vectors = embedder.embed([Content(text) for text in different])
    return np.asarray(vectors[[place[text] for text in texts]] if texts else vectors)


def _row(values: Sequence[Any]) -> tuple[float, ...]:
    return tuple(map(_finite, values))


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)
