"""A cheap scorer first, a cross-encoder on the undecided: what CascadeReranker saves, and whether the best change."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cases import PoolSearch
from corpora import Corpus, Question, clapnq, litm, medquad
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from mllm_cross_encoder import Recipe, trained
from mllm_groups import Groups, Split, gathered, split_of
from numpy.typing import NDArray
from scipy.stats import spearmanr
from vectors import embed_texts

from tamis.core.content import Content
from tamis.eval.stats import mean_interval, rate_interval
from tamis.models import LocalScorer, Scorer
from tamis.models.cross_encoder import CrossEncoderScorer
from tamis.models.embedder import Role
from tamis.models.evidence import EvidenceScorer
from tamis.models.sentence_transformer import SentenceTransformerEmbedder
from tamis.rerankers.cascade.reranker import CascadeReranker

TOP = 5
GOAL_SHARE = 0.35
TUNING_SHARE = 0.33
"""What the tuning questions may take, so that others stay within the goal as well."""
RISKS = (0.01, 0.02, 0.03, 0.04, 0.05)
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """How much is measured: questions for tuning and test, candidates each, and how large the pools are (None: all)."""

    tuning: int = 139
    test: int = 140
    candidates: int = 100
    pool: int | None = None
    recipe: Recipe = field(default_factory=Recipe)


QUICK = Size(tuning=20, test=20, candidates=40, pool=200, recipe=Recipe(groups=64, length=64))


class Materials(NamedTuple):
    """Everything that comes from the data sets, the same for the same size."""

    size: Size
    search: PoolSearch
    split: Split

    def groups(self, seed: int = 0) -> Groups:
        """Training groups from MedQuAD's pool and from the two sets of real questions."""
        others = [PoolSearch(_first(one(), self.size.pool), self.search.embedder) for one in (litm, clapnq)]
        recipe = self.size.recipe
        return gathered(
            self.search,
            self.split,
            others,
            fewest=recipe.negatives,
            sentences=recipe.sentences,
            count=recipe.groups,
            seed=seed,
        )


def _first(corpus: Corpus, count: int | None) -> Corpus:
    """The corpus with its first answerable questions and the passages that belong to them."""
    if count is None:
        return corpus
    questions = [question for question in corpus.questions if question.gold][:count]
    names = dict.fromkeys(name for question in questions for name in question.gold)
    return Corpus(corpus.name, {name: corpus.passages[name] for name in names}, questions)


def materials(size: Size, seed: int = 0) -> Materials:
    """MedQuAD's pool and its split."""
    tested = _first(medquad(), size.pool)
    search = PoolSearch(tested, SentenceTransformerEmbedder())
    return Materials(size, search, split_of(tested, size.tuning, size.test, seed))


def candidates(search: PoolSearch, question: Question, count: int) -> list[str]:
    """Ids of the passages that a hybrid search lists: both rankings by turns, each passage once."""
    turns = zip(search.dense(question.text, count), search.bm25(question.text, count), strict=True)
    return list(dict.fromkeys(name for turn in turns for name in turn))[:count]


class KeptVectors:
    """MiniLM's vectors, from the benchmarks' store where they are in it."""

    def __init__(self) -> None:
        self._embedder = SentenceTransformerEmbedder()
        self.name, self.dimensions = self._embedder.name, self._embedder.dimensions
        self.modalities = self._embedder.modalities

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> NDArray[np.float32]:
        """Unit vectors, shape (len(contents), dimensions)."""
        return embed_texts(self._embedder, [content.text for content in contents], role)


class Remembering(LocalScorer):
    """A scorer whose log-odds are kept, so that the cascade and the full list ask the model once for each pair.

    ``asked`` counts the passages it was given, whether it knew them or not. ``file`` keeps the log-odds for another
    run with the same model.
    """

    def __init__(self, scorer: Scorer, name: str, file: Path) -> None:
        self.scorer, self.name, self.file = scorer, name, file
        self.asked = 0
        self.known: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """Log-odds, one for each passage."""
        self.asked += len(passages)
        keys = [hashlib.sha256(f"{query.text}\0{passage.text}".encode()).hexdigest()[:24] for passage in passages]
        missing = {key: passage for key, passage in zip(keys, passages, strict=True) if key not in self.known}
        scores = self.scorer.score(query, list(missing.values()))
        self.known.update({key: score for key, score in zip(missing, scores, strict=True) if score is not None})
        return [self.known.get(key) for key in keys]

    def save(self) -> None:
        """Writes what is known."""
        self.file.write_text(json.dumps(self.known), encoding="utf-8")


class Judged(NamedTuple):
    """One question's candidates with both scorers' log-odds, shape (n,), and which of them answer it."""

    question: Question
    names: list[str]
    cheap: Vector
    dear: Vector
    relevant: NDArray[np.bool_]

    def top(self) -> list[str]:
        """The dear scorer's best passages of all, best first."""
        return [self.names[at] for at in best(self.dear, TOP)]


def judged(search: PoolSearch, question: Question, count: int, cheap: Scorer, dear: Scorer) -> Judged:
    """Both scorers on all candidates of one question."""
    names = candidates(search, question, count)
    passages = [Content(search.corpus.passages[name]) for name in names]
    asked = Content(question.text)
    scores = [np.array(scorer.score(asked, passages), dtype=float) for scorer in (cheap, dear)]
    return Judged(question, names, *scores, np.array([name in question.gold for name in names]))


def best(scores: Vector, k: int) -> list[int]:
    """Places of the k highest scores, best first; equals in the order they came in."""
    return [int(at) for at in np.argsort(-scores, kind="stable")[:k]]


def ndcg_at_10(scores: Vector, relevant: NDArray[np.bool_]) -> float:
    """nDCG@10 with gain 1 for a passage that answers (one is known for each question); 0 where none is there."""
    gains = relevant[best(scores, 10)] / np.log2(np.arange(2, 12))[: min(10, len(scores))]
    ideal = (1 / np.log2(np.arange(2, 12)))[: max(1, int(relevant.sum()))].sum()
    return float(gains.sum() / ideal)


def measure(size: Size, seed: int, folder: Path | None) -> dict[str, Any]:
    """Fits a cascade on the tuning questions and runs it on the test questions."""
    given = materials(size, seed)
    search, split = given.search, given.split
    folder = folder or trained(given.groups(seed), size.recipe)
    recorded = folder / "training.json"
    cheap = EvidenceScorer(KeptVectors())
    model = CrossEncoderScorer(str(folder), local_files_only=True, batch_size=32)
    dear = Remembering(model, f"cross-encoder:{folder.name}", folder / "benchmark_log_odds.json")
    tuning = [judged(search, one, size.candidates, cheap, dear) for one in split.tuning]
    began, before = time.perf_counter(), len(dear.known)
    test = [judged(search, one, size.candidates, cheap, dear) for one in split.test]
    full_seconds, computed = time.perf_counter() - began, len(dear.known) - before
    dear.save()
    cascade = _fitted([cheap, dear], tuning)
    runs = [_run(cascade, dear, search, one) for one in test]
    pairs = list(zip(runs, test, strict=True))
    same = [set(run.top) == set(one.top()) for run, one in pairs]
    shares = [run.asked / len(one.names) for run, one in pairs]
    depths = [max(_rank(one.cheap)[at] for at in best(one.dear, TOP)) + 1 for one in test]
    static = float(np.mean([depth <= GOAL_SHARE * len(one.names) for depth, one in zip(depths, test, strict=True)]))
    gains = {
        "evidence": [ndcg_at_10(one.cheap, one.relevant) for one in test],
        "cross-encoder": [ndcg_at_10(one.dear, one.relevant) for one in test],
        "cascade": [run.ndcg for run in runs],
    }
    quality = {name: mean_interval(values, within=(0, 1))._asdict() for name, values in gains.items()}
    correlation = float(np.mean([spearmanr(one.cheap, one.dear).statistic for one in test]))
    return {
        "cascade_same_top5": float(np.mean(same)),
        "cascade_call_share": float(np.mean(shares)),
        "same_top5": rate_interval(sum(same), len(same))._asdict(),
        "call_share": mean_interval(shares, within=(0, 1))._asdict(),
        "risk": cascade.risk,
        "tuning_call_share": None if cascade.bands is None else cascade.bands.call_share,
        "cascade_same_top5_in_order": float(np.mean([run.top == one.top() for run, one in pairs])),
        "call_share_quantiles": np.quantile(shares, [0.1, 0.5, 0.9]).tolist(),
        "questions": {"tuning": len(tuning), "test": len(test)},
        "candidates": size.candidates,
        "ndcg@10": quality,
        "rank_correlation": correlation,
        "cheap_depth_of_top5_quantiles": np.quantile(depths, [0.5, 0.9, 0.95, 1.0]).tolist(),
        "top5_within_cheap_share": static,
        "cross_encoder": str(folder),
        "training": json.loads(recorded.read_text(encoding="utf-8")) if recorded.is_file() else None,
        "cross_encoder_passages_per_second": computed / full_seconds if computed else None,
        "quality": "nDCG@10 " + ", ".join(f"{name} {one['mean']:.3f}" for name, one in quality.items()),
        "reason": (
            f"the two scorers' ranks agree with Spearman's {correlation:.2f}; in {static:.0%} of the questions the "
            f"cross-encoder's top {TOP} are among the default scorer's first {GOAL_SHARE:.0%}"
        ),
    }


def _fitted(scorers: Sequence[Scorer], tuning: Sequence[Judged]) -> CascadeReranker:
    """The most careful cascade whose share of calls on the tuning questions stays within the goal."""
    log_odds = [one.cheap.tolist() for one in tuning], [one.dear.tolist() for one in tuning]
    for risk in RISKS:
        cascade = CascadeReranker(scorers, top_k=TOP, risk=risk).fit(*log_odds)
        if cascade.bands and cascade.bands.stop is not None and (cascade.bands.call_share or 0.0) <= TUNING_SHARE:
            break
    return cascade


class Run(NamedTuple):
    """What the cascade made of one question: its best five, in order, the dear scorer's calls, and its nDCG@10."""

    top: list[str]
    asked: int
    ndcg: float


def _run(cascade: CascadeReranker, dear: Remembering, search: PoolSearch, one: Judged) -> Run:
    nodes = [
        NodeWithScore(node=TextNode(id_=name, text=search.corpus.passages[name]), score=float(len(one.names) - at))
        for at, name in enumerate(one.names)
    ]
    before = dear.asked
    found = [node.node.node_id for node in cascade.postprocess_nodes(nodes, QueryBundle(one.question.text))]
    ranks = {name: at for at, name in enumerate(found)}
    scores = np.array([-float(ranks[name]) for name in one.names])
    return Run(found[:TOP], dear.asked - before, ndcg_at_10(scores, one.relevant))


def _rank(scores: Vector) -> NDArray[np.int64]:
    """Each candidate's place, 0 the best."""
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return ranks
