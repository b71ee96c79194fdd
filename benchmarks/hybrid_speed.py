"""Speed of HybridRetriever against LlamaIndex's fusion retriever over the same Chroma collection.

    python benchmarks/hybrid_speed.py [--passages 100000] [--queries 200] [--top-k 10 50] [--store FOLDER] [--json]

Both sides get the query vectors, take the 100 best by vector and by BM25, fuse by reciprocal rank and return the same
number of nodes (ours also fills in the score of the source that did not list a passage). They run in turns in one
process, one query at a time; peak memory is that of a process of its own for each side. Both load a BM25 index that
was saved before. The passages are synthetic: words by Zipf's law, vectors of length 1 around cluster centres;
everything is seeded. ``--store`` keeps what was built for the next run.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import BaseRetriever, QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.retrievers.bm25 import BM25Retriever
from numpy.typing import NDArray

from tamis.retrievers import HybridRetriever, Store
from tamis.testing import FakeEmbedder

DIMENSIONS = 384
DEPTH = 100
WORDS = (40, 81)
VOCABULARY = 50_000
CLUSTERS = 500
# LlamaIndex counts ranks from 0 where the paper counts from 1: its 60 is the paper's 59.
RRF_K = 59
WARM_UP = 5
SIDES = ("tamis", "llamaindex")


class Query(NamedTuple):
    """A question with its vector."""

    text: str
    vector: list[float]

    def bundle(self) -> QueryBundle:
        """A fresh bundle: LlamaIndex's retrievers write into theirs."""
        return QueryBundle(self.text, embedding=list(self.vector))


class Corpus:
    """Synthetic passages and questions, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._random = np.random.default_rng(seed)
        syllables = [consonant + vowel for consonant in "bcdfgjklmnprtvz" for vowel in "aeiou"]
        size = len(syllables)
        self._words = np.array(
            [
                syllables[i // size**2 % size] + syllables[i // size % size] + syllables[i % size] + "x"
                for i in range(VOCABULARY)
            ]
        )
        weights = 1.0 / np.arange(1, VOCABULARY + 1)
        self._chances = weights / weights.sum()
        self._centres = _unit(self._random.normal(size=(CLUSTERS, DIMENSIONS)))

    def text(self, words: int) -> str:
        """Words by Zipf's law."""
        return " ".join(self._words[self._random.choice(VOCABULARY, size=words, p=self._chances)])

    def vectors(self, count: int) -> NDArray[np.float32]:
        """Vectors of length 1 around the cluster centres, shape (count, DIMENSIONS)."""
        centres = self._centres[self._random.integers(0, CLUSTERS, count)]
        return _unit(centres + 0.06 * self._random.normal(size=(count, DIMENSIONS))).astype(np.float32)

    def nodes(self, start: int, count: int) -> list[TextNode]:
        """Passages numbered from ``start``."""
        vectors = self.vectors(count).tolist()
        return [
            TextNode(id_=f"passage-{start + i:07d}", text=self.text(words), embedding=vectors[i])
            for i, words in enumerate(self._random.integers(*WORDS, count).tolist())
        ]

    def queries(self, count: int) -> list[Query]:
        """Questions of eight words, around the same centres; the same ones however many passages were made."""
        self._random = np.random.default_rng([self._seed, 1])
        return [Query(self.text(8), vector) for vector in self.vectors(count).tolist()]


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def build(folder: Path, passages: int, seed: int) -> None:
    """The store, its BM25 index, and LlamaIndex's BM25 index over the same nodes, where they are not there yet."""
    corpus = Corpus(seed)
    with Store.open(folder / "store", embedder=FakeEmbedder(DIMENSIONS), create=True) as store:
        if store.count() != passages:
            for start in range(0, passages, 5000):
                store.add(corpus.nodes(start, min(5000, passages - start)))
        if not (folder / "bm25_llamaindex").exists():
            ids = store.ids()
            nodes = [node for start in range(0, len(ids), 5000) for node in store.nodes(ids[start : start + 5000])]
            BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=DEPTH).persist(str(folder / "bm25_llamaindex"))


def tamis(store: Store, top_k: int) -> HybridRetriever:
    """Our side."""
    return store.retriever(similarity_top_k=top_k, source_top_k=DEPTH, rrf_k=RRF_K)


def llamaindex(store: Store, folder: Path, top_k: int) -> QueryFusionRetriever:
    """LlamaIndex's side over the same collection."""
    return QueryFusionRetriever(
        [
            store.index.as_retriever(similarity_top_k=DEPTH),
            BM25Retriever.from_persist_dir(str(folder / "bm25_llamaindex")),
        ],
        llm=MockLLM(),
        mode=FUSION_MODES.RECIPROCAL_RANK,
        num_queries=1,
        use_async=False,
        similarity_top_k=top_k,
    )


def timed(retriever: BaseRetriever, query: Query) -> tuple[float, list[NodeWithScore]]:
    """Seconds and results of one query."""
    bundle = query.bundle()
    start = time.perf_counter()
    found = retriever.retrieve(bundle)
    return time.perf_counter() - start, found


def agree(ours: Sequence[NodeWithScore], theirs: Sequence[NodeWithScore]) -> bool:
    """Whether two fused lists hold the same ids, but for equal scores at the end of the list, where both may choose."""
    last = max(ours[-1].score or 0.0, theirs[-1].score or 0.0) + 1e-12
    above = [{one.node.node_id for one in found if (one.score or 0.0) > last} for found in (ours, theirs)]
    return len(ours) == len(theirs) and above[0] == above[1]


def peak_memory(folder: Path, side: str, arguments: argparse.Namespace) -> float:
    """Peak resident memory in MB of a process that only answers queries by one side."""
    command = [sys.executable, __file__, "--store", str(folder), "--side", side, "--top-k", str(max(arguments.top_k))]
    command += ["--passages", str(arguments.passages), "--queries", str(arguments.queries)]
    command += ["--seed", str(arguments.seed)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def peak_mb() -> float:
    """The highest resident memory of this process so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: that one starts from what the parent held when it forked.
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def run_side(folder: Path, arguments: argparse.Namespace) -> None:
    """The process whose memory is measured."""
    queries = Corpus(arguments.seed).queries(arguments.queries)
    [top_k] = arguments.top_k
    with Store.open(folder / "store", embedder=FakeEmbedder(DIMENSIONS)) as store:
        if arguments.side != "none":
            side = tamis(store, top_k) if arguments.side == "tamis" else llamaindex(store, folder, top_k)
            for query in queries:
                side.retrieve(query.bundle())
        print(peak_mb())


def measure(store: Store, folder: Path, queries: Sequence[Query], top_k: int) -> dict[str, Any]:
    """Both sides in turns."""
    sides = {"tamis": tamis(store, top_k), "llamaindex": llamaindex(store, folder, top_k)}
    for query in queries[:WARM_UP]:
        for side in sides.values():
            side.retrieve(query.bundle())
    wall: dict[str, list[float]] = {name: [] for name in SIDES}
    processor = dict.fromkeys(SIDES, 0.0)
    same = 0
    for turn, query in enumerate(queries[WARM_UP:]):
        found = {}
        # Neither side always comes first: the second finds the store's pages warm.
        for name in SIDES if turn % 2 else reversed(SIDES):
            began = time.process_time()
            elapsed, found[name] = timed(sides[name], query)
            processor[name] += time.process_time() - began
            wall[name].append(elapsed)
        same += agree(found["tamis"], found["llamaindex"])
    rates = {name: len(times) / sum(times) for name, times in wall.items()}
    return {
        "top_k": top_k,
        "queries_per_second": rates,
        "median_ms": {name: statistics.median(times) * 1000 for name, times in wall.items()},
        "processor_ms": {name: processor[name] / len(times) * 1000 for name, times in wall.items()},
        "ratio": rates["tamis"] / rates["llamaindex"],
        "ratio_of_medians": statistics.median(wall["llamaindex"]) / statistics.median(wall["tamis"]),
        "ratio_of_processor_time": processor["llamaindex"] / processor["tamis"],
        "same_fused_ids": same / len(wall["tamis"]),
    }


def main() -> None:
    """Builds, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--top-k", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", type=Path, help="folder to keep and reuse what was built")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", choices=(*SIDES, "none"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        run_side(arguments.store, arguments)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.store or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        build(folder, arguments.passages, arguments.seed)
        built = time.perf_counter() - start
        queries = Corpus(arguments.seed).queries(arguments.queries + WARM_UP)
        with Store.open(folder / "store", embedder=FakeEmbedder(DIMENSIONS)) as store:
            runs = [measure(store, folder, queries, top_k) for top_k in arguments.top_k]
        memory = {side: peak_memory(folder, side, arguments) for side in (*SIDES, "none")}
    result = {
        "passages": arguments.passages,
        "queries": arguments.queries,
        "depth": DEPTH,
        "runs": runs,
        "peak_memory_mb": memory,
        "build_seconds": built,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{arguments.passages} passages, {arguments.queries} queries, {DEPTH} by vector and {DEPTH} by BM25")
    print(f"{'top k':>5} {'side':12} {'queries/s':>9} {'median ms':>9} {'processor ms':>12}")
    for run in runs:
        for name in SIDES:
            rate, median, spent = (run[key][name] for key in ("queries_per_second", "median_ms", "processor_ms"))
            print(f"{run['top_k']:5} {name:12} {rate:9.1f} {median:9.2f} {spent:12.2f}")
        print(
            f"      ratio {run['ratio']:.2f} (medians {run['ratio_of_medians']:.2f}, processor time "
            f"{run['ratio_of_processor_time']:.2f}); same fused ids in {run['same_fused_ids']:.1%} of the queries"
        )
    print(", ".join(f"{name} {megabytes:.0f} MB" for name, megabytes in memory.items()), "peak memory")


if __name__ == "__main__":
    main()
