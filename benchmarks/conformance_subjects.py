"""Who is checked: Tamis's components and LlamaIndex's own, each made so that it can keep the promise of its role."""

import base64
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from llama_index.core import SummaryIndex, VectorStoreIndex
from llama_index.core.indices.keyword_table import SimpleKeywordTableIndex
from llama_index.core.indices.query.query_transform.base import IdentityQueryTransform
from llama_index.core.node_parser import HierarchicalNodeParser, get_leaf_nodes
from llama_index.core.postprocessor import (
    AutoPrevNextNodePostprocessor,
    EmbeddingRecencyPostprocessor,
    FixedRecencyPostprocessor,
    KeywordNodePostprocessor,
    LLMRerank,
    LongContextReorder,
    MetadataReplacementPostProcessor,
    NERPIINodePostprocessor,
    PIINodePostprocessor,
    PrevNextNodePostprocessor,
    SentenceEmbeddingOptimizer,
    SentenceTransformerRerank,
    SimilarityPostprocessor,
    StructuredLLMRerank,
    TimeWeightedPostprocessor,
)
from llama_index.core.postprocessor.rankGPT_rerank import RankGPTRerank
from llama_index.core.retrievers import (
    AutoMergingRetriever,
    QueryFusionRetriever,
    RecursiveRetriever,
    RouterRetriever,
    TransformRetriever,
)
from llama_index.core.schema import BaseNode, Document, ImageNode, QueryBundle
from llama_index.core.selectors import EmbeddingSingleSelector
from llama_index.core.storage import StorageContext
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.tools import RetrieverTool
from llama_index.retrievers.bm25 import BM25Retriever
from scripted_llm import ScriptedLLM

from tamis.core.media import MediaPolicy
from tamis.models.cosine import EmbeddingScorer
from tamis.models.cross_encoder import CrossEncoderScorer
from tamis.models.evidence import EvidenceScorer
from tamis.rerankers import (
    AdaptiveTopK,
    DocumentOrder,
    DuplicateFilter,
    EdgesOrder,
    ExpectedF1,
    FixedK,
    LargestGap,
    RankOrder,
    RecallGuarantee,
    Reranker,
    ReverseOrder,
    Threshold,
    ZCut,
)
from tamis.retrievers import HybridRetriever, Store, TamisEmbedding
from tamis.testing import (
    ConformanceReport,
    FakeEmbedder,
    FakeImageEmbedder,
    FakeScorer,
    check_postprocessor,
    check_retriever,
    check_scorer,
)
from tamis.testing.pictures import png
from tamis.testing.samples import QUERY, texts
from tamis.testing.scorer import CANARY, Canary
from tamis.testing.stage import Role

SLOW_S = 0.2


class Subject(NamedTuple):
    """One row of the table: whose, what, checked as what, and the check itself."""

    owner: str
    name: str
    role: str
    check: Callable[[], ConformanceReport]


def stage(
    owner: str, name: str, role: Role, make: Callable[..., Any], delayed: bool = False, **options: Any
) -> Subject:
    """A postprocessor; where it is ``delayed``, ``make`` takes the seconds its work has to last."""
    if delayed:
        options["slow"] = lambda: make(SLOW_S)

    def check() -> ConformanceReport:
        # Some find out only at work that a package or a model is not here.
        make().postprocess_nodes(texts(), query_str=QUERY)
        return check_postprocessor(lambda: make(), role, **options)

    return Subject(owner, name, role, check)


def retriever(owner: str, name: str, make: Callable[..., Any], delayed: bool = False, **options: Any) -> Subject:
    """A retriever; where it is ``delayed``, ``make`` takes the seconds its embedder has to last."""
    if delayed:
        options["slow"] = lambda: make(SLOW_S)
    return Subject(owner, name, "retriever", lambda: check_retriever(lambda: make(), **options))


def scorer(name: str, make: Callable[..., Any], **options: Any) -> Subject:
    """A scorer of Tamis."""
    return Subject("Tamis", name, "scorer", lambda: check_scorer(lambda: make(), slow=lambda: make(SLOW_S), **options))


def subjects() -> Iterator[Subject]:
    """Every component that runs here."""
    yield from tamis_stages()
    yield from tamis_scorers()
    yield from tamis_retrievers()
    yield from llama_stages()
    yield from llama_retrievers()


def tamis_stages() -> Iterator[Subject]:
    """Reranker, selectors and orders."""

    def reranker(delay_s: float = 0.0) -> Reranker:
        return Reranker(FakeScorer(delay_s=delay_s))

    yield stage("Tamis", "Reranker", "reranker", reranker, True, failing=Reranker(FakeScorer(error="down")))
    guarantee = RecallGuarantee(0.5).fit([([0.9, 0.2], [True, False]), ([0.6, 0.5], [True, True])])
    for policy in (ExpectedF1(), guarantee, Threshold(), ZCut(), LargestGap(), FixedK(3)):
        yield stage("Tamis", f"AdaptiveTopK({type(policy).__name__})", "selector", lambda p=policy: AdaptiveTopK(p))
    yield stage("Tamis", "DuplicateFilter", "selector", DuplicateFilter)
    for order in (EdgesOrder, RankOrder, ReverseOrder, DocumentOrder):
        yield stage("Tamis", order.__name__, "orderer", order)


def tamis_scorers() -> Iterator[Subject]:
    """Scorers; a cross-encoder of random weights knows no relevance, so its canary is what it happens to prefer."""
    yield scorer("FakeScorer", lambda delay_s=0.0: FakeScorer(delay_s=delay_s))
    yield scorer("EmbeddingScorer", lambda delay_s=0.0: EmbeddingScorer(FakeEmbedder(delay_s=delay_s)))
    yield scorer("EvidenceScorer", evidence_scorer, listwise=True)
    yield Subject("Tamis", "CrossEncoderScorer", "scorer", _check_cross_encoder)


def evidence_scorer(delay_s: float = 0.0) -> EvidenceScorer:
    """The default scorer over an embedder that needs no model."""
    return EvidenceScorer(FakeEmbedder(delay_s=delay_s))


def _check_cross_encoder() -> ConformanceReport:
    made = CrossEncoderScorer(str(cross_encoder()))
    one, other = CANARY.relevant, CANARY.irrelevant
    low, high = made.score(CANARY.query, [one, other])
    canary = CANARY if (low or 0.0) > (high or 0.0) else Canary(CANARY.query, other, one)
    return check_scorer(made, canary=canary)


def tamis_retrievers() -> Iterator[Subject]:
    """HybridRetriever over an embedded store of texts and pictures, and over LlamaIndex's own vector store."""
    finds: list[tuple[QueryBundle | str, str]] = [
        ("a river carves its bed", "text-0"),
        ("blue", "blue"),
        (QueryBundle("", image_path=str(pictures() / "blue.png")), "blue"),
    ]

    def over_store(delay_s: float = 0.0) -> HybridRetriever:
        return store(delay_s).retriever()

    def over_index(delay_s: float = 0.0) -> HybridRetriever:
        return HybridRetriever.from_index(index(delay_s))

    yield retriever("Tamis", "HybridRetriever (store)", over_store, True, finds=finds)
    yield retriever("Tamis", "HybridRetriever (index)", over_index, True)


def llama_stages() -> Iterator[Subject]:
    """LlamaIndex's own; cuts are set so that a reranker can keep all; a model's weights are random."""

    def stock(name: str, role: Role, make: Callable[..., Any], delayed: bool = False, **options: Any) -> Subject:
        return stage("LlamaIndex", name, role, make, delayed, **options)

    def structured(delay_s: float = 0.0) -> StructuredLLMRerank:
        return StructuredLLMRerank(llm=ScriptedLLM(delay_s=delay_s), top_n=10)

    yield stock("LLMRerank", "reranker", lambda delay_s=0.0: LLMRerank(llm=ScriptedLLM(delay_s=delay_s)), True)
    yield stock("StructuredLLMRerank", "reranker", structured, True)
    yield stock("RankGPTRerank", "reranker", lambda delay_s=0.0: RankGPTRerank(10, ScriptedLLM(delay_s=delay_s)), True)
    yield stock("SentenceTransformerRerank", "reranker", stock_cross_encoder, True)
    yield stock("SimilarityPostprocessor", "selector", lambda: SimilarityPostprocessor(similarity_cutoff=0.6))
    yield stock("KeywordNodePostprocessor", "selector", lambda: KeywordNodePostprocessor(required_keywords=["river"]))
    yield stock("LongContextReorder", "orderer", LongContextReorder)
    yield stock("FixedRecencyPostprocessor", "any", lambda: FixedRecencyPostprocessor(top_k=3))
    yield stock("EmbeddingRecencyPostprocessor", "any", recency, True)
    yield stock("TimeWeightedPostprocessor", "any", lambda: TimeWeightedPostprocessor(now=1_800_000_000.0, top_k=3))
    yield stock("MetadataReplacementPostProcessor", "any", lambda: MetadataReplacementPostProcessor("file_name"))
    yield stock("PrevNextNodePostprocessor", "any", lambda: PrevNextNodePostprocessor(docstore=docstore()))
    yield stock(
        "AutoPrevNextNodePostprocessor",
        "any",
        lambda delay_s=0.0: AutoPrevNextNodePostprocessor(docstore=docstore(), llm=ScriptedLLM(delay_s=delay_s)),
        True,
    )
    yield stock("SentenceEmbeddingOptimizer", "any", optimizer, True)
    yield stock(
        "PIINodePostprocessor", "any", lambda delay_s=0.0: PIINodePostprocessor(llm=ScriptedLLM(delay_s=delay_s)), True
    )
    yield stock("NERPIINodePostprocessor", "any", NERPIINodePostprocessor)


def llama_retrievers() -> Iterator[Subject]:
    """LlamaIndex's own retrievers that need neither a database nor a key."""

    def stock(name: str, make: Callable[..., Any], delayed: bool = False) -> Subject:
        return retriever("LlamaIndex", name, make, delayed, finds=[("a river carves its bed", "text-0")])

    def vector(delay_s: float = 0.0) -> Any:
        return index(delay_s).as_retriever(similarity_top_k=4)

    def fusion(delay_s: float = 0.0, mode: str = "reciprocal_rerank") -> QueryFusionRetriever:
        found = [vector(delay_s), bm25()]
        return QueryFusionRetriever(found, llm=ScriptedLLM(), mode=mode, num_queries=1, similarity_top_k=4)

    def bm25() -> BM25Retriever:
        return BM25Retriever.from_defaults(nodes=passages(), similarity_top_k=4)

    def router(delay_s: float = 0.0) -> RouterRetriever:
        tools = [RetrieverTool.from_defaults(vector(delay_s), name="passages", description="rivers and valleys")]
        return RouterRetriever(EmbeddingSingleSelector.from_defaults(embedding(0.0)), tools, llm=ScriptedLLM())

    yield stock("VectorIndexRetriever", vector, True)
    yield stock("BM25Retriever", bm25)
    for mode in ("simple", "reciprocal_rerank", "relative_score", "dist_based_score"):
        yield stock(f"QueryFusionRetriever ({mode})", lambda delay_s=0.0, mode=mode: fusion(delay_s, mode), True)
    yield retriever("LlamaIndex", "AutoMergingRetriever", merging, True)
    yield stock("RecursiveRetriever", lambda d=0.0: RecursiveRetriever("root", {"root": vector(d)}), True)
    yield stock("RouterRetriever", router, True)
    yield stock("TransformRetriever", lambda d=0.0: TransformRetriever(vector(d), IdentityQueryTransform()), True)
    yield retriever("LlamaIndex", "SummaryIndexRetriever", lambda: SummaryIndex(passages()).as_retriever())
    yield stock("SummaryIndexEmbeddingRetriever", summary_by_embedding, True)
    yield retriever(
        "LlamaIndex",
        "KeywordTableSimpleRetriever",
        lambda: SimpleKeywordTableIndex(passages(), llm=ScriptedLLM()).as_retriever(retriever_mode="simple"),
    )


def embedding(delay_s: float) -> TamisEmbedding:
    """The same stand-in for everybody's vectors."""
    return TamisEmbedding(embedder=FakeEmbedder(delay_s=delay_s))


def passages() -> list[BaseNode]:
    """The texts, without scores."""
    return [found.node for found in texts()]


@cache
def pictures() -> Path:
    """A folder with two pictures."""
    folder = Path(tempfile.mkdtemp(prefix="conformance-"))
    (folder / "blue.png").write_bytes(png(0, 0, 255))
    (folder / "red.png").write_bytes(png(255, 0, 0))
    return folder


@cache
def store(delay_s: float) -> Store:
    """An embedded store of the texts and the pictures."""
    policy = MediaPolicy(roots=(str(pictures()),))
    made = Store.open(pictures() / f"store-{delay_s}", FakeImageEmbedder(delay_s=delay_s), create=True, media=policy)
    shown = [
        ImageNode(
            id_=name,
            image=base64.b64encode((pictures() / f"{name}.png").read_bytes()).decode(),
            image_mimetype="image/png",
        )
        for name in ("blue", "red")
    ]
    made.add([*passages(), *shown])
    return made


@cache
def index(delay_s: float) -> VectorStoreIndex:
    """LlamaIndex's vector index over the texts, in its own in-memory store."""
    made = VectorStoreIndex(passages(), embed_model=embedding(0.0))
    made._embed_model = embedding(delay_s)
    return made


@cache
def docstore() -> SimpleDocumentStore:
    """The texts by id."""
    made = SimpleDocumentStore()
    made.add_documents(passages())
    return made


def recency(delay_s: float = 0.0) -> EmbeddingRecencyPostprocessor:
    """Newer of similar nodes."""
    return EmbeddingRecencyPostprocessor(embed_model=embedding(delay_s))


def optimizer(delay_s: float = 0.0) -> SentenceEmbeddingOptimizer:
    """The better half of each node's sentences."""
    return SentenceEmbeddingOptimizer(
        embed_model=embedding(delay_s), percentile_cutoff=0.5, tokenizer_fn=lambda text: text.split(". ")
    )


@cache
def merging(delay_s: float = 0.0) -> AutoMergingRetriever:
    """Leaves of a small hierarchy, merged into their parents."""
    made = HierarchicalNodeParser.from_defaults(chunk_sizes=[128, 32], chunk_overlap=0).get_nodes_from_documents(
        [Document(text=" ".join(node.get_content() for node in passages()))]
    )
    context = StorageContext.from_defaults()
    context.docstore.add_documents(made)
    leaves = VectorStoreIndex(get_leaf_nodes(made), storage_context=context, embed_model=embedding(0.0))
    leaves._embed_model = embedding(delay_s)
    return AutoMergingRetriever(leaves.as_retriever(similarity_top_k=3), context)


def summary_by_embedding(delay_s: float = 0.0) -> Any:
    """A summary index asked by embedding."""
    return SummaryIndex(passages()).as_retriever(
        retriever_mode="embedding", similarity_top_k=4, embed_model=embedding(delay_s)
    )


def stock_cross_encoder(delay_s: float = 0.0) -> SentenceTransformerRerank:
    """A cross-encoder of random weights."""
    made = SentenceTransformerRerank(model=str(cross_encoder()), top_n=10, device="cpu")
    if delay_s:
        predict = made._model.predict

        def slowly(*args: Any, **kwargs: Any) -> Any:
            time.sleep(delay_s)
            return predict(*args, **kwargs)

        made._model.predict = slowly
    return made


@cache
def cross_encoder() -> Path:
    """A folder with a BERT of one layer and random weights, seeded."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = pictures() / "cross-encoder"
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "river", "valley", "carves", "the", "water", "sand"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    shape.num_labels = 1
    BertForSequenceClassification(shape).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder
