"""The three pipelines that the demo compares, over one store and one embedder."""

from collections.abc import Mapping, Sequence

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor import LongContextReorder
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers.no_text import NoText
from llama_index.core.retrievers import QueryFusionRetriever, VectorIndexRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import BaseNode

from tamis.core.errors import MissingExtra
from tamis.pipeline import harden
from tamis.retrievers import Store

from .result import Pipeline

TOP_K = 5
"""What both LlamaIndex pipelines hand to the language model."""

DEPTH = TOP_K
"""How deep each side of LlamaIndex's fusion looks: as deep as its result, as in LlamaIndex's own example.

Of 5, 10, 20 and 50 it is also the depth at which the fusion finds most here.
"""


def pipelines(store: Store, nodes: Sequence[BaseNode]) -> Mapping[Pipeline, RetrieverQueryEngine]:
    """LlamaIndex as it comes, LlamaIndex with its own best tools, and ``harden()`` as it comes.

    Raises MissingExtra without LlamaIndex's BM25 retriever.
    """
    return {
        "stock": _engine(VectorIndexRetriever(index=store.index, similarity_top_k=TOP_K)),
        "stock_best": _engine(_fusion(store, nodes), LongContextReorder()),
        "tamis": harden(store),
    }


def _fusion(store: Store, nodes: Sequence[BaseNode]) -> BaseRetriever:
    try:
        from llama_index.retrievers.bm25 import BM25Retriever
    except ImportError as error:
        raise MissingExtra("comparing with LlamaIndex's own BM25", extra="demo") from error
    depth = min(DEPTH, len(nodes))
    return QueryFusionRetriever(
        [
            VectorIndexRetriever(index=store.index, similarity_top_k=depth),
            BM25Retriever.from_defaults(nodes=list(nodes), similarity_top_k=depth),
        ],
        llm=MockLLM(),  # with one query no model is asked, but without one LlamaIndex looks for a hosted one
        mode=FUSION_MODES.RECIPROCAL_RANK,
        num_queries=1,
        similarity_top_k=TOP_K,
        use_async=False,  # its thread and event loop for each query would only cost time here
    )


def _engine(retriever: BaseRetriever, *postprocessors: BaseNodePostprocessor) -> RetrieverQueryEngine:
    return RetrieverQueryEngine(
        retriever=retriever, response_synthesizer=NoText(llm=MockLLM()), node_postprocessors=list(postprocessors)
    )
