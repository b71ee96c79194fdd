"""How each kind of screen is learnt from examples: counts of words, or a plane through vectors."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tamis.core.errors import BadInput
from tamis.models.embedder import Embedder

from .examples import Example
from .probe import ProbeScreen, embedded, pieces_of
from .scripts import script_of
from .ss3 import Ss3Screen, hash_of
from .values import Smoothing, class_values
from .words import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_OF_A_CATEGORY = 10


class Ss3Learner:
    """Counts words and pairs of words by label, and values them as SS3 does.

    Examples from ``own`` on are the background: they only lower what a term says for harm.
    """

    def __init__(self, examples: Sequence[Example], own: int, how: Smoothing | None = None, *, seed: int = 0) -> None:
        self._examples, self._own, self._how = examples, own, how or Smoothing()
        self._terms = [terms_of(example.content.text) for example in examples]
        # From the examples, so that the same file and seed give the same screen.
        digest = hashlib.blake2b(f"{seed}".encode(), digest_size=16)
        for example in examples:
            digest.update(example.content.text.encode("utf-8", "replace"))
        self._salt = digest.hexdigest()

    def fit(self, chosen: Sequence[int]) -> Ss3Screen:
        """A screen that is not calibrated yet."""
        own = [at for at in chosen if at < self._own]
        differences = self._differences(own)
        if len(own) < len(chosen):
            beside = self._differences(chosen)
            for term, value in differences.items():
                if value > 0:
                    differences[term] = min(value, max(0.0, beside.get(term, 0.0)))
        names, of_category = self._categories(own)
        return Ss3Screen(
            values={hash_of(term, self._salt): _short(one) for term, one in differences.items() if _short(one)},
            slope=1.0,
            offset=0.0,
            salt=self._salt,
            scripts=_scripts(self._examples, chosen),
            categories=names,
            category_values={hash_of(term, self._salt): tuple(map(_short, row)) for term, row in of_category.items()},
        )

    def raw(self, screen: Ss3Screen, chosen: Sequence[int]) -> list[float | None]:
        """The uncalibrated sums."""
        return [screen.raw(self._examples[at].content.text) for at in chosen]

    def _differences(self, chosen: Sequence[int]) -> dict[str, float]:
        labels = [int(self._examples[at].harmful) for at in chosen]
        return {term: harmful - harmless for term, (harmless, harmful) in self._values(chosen, labels, 2).items()}

    def _values(self, chosen: Sequence[int], labels: Sequence[int], classes: int) -> dict[str, list[float]]:
        counts: tuple[dict[str, list[int]], dict[str, list[int]]] = ({}, {})
        for at, label in zip(chosen, labels, strict=True):
            for known, terms in zip(counts, self._terms[at], strict=True):
                for term, count in terms.items():
                    known.setdefault(term, [0] * classes)[label] += count
        # Pairs are measured by the most frequent word too: few occurrences of a pair would else say much.
        most = [max(column) for column in zip(*counts[0].values(), strict=True)]
        return class_values(counts[0] | counts[1], self._how, most)

    def _categories(self, chosen: Sequence[int]) -> tuple[tuple[str, ...], Mapping[str, list[float]]]:
        names = _category_names(self._examples, chosen)
        if len(names) < 2:
            return names, {}
        mine = [at for at in chosen if self._examples[at].harmful and self._examples[at].category in names]
        return names, self._values(mine, [names.index(str(self._examples[at].category)) for at in mine], len(names))


class ProbeLearner:
    """Logistic regression on the vectors of all pieces of the texts; the examples are embedded once.

    Examples from ``own`` on are the background, which is not learnt from: a plane would learn its style.
    """

    def __init__(
        self, examples: Sequence[Example], own: int, embedder: Embedder | None = None, *, strength: float = 1.0
    ) -> None:
        from tamis.models import EMBEDDERS

        self._examples, self._own, self._strength = examples, own, strength
        self._embedder: Embedder = EMBEDDERS.build(embedder or "sentence-transformers")
        cut = [pieces_of(example.content.text) for example in examples]
        texts = [
            example.content.text[begin:end]
            for example, places in zip(examples, cut, strict=True)
            for begin, end in places
        ]
        self._vectors = embedded(self._embedder, texts)
        self._rows: list[range] = []
        for places in cut:
            begun = self._rows[-1].stop if self._rows else 0
            self._rows.append(range(begun, begun + len(places)))

    def fit(self, chosen: Sequence[int]) -> ProbeScreen:
        """A screen that is not calibrated yet."""
        chosen = [at for at in chosen if at < self._own]
        rows = [row for at in chosen for row in self._rows[at]]
        labels = [int(self._examples[at].harmful) for at in chosen for _ in self._rows[at]]
        if len(set(labels)) < 2:
            raise BadInput("the examples of one label have no word in them; a screen learns from both")
        weights = self._plane(rows, labels)
        names = _category_names(self._examples, chosen)
        return ProbeScreen(
            weights=tuple(weights[:-1].tolist()),
            bias=float(weights[-1]),
            embedder=self._embedder,
            scripts=_scripts(self._examples, chosen),
            category_weights=self._category_weights(names, chosen),
        )

    def raw(self, screen: ProbeScreen, chosen: Sequence[int]) -> list[float | None]:
        """The uncalibrated log-odds of the most harmful piece."""
        import numpy as np

        values = self._vectors @ np.asarray(screen.weights) + screen.bias
        return [float(values[list(self._rows[at])].max()) if self._rows[at] else None for at in chosen]

    def _plane(self, rows: Sequence[int], labels: Sequence[int]) -> "NDArray[np.float64]":
        import numpy as np

        from .training import sklearn

        model: Any = sklearn("linear_model").LogisticRegression(
            C=self._strength, class_weight="balanced", max_iter=2_000
        )
        model.fit(self._vectors[list(rows)], labels)
        plane: NDArray[np.float64] = np.append(model.coef_[0], model.intercept_[0]).round(7)
        return plane

    def _category_weights(self, names: Sequence[str], chosen: Sequence[int]) -> dict[str, tuple[float, ...]]:
        if not names:
            return {}
        mine = [at for at in chosen if self._examples[at].harmful and self._examples[at].category in names]
        rows = [row for at in mine for row in self._rows[at]]
        found = {}
        for name in names:
            labels = [int(self._examples[at].category == name) for at in mine for _ in self._rows[at]]
            plane = (
                self._plane(rows, labels).tolist() if len(set(labels)) == 2 else [0.0] * self._vectors.shape[1] + [1]
            )
            found[name] = tuple(map(float, plane))
        return found


def terms_of(text: str) -> tuple[Counter[str], Counter[str]]:
    """The words of a text and its pairs of neighbours within a sentence, counted."""
    single: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    before = ""
    for word in words(text):
        single[word.term] += 1
        if before:
            pairs[f"{before} {word.term}"] += 1
        before = "" if word.ends else word.term
    return single, pairs


def _category_names(examples: Sequence[Example], chosen: Sequence[int]) -> tuple[str, ...]:
    counts = Counter(examples[at].category for at in chosen if examples[at].harmful and examples[at].category)
    return tuple(sorted(str(name) for name, count in counts.items() if count >= LEAST_OF_A_CATEGORY))


def _scripts(examples: Sequence[Example], chosen: Sequence[int]) -> tuple[str, ...]:
    counts = Counter(script_of(examples[at].content.text) for at in chosen)
    return tuple(
        sorted(str(name) for name, count in counts.items() if name and count >= min(10, len(chosen) // 20 + 1))
    )


def _short(value: float) -> float:
    return round(value, 6)
