"""What tests of a RAG pipeline need: stand-ins that run offline and checks that hold a component to its contract."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .embedder import FakeEmbedder, FakeImageEmbedder
    from .fake_chooser import FakeChooser
    from .fake_reranker import FakeReranker
    from .fake_scorer import FakeScorer
    from .fault_server import FaultServer
    from .fixed_retriever import FixedRetriever
    from .postprocessor import check_postprocessor
    from .report import ConformanceError, ConformanceReport, Finding
    from .retriever import check_retriever
    from .scorer import check_scorer
    from .tiny_model import tiny_mllm

_HOME = {
    "ConformanceError": "report",
    "ConformanceReport": "report",
    "FakeChooser": "fake_chooser",
    "FakeEmbedder": "embedder",
    "FakeImageEmbedder": "embedder",
    "FakeReranker": "fake_reranker",
    "FakeScorer": "fake_scorer",
    "FaultServer": "fault_server",
    "Finding": "report",
    "FixedRetriever": "fixed_retriever",
    "check_postprocessor": "postprocessor",
    "check_retriever": "retriever",
    "check_scorer": "scorer",
    "tiny_mllm": "tiny_model",
}

__all__ = [
    "ConformanceError",
    "ConformanceReport",
    "FakeChooser",
    "FakeEmbedder",
    "FakeImageEmbedder",
    "FakeReranker",
    "FakeScorer",
    "FaultServer",
    "Finding",
    "FixedRetriever",
    "check_postprocessor",
    "check_retriever",
    "check_scorer",
    "tiny_mllm",
]


def __getattr__(name: str) -> Any:
    # LlamaIndex costs seconds to import, and a scorer's author needs none of it.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
