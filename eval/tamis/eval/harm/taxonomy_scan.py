"""A corpus scanned for the user's categories of harm, never without the false-positive rate on harmless text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.models.screens import TaxonomyScreen

from ..case import Document
from ..stats.interval import Interval


class Found(NamedTuple):
    """A document with clauses of a category; ``places`` are theirs in its text."""

    document: str
    category: str
    places: tuple[tuple[int, int], ...]


class CategoryRates(NamedTuple):
    """The share of documents with a category, in the corpus and among harmless ones, where it is a false positive."""

    documents: Interval
    false_positives: Interval


class Scan(NamedTuple):
    """Shares by category and for any of them ("any"), and what was found, document by document, without its text."""

    rates: dict[str, CategoryRates]
    found: tuple[Found, ...]


def scan(
    screen: TaxonomyScreen, documents: Iterable[Document], harmless: Sequence[Content], *, confidence: float = 0.95
) -> Scan:
    """Scans documents clause by clause (TermLens, 2025), and harmless texts beside them.

    Raises BadInput without harmless texts: a share of a corpus says nothing where nobody knows how often a category is
    found in what has none of it.
    """
    from ..stats import rate_interval

    if not harmless:
        raise BadInput("a scan needs harmless texts: without their false-positive rate the shares mean nothing")
    every = list(documents)
    if not every:
        raise BadInput("there is no document to scan")
    found = []
    for document, clauses in zip(every, screen.scan([one.content for one in every]), strict=True):
        kept = [one for one in clauses if one.probability >= screen.threshold]
        for name in dict.fromkeys(one.category for one in kept):
            places = tuple((one.begin, one.end) for one in kept if one.category == name)
            found.append(Found(document.id, name, places))
    in_corpus = Counter(one.category for one in found)
    in_corpus["any"] = len({one.document for one in found})
    false: Counter[str] = Counter()
    for clauses in screen.scan(list(harmless)):
        names = {one.category for one in clauses if one.probability >= screen.threshold}
        false.update(names)
        false["any"] += bool(names)
    rates = {
        name: CategoryRates(
            rate_interval(in_corpus[name], len(every), confidence=confidence),
            rate_interval(false[name], len(harmless), confidence=confidence),
        )
        for name in [*(category.name for category in screen.categories), "any"]
    }
    return Scan(rates, tuple(found))
