"""Planted passages at the boundary of a retriever: it gives what it finds, and its embedder ranks them in."""

import copy
import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.indices.multi_modal.retriever import MultiModalVectorIndexRetriever
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle

from tamis.core.media import MediaPolicy
from tamis.nodes import content_of, finite, rescored

from ...case import Document
from ..bm25_scale import among_themselves, over_the_larger_corpus
from ..merging import Found, merged
from .similarity import Reads, Similarities, Vectors, sees

Part = Literal["all", "texts", "images"]
"""What a method of a retriever ranks: all there is, or the texts or the images of two stores."""

_ONE_STORE: dict[str, Part] = {"_retrieve": "all", "_aretrieve": "all"}
_TWO_STORES: dict[str, Part] = {
    "_text_retrieve": "texts",
    "_atext_retrieve": "texts",
    "_text_to_image_retrieve": "images",
    "_atext_to_image_retrieve": "images",
}


class Planting(NamedTuple):
    """Passages planted for one request, as nodes, and what ranks them where the retriever has nothing that can."""

    nodes: Sequence[BaseNode]
    embed_model: BaseEmbedding | None
    media: MediaPolicy
    vectors: Vectors


def can_plant(retriever: BaseRetriever, embed_model: BaseEmbedding | None) -> bool:
    """Whether there is something that can say where a planted passage ranks."""
    return (
        callable(getattr(retriever, "with_planted", None))
        or _is_bm25(retriever)
        or (embedder_of(retriever) or embed_model) is not None
    )


def sees_images(retriever: BaseRetriever) -> bool:
    """Whether a query's or a passage's images count for the retriever, by its embedder."""
    return sees(embedder_of(retriever)) or _image_embedder(retriever) is not None


def can_rank(retriever: BaseRetriever, document: Document, embed_model: BaseEmbedding | None) -> bool:
    """Whether this retriever can be given this document: by its text, or by its images where they are seen."""
    if not can_plant(retriever, embed_model):
        return False
    if document.content.text.strip():
        return True
    own = embedder_of(retriever)
    return bool(document.content.images) and (sees_images(retriever) or (own is None and sees(embed_model)))


def planted_into(retriever: BaseRetriever, planting: Planting) -> BaseRetriever:
    """A shallow copy of a retriever that gives the planted passages too, where they rank, and as many as before.

    A retriever that knows best says so itself: one with a method ``with_planted(nodes) -> BaseRetriever`` is asked
    for the retriever over the larger corpus. Any other answers as it always does, and the planted passages are ranked
    in (see ``merged``), the last ones giving way:

    - with an embedding model of its own (or the one that was given), by cosine. For a retriever that searches exactly
      by cosine this is the very ranking of the larger corpus; for approximate search, other distances and whatever
      sorts by more than similarity it is an approximation. Metadata filters are not applied to planted passages.
    - LlamaIndex's BM25Retriever, by BM25 with the index's word statistics and the planted ones counted in: the ranking
      of the larger corpus, but for passages that only its changed statistics would have found. Where the index is not
      of bm25s's default kind, by BM25 among the passages that were found, in the retriever's order.
    - a retriever of text and images in two stores: texts among its texts, images among its images, as it indexes them.

    Where a retriever gave fewer than it may (a small corpus, a cutoff of its own), planted ones fill the places.

    The copy is of a subclass made for it, so that whoever asks for its class or its settings finds them.
    """
    if callable(own := getattr(retriever, "with_planted", None)):
        made: BaseRetriever = own(planting.nodes)
        return made
    clone = copy.copy(retriever)
    clone.__class__ = _planting_kind(type(retriever))
    clone._tamis_planting = planting  # type: ignore[attr-defined]
    return clone


@lru_cache(maxsize=256)
def _planting_kind(kind: type[BaseRetriever]) -> type[BaseRetriever]:
    """A subclass whose rankings hold the planted passages. Merging twice is merging once, should one call another."""
    body: dict[str, Any] = {"__module__": kind.__module__, "__doc__": kind.__doc__}
    rankings = _TWO_STORES if issubclass(kind, MultiModalVectorIndexRetriever) else _ONE_STORE
    for name, part in rankings.items():
        body[name] = _planting_method(getattr(kind, name), part)
    return type(kind.__name__, (kind,), body)


def _planting_method(own: Callable[..., Any], part: Part) -> Callable[..., Any]:
    # The query is copied before the retriever has seen it: some leave their own vector in it.
    if inspect.iscoroutinefunction(own):

        async def found_async(self: Any, query_bundle: QueryBundle) -> list[NodeWithScore]:
            asked = copy.copy(query_bundle)
            merge = _Merge.of(self, asked, part, await own(self, query_bundle))
            return merge.ranked(merge.lexical() or await merge.acompared())

        return found_async

    def found(self: Any, query_bundle: QueryBundle) -> list[NodeWithScore]:
        asked = copy.copy(query_bundle)
        merge = _Merge.of(self, asked, part, own(self, query_bundle))
        return merge.ranked(merge.lexical() or merge.compared())

    return found


class _Judged(NamedTuple):
    """The found nodes with their scores on the retriever's scale, and what compares them with the planted: of each."""

    found: Sequence[NodeWithScore]
    likeness: Sequence[float | None]


class _Merge(NamedTuple):
    """One ranking of a retriever with the planted passages that belong in it, and what compares them."""

    retriever: Any
    planting: Planting
    query: QueryBundle
    found: Sequence[NodeWithScore]
    planted: Sequence[BaseNode]
    most: int
    model: BaseEmbedding | None
    reads: Reads

    @classmethod
    def of(cls, retriever: Any, query: QueryBundle, part: Part, given: Sequence[NodeWithScore]) -> "_Merge":
        planting: Planting = retriever._tamis_planting
        ids = {node.node_id for node in planting.nodes}
        found = [one for one in given if one.node.node_id not in ids]
        nodes = planting.nodes
        reads: Reads = "text"
        if part == "images":
            model, reads = _image_embedder(retriever), "images"
            nodes = [node for node in nodes if content_of(node).images]
            most = _most(retriever, "image_similarity_top_k", len(given))
        else:
            model = embedder_of(retriever) or planting.embed_model
            if part == "texts":
                nodes = [node for node in nodes if content_of(node).text.strip()]
            elif sees(model):
                reads = "both"
            most = _most(retriever, "similarity_top_k", len(given))
        return cls(retriever, planting, query, found, nodes, max(most, len(found)), model, reads)

    @property
    def nodes(self) -> list[BaseNode]:
        """The found ones, then the planted ones."""
        return [*(one.node for one in self.found), *self.planted]

    def compared(self) -> _Judged | None:
        """Judged by similarity to the query; None where nothing can tell it."""
        ways = self._similarities()
        return None if ways is None else _Judged(self.found, ways.to(self.query, self.nodes, len(self.found)))

    async def acompared(self) -> _Judged | None:
        """As ``compared``."""
        ways = self._similarities()
        return None if ways is None else _Judged(self.found, await ways.ato(self.query, self.nodes, len(self.found)))

    def _similarities(self) -> Similarities | None:
        if self.model is None or not self.planted:
            return None
        return Similarities(self.model, self.planting.vectors, self.planting.media, self.reads)

    def lexical(self) -> _Judged | None:
        """Judged by BM25; None where the retriever is no BM25."""
        if not _is_bm25(self.retriever) or not self.planted:
            return None
        texts = [node.get_content(metadata_mode=MetadataMode.EMBED) for node in self.nodes]
        query, *passages = _tokens(self.retriever, [self.query.query_str, *texts])
        count = len(self.found)
        scores = [score for one in self.found if (score := finite(one.score)) is not None]
        if len(scores) == count:
            new = over_the_larger_corpus(self.retriever.bm25, query, passages[:count], scores, passages[count:])
            if new is not None:
                return _Judged([rescored(one, score) for one, score in zip(self.found, new, strict=False)], new)
        return _Judged(self.found, among_themselves(query, passages))

    def ranked(self, judged: _Judged | None) -> list[NodeWithScore]:
        """The ranking with the planted passages in it; without them where nothing compares them."""
        if judged is None:
            return list(self.found)
        count = len(judged.found)
        found = [Found(finite(one.score), judged.likeness[i]) for i, one in enumerate(judged.found)]
        able = [
            (node, value)
            for node, value in zip(self.planted, judged.likeness[count:], strict=True)
            if value is not None
        ]
        return [
            NodeWithScore(node=able[place.number][0], score=place.score)
            if place.planted
            else judged.found[place.number]
            for place in merged(found, [value for _, value in able], self.most)
        ]


def embedder_of(retriever: Any) -> BaseEmbedding | None:
    """The embedding model that a retriever asks, or its index does."""
    for owner in (retriever, getattr(retriever, "_index", None), getattr(retriever, "index", None)):
        for name in ("_embed_model", "embed_model"):
            if isinstance(found := getattr(owner, name, None), BaseEmbedding):
                return found
    return None


def _image_embedder(retriever: Any) -> BaseEmbedding | None:
    if not isinstance(retriever, MultiModalVectorIndexRetriever) or retriever._image_vector_store is None:
        return None
    found = retriever._image_embed_model
    return found if isinstance(found, BaseEmbedding) else None


def _is_bm25(retriever: Any) -> bool:
    return hasattr(getattr(retriever, "bm25", None), "scores") and hasattr(retriever, "token_pattern")


def _tokens(retriever: Any, texts: list[str]) -> list[list[str]]:
    """Texts as the retriever's BM25 counts them."""
    import bm25s  # type: ignore[import-untyped]

    found: list[list[str]] = bm25s.tokenize(
        texts,
        return_ids=False,
        show_progress=False,
        token_pattern=retriever.token_pattern,
        stemmer=None if getattr(retriever, "skip_stemming", False) else getattr(retriever, "stemmer", None),
    )
    return found


def _most(retriever: Any, name: str, given: int) -> int:
    """How many a retriever gives: what it says, or as many as it gave."""
    for spelled in (name, f"_{name}"):
        value = getattr(retriever, spelled, None)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return given
