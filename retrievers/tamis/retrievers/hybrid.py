"""Hybrid retrieval: what is near in meaning and what shares the words, from one store, as one ranking."""

import asyncio
import copy
import logging
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from llama_index.core import VectorStoreIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager
from llama_index.core.embeddings import MultiModalEmbedding
from llama_index.core.schema import BaseNode, IndexNode, NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import MetadataFilters
from llama_index_instrumentation import get_dispatcher
from numpy.typing import NDArray

from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models.scorer import Hit
from tamis.nodes import Candidate

from .asked import Asked, asked
from .bm25 import Bm25, LexicalIndex
from .corpus import Corpus, Nearest
from .embedding import TamisEmbedding
from .fusion import Fused
from .planted import PlantedBm25, PlantedCorpus
from .postings import Postings, digest_of
from .settings import at_least_one, checked_calibrations, checked_weights, not_negative
from .sources import Answers, Calibrations, Lexical, Near, by_rank, by_score
from .threads import in_thread, started

if TYPE_CHECKING:
    from .store import Store

logger = logging.getLogger(__name__)
dispatcher = get_dispatcher(__name__)

Fusion = Literal["rrf", "calibrated"]
# A search is repeated once, when it shows that the store has changed since BM25 last looked.
_ATTEMPTS = 2


class HybridRetriever(BaseRetriever):
    """Finds passages by vector and by BM25 in the same corpus and fuses the two, best first.

    Results are ``Candidate``s, each id once: ``score`` is the fused score, ``hits`` what each source knows: "dense"
    (cosine to the query's text), "bm25", and for a query with an image and an embedder that sees, "image" (cosine to
    the query's images). A source's score is filled in, without a rank, for passages that only another source listed.

    ``similarity_top_k`` candidates are returned, fused from the ``source_top_k`` best of each source. ``fusion``:
    "rrf" by rank (``rrf_k``), "calibrated" by score (see ``sources.by_score``; ``calibrations`` maps a source's raw
    score to P(relevant)). ``weights`` per source, 1 where not given; a source of weight 0 only adds its hits.
    ``filters`` hold for all sources. ``media`` says which of a query's images may be opened.

    A query without words, vector and image, and any query to an empty store, finds nothing. Of a query's text the
    first 32,768 characters are read. Raises BadSetting for settings, BadInput for queries, StoreError for the store.
    """

    def __init__(
        self,
        corpus: Corpus,
        embed_model: BaseEmbedding,
        *,
        bm25: LexicalIndex | None = None,
        similarity_top_k: int = 50,
        source_top_k: int = 100,
        fusion: Fusion = "rrf",
        rrf_k: float = 60,
        weights: Mapping[str, float] | None = None,
        calibrations: Calibrations | None = None,
        filters: MetadataFilters | None = None,
        media: MediaPolicy | None = None,
        dimensions: int | None = None,
        object_map: dict[str, Any] | None = None,
        objects: list[IndexNode] | None = None,
        callback_manager: CallbackManager | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(callback_manager, object_map, objects, verbose)
        self.similarity_top_k = at_least_one("similarity_top_k", similarity_top_k)
        self.source_top_k = at_least_one("source_top_k", source_top_k)
        if fusion not in get_args(Fusion):
            raise BadSetting(f"fusion is {fusion!r}; it must be one of {', '.join(get_args(Fusion))}")
        self.fusion = fusion
        self.rrf_k = not_negative("rrf_k", rrf_k)
        self.weights = checked_weights(weights, lambda: _sees_images(embed_model))
        self.calibrations = checked_calibrations(calibrations)
        if not isinstance(filters, MetadataFilters | None):
            raise BadSetting(f"filters is {filters!r}; it must be LlamaIndex's MetadataFilters")
        if not isinstance(media, MediaPolicy | None):
            raise BadSetting(f"media is {media!r}; it must be a MediaPolicy")
        self.filters = filters
        self.media = media or MediaPolicy()
        self._corpus = corpus
        self._embed_model = embed_model
        self._dimensions = dimensions
        self._bm25: LexicalIndex = bm25 or Bm25(corpus)

    @classmethod
    def from_store(
        cls,
        store: "Store",
        *,
        similarity_top_k: int = 50,
        source_top_k: int = 100,
        fusion: Fusion = "rrf",
        rrf_k: float = 60,
        weights: Mapping[str, float] | None = None,
        calibrations: Calibrations | None = None,
        filters: MetadataFilters | None = None,
        media: MediaPolicy | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> "HybridRetriever":
        """Over a Tamis store; settings as for the class."""
        return cls(
            store.corpus,
            store.embed_model,
            bm25=store.bm25,
            similarity_top_k=similarity_top_k,
            source_top_k=source_top_k,
            fusion=fusion,
            rrf_k=rrf_k,
            weights=weights,
            calibrations=calibrations,
            filters=filters,
            media=media or store.media,
            dimensions=store.dimensions,
            callback_manager=callback_manager,
        )

    @classmethod
    def from_index(
        cls,
        index: VectorStoreIndex,
        *,
        nodes: Sequence[BaseNode] | None = None,
        bm25_folder: str | Path | None = None,
        embed_model: BaseEmbedding | None = None,
        similarity_top_k: int = 50,
        source_top_k: int = 100,
        fusion: Fusion = "rrf",
        rrf_k: float = 60,
        weights: Mapping[str, float] | None = None,
        calibrations: Calibrations | None = None,
        filters: MetadataFilters | None = None,
        media: MediaPolicy | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> "HybridRetriever":
        """Over any LlamaIndex vector index; settings as for the class.

        ``bm25_folder`` keeps the BM25 index between runs, by default it is built in memory at the first query.
        ``nodes`` are the passages, for vector stores that cannot list theirs; they must be those that were indexed.
        """
        from .index_corpus import corpus_of

        return cls(
            corpus := corpus_of(index, nodes),
            # LlamaIndex has no public way to either.
            embed_model or index._embed_model,
            bm25=Bm25(corpus, Path(bm25_folder) if bm25_folder is not None else None),
            similarity_top_k=similarity_top_k,
            source_top_k=source_top_k,
            fusion=fusion,
            rrf_k=rrf_k,
            weights=weights,
            calibrations=calibrations,
            filters=filters,
            media=media,
            object_map=index._object_map,
            callback_manager=callback_manager,
        )

    def with_planted(self, nodes: Sequence[BaseNode]) -> "HybridRetriever":
        """The same retriever over its corpus and these nodes, as though they had been indexed; nothing is stored.

        For finding out what planted passages would do: they are embedded, counted, ranked and fused like all others.
        """
        planted = PlantedCorpus(self._corpus, nodes, self._embed_model)
        clone = copy.copy(self)
        clone._corpus, clone._bm25 = planted, PlantedBm25(self._bm25, planted, nodes)
        return clone

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = self._asked(query_bundle)
        for attempt in range(_ATTEMPTS):
            # Where there are no passages, nothing needs to be embedded.
            if not query or not len(postings := self._bm25.current()):
                return []
            sources = self._sources(query)
            if query.vector is None:
                # The words in another thread: it has Python to itself while this one waits for the model.
                counting = started(self._words, query, postings)
                near = {source: self._near(source, query) for source in sources}
                words = counting.result()
            else:
                words = self._words(query, postings)
                near = {source: self._near(source, query) for source in sources}
            answers = Answers(words, near)
            candidates = self._candidates(answers, last=attempt == _ATTEMPTS - 1)
            if candidates is not None:
                return self._resolved(candidates, query_bundle)
        return []

    @dispatcher.span
    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = await in_thread(self._asked, query_bundle)
        for attempt in range(_ATTEMPTS):
            if not query or not len(postings := await in_thread(self._bm25.current)):
                return []
            sources = self._sources(query)
            # Gathered apart, because the two kinds of answer are of different types.
            words, found = await asyncio.gather(
                in_thread(self._words, query, postings),
                asyncio.gather(*(self._anear(source, query) for source in sources)),
            )
            answers = Answers(words, dict(zip(sources, found, strict=True)))
            candidates = await in_thread(self._candidates, answers, last=attempt == _ATTEMPTS - 1)
            if candidates is not None:
                return await self._aresolved(candidates, query_bundle)
        return []

    def _asked(self, query: QueryBundle) -> Asked:
        return asked(
            query,
            sees_images=_sees_images(self._embed_model),
            embedder=self._embed_model.model_name,
            dimensions=self._dimensions,
            media=self.media,
        )

    def _words(self, query: Asked, postings: Postings) -> Lexical:
        """BM25's answer."""
        scores = postings.score_all(query.terms)
        allowed = scores if self.filters is None else np.where(self._allowed(postings, self.filters), scores, 0)
        found = postings.best(allowed, self.source_top_k)
        return Lexical(postings, found, scores, postings.ceiling(query.terms))

    def _allowed(self, postings: Postings, filters: MetadataFilters) -> NDArray[np.bool_]:
        """Which passages the filters let through, shape (passages,)."""
        matching = self._corpus.matching(filters)
        return np.fromiter((id in matching for id in postings.ids), bool, len(postings))

    def _sources(self, query: Asked) -> list[str]:
        return [*(["dense"] if query.texts or query.vector else []), *(["image"] if query.images else [])]

    def _vector(self, source: str, query: Asked) -> list[float]:
        if source == "dense":
            return query.vector or self._embed_model.get_agg_embedding_from_queries(query.texts)
        model = _multimodal(self._embed_model)
        return _mean([model.get_image_embedding(BytesIO(image)) for image in query.images])

    async def _avector(self, source: str, query: Asked) -> list[float]:
        if source == "dense":
            return query.vector or await self._embed_model.aget_agg_embedding_from_queries(query.texts)
        model = _multimodal(self._embed_model)
        return _mean([await model.aget_image_embedding(BytesIO(image)) for image in query.images])

    def _near(self, source: str, query: Asked) -> Near:
        vector = self._vector(source, query)
        return self._answer(vector, self._corpus.nearest(vector, self.source_top_k, self.filters))

    async def _anear(self, source: str, query: Asked) -> Near:
        vector = await self._avector(source, query)
        return self._answer(vector, await self._corpus.anearest(vector, self.source_top_k, self.filters))

    def _answer(self, vector: list[float], nearest: Nearest) -> Near:
        return Near(vector, nearest, 1.0 if self._corpus.cosine else None, self._embed_model.model_name)

    def _candidates(self, answers: Answers, last: bool) -> list[Candidate] | None:
        """The fused best; None if BM25 and the store do not know the same passages, and must be asked again."""
        postings = answers.bm25.postings
        if self._corpus.exact_version or last:
            answers = answers.known()
        elif answers.unknown():
            self._bm25.distrust()
            return None
        if self.fusion == "rrf":
            fused = by_rank(answers, self.rrf_k, self.weights)[: self.similarity_top_k]
            hits = self._hits(answers, [id for id, _ in fused])
        else:
            hits = self._hits(answers, list(dict.fromkeys(id for ids in answers.rankings().values() for id in ids)))
            fused = by_score(hits, self.calibrations, self.weights)[: self.similarity_top_k]
        nodes = self._corpus.nodes([id for id, _ in fused])
        if not last and not self._as_counted(fused, nodes, postings):
            self._bm25.distrust()
            return None
        # All is checked and plain here; at 50 candidates a query, checking each again costs more than fusing them.
        return [
            Candidate.model_construct(node=nodes[id], score=score, hits=hits[id]) for id, score in fused if id in nodes
        ]

    def _hits(self, answers: Answers, ids: Sequence[str]) -> dict[str, dict[str, Hit]]:
        return answers.hits(ids, self._bm25.vectors(answers.unlisted(ids)))

    def _as_counted(self, fused: Sequence[Fused], nodes: Mapping[str, BaseNode], postings: Postings) -> bool:
        """Whether the store still has the passages that were found, with the texts that BM25 counted."""
        if any(id not in nodes for id, _ in fused):
            return False
        if self._corpus.exact_version:
            return True
        rows = {id: postings.row(id) for id, _ in fused}
        return all(
            row is None or postings.digests[row] == digest_of(nodes[id].get_content()) for id, row in rows.items()
        )

    def _objects(self, candidates: list[Candidate]) -> list[tuple[Candidate, Any]]:
        """Each candidate with the object that its IndexNode stands for, None for all others."""
        return [
            (one, (one.node.obj or self.object_map.get(one.node.index_id)) if isinstance(one.node, IndexNode) else None)
            for one in candidates
        ]

    def _resolved(self, candidates: list[Candidate], query: QueryBundle) -> list[NodeWithScore]:
        """Index nodes replaced by what they stand for, with their scores: the base class turns a score of 0 to 1."""
        found = [
            [one] if it is None else self._retrieve_from_object(it, query, one.score or 0.0)
            for one, it in self._objects(candidates)
        ]
        return _inherited(candidates, found)

    async def _aresolved(self, candidates: list[Candidate], query: QueryBundle) -> list[NodeWithScore]:
        async def resolve(one: Candidate, it: Any) -> list[NodeWithScore]:
            return [one] if it is None else await self._aretrieve_from_object(it, query, one.score or 0.0)

        return _inherited(
            candidates, await asyncio.gather(*(resolve(one, it) for one, it in self._objects(candidates)))
        )


def _inherited(candidates: Sequence[Candidate], found: Sequence[Sequence[NodeWithScore]]) -> list[NodeWithScore]:
    """What each candidate stands for, with its score and hits; every node once, where it stood best."""
    once: dict[str, NodeWithScore] = {}
    for candidate, nodes in zip(candidates, found, strict=True):
        for one in nodes:
            if one is candidate:
                once.setdefault(one.node.node_id, one)
            else:
                new = Candidate(node=one.node, score=candidate.score, hits=candidate.hits)
                once.setdefault(one.node.node_id, new)
    return list(once.values())


def _sees_images(model: BaseEmbedding) -> bool:
    if isinstance(model, TamisEmbedding):
        return "image" in model.embedder.modalities
    return isinstance(model, MultiModalEmbedding)


def _multimodal(model: BaseEmbedding) -> MultiModalEmbedding:
    if not isinstance(model, MultiModalEmbedding):
        raise BadSetting(f"{type(model).__name__} embeds no images; use a MultiModalEmbedding")
    return model


def _mean(vectors: Sequence[Sequence[float]]) -> list[float]:
    """The direction between several vectors."""
    return [float(value) for value in np.mean(np.asarray(vectors, dtype=float), axis=0)]
