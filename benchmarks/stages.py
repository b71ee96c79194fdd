"""Time of the stages after scoring: duplicate filter, adaptive top-k and order, on 100 scored candidates.

    python benchmarks/stages.py [--json] [--rounds N]

Goes through LlamaIndex's public ``postprocess_nodes``. The passages are the docstrings of the running Python's own
standard library, cut to 100 words; five of the hundred are near duplicates of others. Every round gets new node
objects with new strings, so that nothing is remembered from the round before. Nothing here waits or uses a second
thread, so on an idle machine time and processor time are the same; the bound is held against processor time, which a
busy machine's other work does not change much. The defences of ``harden()`` stand below, with what they take by
themselves: they read the first 24 passages.
"""

import argparse
import gc
import inspect
import json
import pydoc
import statistics
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from tamis.rerankers import (
    AdaptiveTopK,
    ChorusFilter,
    DuplicateFilter,
    EdgesOrder,
    ExpectedF1,
    InstructionFilter,
)

CANDIDATES = 100
NEAR_DUPLICATES = 5
WORDS = 100
BOUND_MS = 2.0
MODULES = [
    *["collections", "datetime", "decimal", "email.message", "fractions", "json", "logging", "pathlib", "random"],
    *["shutil", "socket", "statistics", "string", "subprocess", "tarfile", "tempfile", "threading", "zipfile"],
]


class Times(NamedTuple):
    """How long something took: on the clock, and of this thread's processor time."""

    wall_ms: float
    cpu_ms: float


def docstrings() -> Iterator[str]:
    """Docstrings of public functions, classes and methods with at least 20 words, each once."""
    seen = set()
    for name in MODULES:
        module = import_module(name)
        for _, member in inspect.getmembers(module):
            for _, thing in [("", member), *(inspect.getmembers(member) if inspect.isclass(member) else [])]:
                text = pydoc.getdoc(thing)
                if len(text.split()) >= 20 and text not in seen:
                    seen.add(text)
                    yield text


def texts() -> list[str]:
    """One hundred passages of at most 100 words; the last five repeat the first five with one word more."""
    long = sorted(docstrings(), key=lambda text: -len(text.split()))
    singles = [" ".join(text.split()[:WORDS]) for text in long[: CANDIDATES - NEAR_DUPLICATES]]
    return singles + [f"{text} indeed" for text in singles[:NEAR_DUPLICATES]]


def candidates(passages: list[str]) -> list[NodeWithScore]:
    """Fresh nodes with probabilities that fall from 0.95 to nearly 0."""
    return [
        NodeWithScore(node=TextNode(text="".join([text[:1], text[1:]])), score=0.95 * (1 - at / len(passages)) ** 3)
        for at, text in enumerate(passages)
    ]


def measure(rounds: int) -> dict[str, list[Times]]:
    """The times of every round, by stage and for all of them."""
    stages = {
        "duplicates": DuplicateFilter(),
        "adaptive top-k": AdaptiveTopK(ExpectedF1()),
        "edges order": EdgesOrder(),
    }
    defences = {"instructions": InstructionFilter(), "chorus": ChorusFilter()}
    query = QueryBundle("how do I read a file line by line?")
    passages = texts()
    taken: dict[str, list[Times]] = {name: [] for name in [*stages, "all", *defences]}
    # Made beforehand: making a hundred nodes takes longer than all stages, and leaves the caches full of it.
    for nodes in [candidates(passages) for _ in range(rounds)]:
        given = nodes
        for name, stage in stages.items():
            wall, cpu = time.perf_counter(), time.thread_time()
            nodes = stage.postprocess_nodes(nodes)
            cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
            taken[name].append(Times(1000 * wall, 1000 * cpu))
        for name, stage in defences.items():
            wall, cpu = time.perf_counter(), time.thread_time()
            stage.postprocess_nodes(given, query)
            cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
            taken[name].append(Times(1000 * wall, 1000 * cpu))
        last = [taken[name][-1] for name in stages]
        taken["all"].append(Times(sum(one.wall_ms for one in last), sum(one.cpu_ms for one in last)))
    return taken


def main() -> int:
    """Prints the medians; exit code 1 where all stages together take longer than the bound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    measure(20)
    # What LlamaIndex's import left behind is not looked through again and again by the garbage collector.
    gc.freeze()
    taken = measure(options.rounds)
    rows = {
        name: {
            "median_ms": round(statistics.median(one.wall_ms for one in times), 4),
            "median_cpu_ms": round(statistics.median(one.cpu_ms for one in times), 4),
        }
        for name, times in taken.items()
    }
    result: dict[str, Any] = {
        "command": "python benchmarks/stages.py",
        "candidates": CANDIDATES,
        "near_duplicates": NEAR_DUPLICATES,
        "words_per_passage": statistics.mean(len(text.split()) for text in texts()),
        "rounds": options.rounds,
        "stages": rows,
        "bound_ms": BOUND_MS,
        "within_bound": rows["all"]["median_cpu_ms"] < BOUND_MS,
    }
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(f"{CANDIDATES} candidates of {result['words_per_passage']:.0f} words, {options.rounds} rounds")
        for name, row in rows.items():
            print(f"{name:15s} median {row['median_ms']:7.3f} ms, of processor time {row['median_cpu_ms']:7.3f} ms")
        print(f"bound for all: {BOUND_MS} ms, {'kept' if result['within_bound'] else 'NOT kept'}")
    return 0 if result["within_bound"] else 1


if __name__ == "__main__":
    sys.exit(main())
