"""Models: what says how relevant a passage is, and what turns contents into vectors. Back ends load on first use."""

from tamis.core.registry import Registry

from .embedder import Embedder
from .scorer import Evidence, EvidenceAware, Hit, LocalScorer, Scorer, checked_scores

BUILTIN = {
    "evidence": "tamis.models.evidence:EvidenceScorer",
    "embedding": "tamis.models.cosine:EmbeddingScorer",
    "cross-encoder": "tamis.models.cross_encoder:CrossEncoderScorer",
    "mllm": "tamis.models.mllm.scorer:TransformersScorer",
    "http": "tamis.models.http.scorer:HttpScorer",
    "vllm": "tamis.models.vllm.scorer:VllmScorer",
    "fake": "tamis.testing.fake_scorer:FakeScorer",
    "cached": "tamis.models.score_cache:CachedScorer",
}
SCORERS: Registry[Scorer] = Registry("scorer", "tamis.scorers", BUILTIN)
EMBEDDERS: Registry[Embedder] = Registry(
    "embedder",
    "tamis.embedders",
    {
        "sentence-transformers": "tamis.models.sentence_transformer:SentenceTransformerEmbedder",
        "fake": "tamis.testing.embedder:FakeEmbedder",
        "fake-image": "tamis.testing.embedder:FakeImageEmbedder",
    },
)

__all__ = [
    "EMBEDDERS",
    "SCORERS",
    "Embedder",
    "Evidence",
    "EvidenceAware",
    "Hit",
    "LocalScorer",
    "Scorer",
    "checked_scores",
]
