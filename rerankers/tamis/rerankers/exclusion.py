"""Exclusion queries ("... but not ..."): what is wanted and what is not, in words and in embedding space."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from llama_index.core.schema import QueryBundle

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.models import Embedder
from tamis.nodes import ContentBundle, query_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

WEIGHT = 0.5
_PARALLEL = 1e-6
_WORD = re.compile(r"\w")
# Clauses that take something away. A plain "without" is not among them: "can one live without a kidney" is about it.
# Nor is anything behind "nothing" ("nothing except water" is about water), and "not just" adds. What stands between
# words is tried from its beginning alone, or a long run of blanks would take time with the square of its length.
_CLAUSE = re.compile(
    r"""(?<![\s,;:(])(?<!\bnothing)(?<!\bnobody)(?<!\bnone)(?<!\bno\ one)[\s,;:(]*(?:
        \bbut\s+(?:not\b(?!_ADDS)|no|without|excluding|except)\b(?:\s+(?:for|about|any|in|on|from|of))?
      | \b(?:excluding|except(?:ing)?(?:\s+for)?|other\s+than|not\s+(?:about|including|counting))\b
      | ,\s*not\b(?!_ADDS)
    )\s+(?P<unwanted>[^.?!;)]+)(?P<rest>.*)""".replace(
        "_ADDS", r"\s+(?:just|only|even|merely|(?:at\s+)?least|necessarily)\b"
    ),
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_COMPARES = re.compile(r"\s*(?:why|how\s+come)\b", re.IGNORECASE)


class Exclusion(NamedTuple):
    """The two sides of an exclusion query."""

    wanted: str
    unwanted: str


@dataclass
class ExclusionBundle(ContentBundle):
    """A query with what its results must not be about, said apart: ``exclude`` goes before any words of the query."""

    exclude: str = ""


def parse_exclusion(text: str) -> Exclusion | None:
    """Both sides of a query that excludes something in so many words; None for any other.

    English only. The clause begins with "but not", "but no", "but without", "but excluding", "but except",
    "excluding", "except", "except for", "other than", "not about", "not including", "not counting" or a comma and
    "not", and ends with its sentence. Questions with "why" compare and exclude nothing ("why do cats but not dogs
    purr?"); nor does a plain "without", a clause behind "nothing", "nobody", "none" or "no one", or a "not" before
    "just", "only", "even", "merely", "least" or "necessarily". Both sides must have a word in them.

    >>> parse_exclusion("jaguar the animal, but not the car?")
    Exclusion(wanted='jaguar the animal?', unwanted='the car')
    >>> parse_exclusion("can one live without a kidney?") is None
    True
    """
    if _COMPARES.match(text):
        return None
    found = _CLAUSE.search(text)
    if found is None:
        return None
    unwanted = found["unwanted"].strip(" ,")
    wanted = f"{text[: found.start()].strip()}{found['rest'].rstrip()}".strip()
    return Exclusion(wanted, unwanted) if _WORD.search(wanted) and _WORD.search(unwanted) else None


def exclusion_of(query: QueryBundle, exclude: str | None = None) -> Exclusion | None:
    """What a query excludes: by its own ``exclude``, else by the setting, else by its words."""
    said = query.exclude if isinstance(query, ExclusionBundle) else ""
    if unwanted := (said or exclude or "").strip():
        return Exclusion(query.query_str, unwanted)
    return parse_exclusion(query.query_str)


def perpendicular(unwanted: "Vector", query: "Vector") -> "Vector":
    """The part of ``unwanted`` that is not ``query``'s, at a right angle to it; zero where they are parallel.

    Both of shape (d,). Source: Perp-Neg (2023).

    >>> perpendicular(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [0.0, 1.0]
    """
    length = float(query @ query)
    if length == 0:
        return unwanted.astype(float)
    part: Vector = unwanted - (float(unwanted @ query) / length) * query
    # What rounding leaves of parallel vectors points anywhere.
    return np.zeros_like(part) if np.linalg.norm(part) <= _PARALLEL * np.linalg.norm(unwanted) else part


def without(query: "Vector", unwanted: "Vector", weight: float = WEIGHT) -> "Vector":
    """The query's vector turned away from what is unwanted: ``normalise(q - weight * perpendicular(n, q))``.

    Both of shape (d,), any length but zero; the result has length 1. What query and unwanted have in common stays.
    Raises BadSetting for a weight that is no number from 0 up.

    >>> without(np.array([1.0, 0.0]), np.array([-3.0, 0.0])).tolist()
    [1.0, 0.0]
    """
    if not (np.isfinite(weight) and weight >= 0):
        raise BadSetting(f"the weight is {weight}; it must be 0 or more")
    turned = query - weight * perpendicular(unwanted, query)
    result: Vector = turned / np.linalg.norm(turned)
    return result


def penalties(passages: "Vector", query: "Vector", unwanted: "Vector", weight: float = WEIGHT) -> "Vector":
    """What each passage loses: ``weight * max(0, cos(d, perpendicular(n, q)))``, in [0, weight], shape (n,).

    ``passages`` has shape (n, d). A passage about what query and unwanted have in common loses nothing for that.
    """
    apart = perpendicular(unwanted, query)
    lengths = np.linalg.norm(passages, axis=1) * float(np.linalg.norm(apart))
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = np.where(lengths > 0, (passages @ apart) / lengths, 0.0)
    result: Vector = weight * np.maximum(0.0, cosines)
    return result


def excluding(query: QueryBundle, exclusion: Exclusion) -> ExclusionBundle:
    """The query with its wanted side as its text; what is unwanted is said apart. Images and vectors stay."""
    content = query_of(query)
    return ExclusionBundle(
        exclusion.wanted,
        image_path=query.image_path,
        custom_embedding_strs=query.custom_embedding_strs,
        embedding=query.embedding,
        images=content.images,
        exclude=exclusion.unwanted,
    )


def excluding_query(
    query: QueryBundle | str, embedder: Embedder, exclude: str | None = None, weight: float = WEIGHT
) -> QueryBundle:
    """A query for a HybridRetriever that looks away from what is excluded; the query itself where that is nothing.

    Its text is the wanted side, so that BM25 does not look for the unwanted words; its ``embedding`` is the wanted
    side's (or the query's own, if it has one) turned away from the unwanted one's (``without``). ``embedder`` must be
    the one that the store was made with. What the query given holds is not changed.
    """
    bundle = QueryBundle(query) if isinstance(query, str) else query
    exclusion = exclusion_of(bundle, exclude)
    if exclusion is None:
        return bundle
    vectors = embedder.embed([Content(exclusion.wanted), Content(exclusion.unwanted)], "query").astype(float)
    wanted = vectors[0] if bundle.embedding is None else np.asarray(bundle.embedding, dtype=float)
    turned = without(wanted, vectors[1], weight)
    return replace(excluding(bundle, exclusion), embedding=turned.tolist(), custom_embedding_strs=None)
