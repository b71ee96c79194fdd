"""Runs the demo: builds the store or takes it from the cache, asks every pipeline every question, sums up."""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode, QueryBundle

from tamis.core.errors import BadInput
from tamis.models.embedder import Embedder
from tamis.retrievers import Store
from tamis.retrievers.store import DEFAULT_EMBEDDER

from .corpus import MODULES, passages
from .library import Progress, default_folder, fill, nodes_of
from .measures import Answer
from .pipelines import pipelines
from .questions import Question, questions
from .result import DemoResult, Pipeline, summarise
from .tokens import token_counter

WARM_UP = ("how do I begin?", "open a file", "count things")
"""Asked before the clock runs, so that no pipeline pays for loading."""

_VERSIONS = ("tamis", "llama-index-core", "llama-index-retrievers-bm25", "chromadb", "bm25s", "sentence-transformers")


def run_demo(
    store: Path | None = None,
    output: Path = Path("demo.json"),
    progress: bool = True,
    *,
    seed: int = 0,
    embedder: Embedder | None = None,
    modules: Sequence[str] = MODULES,
) -> DemoResult:
    """Compares the three pipelines on the documentation of the running Python and writes the numbers to ``output``.

    ``store`` is the folder of the demo's store, by default in the user's cache; it is built when it is not there.
    ``progress`` shows bars on stderr where that is a terminal. ``seed`` is the bootstrap's. ``embedder`` is the
    store's, all-MiniLM-L6-v2 by default; ``modules`` are those whose documentation is asked.
    Raises BadInput when ``output`` cannot be written or the store holds something else.
    """
    _check_output(output)
    started = time.perf_counter()
    corpus = passages(modules)
    nodes = nodes_of(corpus)
    asked, left_out = questions({passage.id for passage in corpus})
    folder = store or default_folder(corpus, embedder.name if embedder else DEFAULT_EMBEDDER)
    with _bars(progress) as report:
        report("loading", 0, 1)
        with Store.open(str(folder), embedder=embedder, create=True) as opened:
            built = fill(opened, nodes, report)
            ready = time.perf_counter()
            answers = ask_all(pipelines(opened, nodes), asked, report)
    meta: dict[str, Any] = {
        "python": platform.python_version(),
        "passages": len(corpus),
        "modules": len({passage.module for passage in corpus}),
        "questions": len(asked),
        "unanswerable": sum(not question.answerable for question in asked),
        "left_out": left_out,
        "seed": seed,
        "confidence": 0.95,
        "tokenizer": token_counter().name,
        "store": str(folder),
        "passages_embedded": built,
        "seconds": {
            "store": round(ready - started, 1),
            "questions": round(time.perf_counter() - ready, 1),
        },
        "versions": _versions(),
    }
    result = summarise(answers, meta, seed=seed)
    _write(output, result.to_dict())
    return result


def ask_all(
    engines: Mapping[Pipeline, RetrieverQueryEngine], asked: Sequence[Question], progress: Progress
) -> dict[Pipeline, list[Answer]]:
    """Every pipeline's answer to every question, the pipelines taking turns so that none has the quiet minute alone."""
    count = token_counter().count
    names = list(engines)
    for text in WARM_UP:
        for engine in engines.values():
            engine.retrieve(QueryBundle(text))
    answers: dict[Pipeline, list[Answer]] = {name: [] for name in names}
    with _one_thread():
        for number, question in enumerate(asked):
            progress("asking", number, len(asked))
            for turn in range(len(names)):
                name = names[(number + turn) % len(names)]
                answers[name].append(_answer(engines[name], question, count))
    progress("asking", len(asked), len(asked))
    return answers


def _answer(engine: RetrieverQueryEngine, question: Question, count: Callable[[str], int]) -> Answer:
    started = time.perf_counter()
    returned = engine.retrieve(QueryBundle(question.text))
    milliseconds = 1000 * (time.perf_counter() - started)
    tokens = sum(count(one.node.get_content(MetadataMode.LLM)) for one in returned)
    return Answer(question, tuple(one.node.node_id for one in returned), tokens, milliseconds)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps torch to one thread: no slower for one short question, and not at the mercy of whatever else runs."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _bars(wanted: bool) -> Iterator[Progress]:
    """A bar for each thing being done, on stderr where that is a terminal; nothing elsewhere."""
    if not wanted or not sys.stderr.isatty():
        yield lambda what, done, of: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            bars.update(tasks[what], completed=done, total=of)

        yield report


def _check_output(output: Path) -> None:
    if output.is_dir() or not output.parent.is_dir() or not os.access(output.parent, os.W_OK):
        raise BadInput(f"{output}: cannot be written; name a file in a folder that exists with --output")


def _write(output: Path, document: Mapping[str, Any]) -> None:
    """The whole document or none of it."""
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(output)


def _versions() -> dict[str, str]:
    found = {}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
