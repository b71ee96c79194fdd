"""Categories of harm that the user defines, found in texts by their terms and by what their descriptions mean."""

import json
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.models.embedder import Embedder
from tamis.models.screen import Screened
from tamis.models.sentences import sentences

from .image_text import text_alone
from .probe import embedded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KEYS = ("name", "description", "terms", "examples")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True)
class Category:
    """A kind of harm: ``terms`` that name it, a ``description`` and ``examples`` of what it means."""

    name: str
    description: str = ""
    terms: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("terms", "examples"):
            value = getattr(self, key)
            if isinstance(value, str) or not all(isinstance(one, str) and one.strip() for one in value):
                raise BadSetting(f'"{key}" of the category "{self.name}" must be a list of texts')
            object.__setattr__(self, key, tuple(value))
        if not isinstance(self.name, str) or not self.name.strip():
            raise BadSetting(f"a category needs a name, not {self.name!r}")
        if not (self.terms or self.examples or self.description.strip()):
            raise BadSetting(f'the category "{self.name}" has neither terms nor a description nor examples')

    @property
    def meanings(self) -> tuple[str, ...]:
        """The texts that a clause is compared with."""
        return tuple(one for one in (self.description, *self.examples) if one.strip())


class Clause(NamedTuple):
    """A clause that a category was found in: its place, the category, how likely in [0, 1], and the terms' places."""

    begin: int
    end: int
    category: str
    probability: float
    terms: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class TaxonomyScreen:
    """Finds the user's categories clause by clause (TermLens-style; TermLens, 2025).

    A clause (a sentence, cut at semicolons and line ends) belongs to a category for certain where it has one of its
    terms, at word boundaries, in any case and spacing. Else P is ``1 / (1 + exp(-slope (cosine - even_odds)))`` for the
    most similar of the category's description and examples, where there is an ``embedder`` ("default" is the
    bundled one, None compares nothing). ``slope`` and ``even_odds`` are only an order of magnitude: measure the
    false-positive rate on harmless text of your own (``tamis.eval.harm.scan``). A content is as harmful as its worst
    clause; spans are the terms that were found, or that clause.

    ``categories`` are Category objects or mappings, or the path of a TOML or JSON file with a list ``category``.
    Raises BadInput for such a file, UnknownComponent for a category asked for that is not defined.
    """

    categories: Any
    embedder: Any = None
    slope: float = 15.0
    even_odds: float = 0.5
    threshold: float = 0.5
    only: tuple[str, ...] = ()
    name: str = "taxonomy"
    _vectors: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        from tamis.models import EMBEDDERS

        found = read_taxonomy(self.categories)
        known = [one.name for one in found]
        if unknown := [name for name in self.only if name not in known]:
            raise UnknownComponent(f'no category is called "{unknown[0]}"; defined: {", ".join(known)}')
        object.__setattr__(self, "categories", tuple(one for one in found if not self.only or one.name in self.only))
        if self.embedder is not None:
            default = "sentence-transformers" if self.embedder == "default" else self.embedder
            object.__setattr__(self, "embedder", EMBEDDERS.build(default))
        elif (bare := [one.name for one in self.categories if not one.terms]) and len(bare) == len(self.categories):
            raise BadSetting(f'no category has terms, and without an embedder "{bare[0]}" can be told by nothing else')
        if not (math.isfinite(self.slope) and self.slope > 0):
            raise BadSetting(f"slope must be above 0, not {self.slope!r}")

    def screen(self, contents: Sequence[Content]) -> list[Screened]:
        """One result for each content. Where it has images, harmful or none: see ``OcrScreen``."""
        return [
            text_alone(content, self._screened(content.text, found), self.threshold)
            for content, found in zip(contents, self.scan(contents), strict=True)
        ]

    def scan(self, contents: Sequence[Content]) -> list[list[Clause]]:
        """For each content the clauses from ``threshold`` on, in order; the likeliest category of each first.

        Where none reaches the threshold, the likeliest clause alone.
        """
        places = [clauses(content.text) for content in contents]
        texts = [content.text[begin:end] for content, own in zip(contents, places, strict=True) for begin, end in own]
        likely = self._similar(texts)
        results, at = [], 0
        for content, own in zip(contents, places, strict=True):
            found: list[Clause] = []
            for begin, end in own:
                found += self._found(content.text, begin, end, likely[at] if likely else ())
                at += 1
            kept = [one for one in found if one.probability >= self.threshold]
            results.append(kept or sorted(found, key=lambda one: -one.probability)[:1])
        return results

    def _screened(self, text: str, found: Sequence[Clause]) -> Screened:
        if not text.strip():
            return Screened(None, "there is no text in it")
        if not found:
            return Screened(0.0, "none of the terms is in it")
        worst = max(found, key=lambda one: one.probability)
        spans = worst.terms or ((worst.begin, worst.end),)
        is_flagged = worst.probability >= self.threshold
        weights = tuple((begin, end, worst.probability) for begin, end in spans) if is_flagged else ()
        reason = "by a term" if worst.terms else "by meaning"
        return Screened(worst.probability, reason, worst.category if is_flagged else None, weights)

    def _found(self, text: str, begin: int, end: int, likely: Sequence[float]) -> list[Clause]:
        found = []
        for at, category in enumerate(self.categories):
            pattern = self._patterns[at]
            terms = tuple(one.span() for one in pattern.finditer(text, begin, end)) if pattern else ()
            probability = 1.0 if terms else likely[at] if likely else 0.0
            if probability > 0:
                found.append(Clause(begin, end, category.name, probability, terms))
        return sorted(found, key=lambda one: -one.probability)

    def _similar(self, texts: Sequence[str]) -> list[list[float]]:
        """P for each text and category by meaning; nothing without an embedder."""
        if self.embedder is None or not texts:
            return []
        import numpy as np

        vectors = embedded(self.embedder, texts)
        columns = []
        for meanings in self._meanings():
            if len(meanings) == 0:
                columns.append(np.zeros(len(texts)))
                continue
            cosines = (vectors @ meanings.T).max(axis=1).astype(float)
            columns.append(1 / (1 + np.exp(-self.slope * (cosines - self.even_odds))))
        rows: list[list[float]] = np.array(columns).T.tolist()
        return rows

    def _meanings(self) -> "list[NDArray[np.float32]]":
        if "meanings" not in self._vectors:
            embedder: Embedder = self.embedder
            self._vectors["meanings"] = [embedded(embedder, one.meanings) for one in self.categories]
        found: list[NDArray[np.float32]] = self._vectors["meanings"]
        return found

    @cached_property
    def _patterns(self) -> "list[re.Pattern[str] | None]":
        return [_pattern(category.terms) for category in self.categories]


def clauses(text: str) -> list[tuple[int, int]]:
    """The clauses of a text: its sentences, cut at semicolons.

    >>> clauses("Pay now; no refunds. Bye.")
    [(0, 8), (9, 20), (21, 25)]
    """
    found = []
    for begin, end in sentences(text):
        at = begin
        for cut in re.finditer(r"[;；]\s*", text[begin:end]):
            found.append((at, begin + cut.start() + 1))
            at = begin + cut.end()
        if at < end:
            found.append((at, end))
    return found


def read_taxonomy(spec: Any) -> list[Category]:
    """Categories from objects, mappings, or a TOML or JSON file. Raises BadInput naming the file and the category."""
    where = "the taxonomy"
    if isinstance(spec, str | Path):
        where, spec = str(spec), _read_file(Path(spec))
    if isinstance(spec, Mapping):
        spec = spec.get("category", spec.get("categories"))
    if not isinstance(spec, Iterable) or isinstance(spec, str | bytes):
        raise BadInput(f'{where}: must be a list of categories ("[[category]]" in TOML)')
    found = [_category(one, f"{where}: category {number}") for number, one in enumerate(spec, start=1)]
    if not found:
        raise BadInput(f"{where}: there is no category in it")
    names = [one.name for one in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadInput(f'{where}: the category "{twice[0]}" is there more than once')
    return found


def _read_file(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: is no taxonomy: {type(error).__name__}") from error


def _category(one: Any, where: str) -> Category:
    if isinstance(one, Category):
        return one
    if not isinstance(one, Mapping):
        raise BadInput(f"{where}: must be a table with a name")
    if unknown := [key for key in one if key not in _KEYS]:
        raise BadInput(f'{where}: has no key "{unknown[0]}"; known: {", ".join(_KEYS)}')
    try:
        return Category(**one)
    except (BadSetting, TypeError) as error:
        raise BadInput(f"{where}: {error}") from error


def _pattern(terms: Sequence[str]) -> "re.Pattern[str] | None":
    if not terms:
        return None
    written = []
    for term in sorted(terms, key=len, reverse=True):
        body = r"[\s\-]+".join(re.escape(part) for part in term.split())
        # Where no spaces are written there are no boundaries to look for.
        written.append(body if _CJK.search(term) else rf"(?<!\w){body}(?!\w)")
    return re.compile("|".join(written), re.IGNORECASE)
