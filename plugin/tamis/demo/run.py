"""Runs the demo: builds the store or takes it from the cache, asks and attacks every pipeline, sums up."""

import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import BaseNode, MetadataMode, QueryBundle

from tamis.models.embedder import Embedder
from tamis.retrievers import Store
from tamis.retrievers.store import DEFAULT_EMBEDDER

from .attacked import Attacks, attack
from .cases import cases_of, sample
from .corpus import MODULES, Passage, passages
from .library import Progress, default_folder, fill, nodes_of
from .measures import Answer
from .output import Output
from .page import write_page
from .pipelines import pipelines
from .questions import Question, questions
from .remembered import Remembered
from .result import DemoResult, Pipeline, summarise
from .tokens import token_counter

WARM_UP = ("how do I begin?", "open a file", "count things")
"""Asked before the clock runs, so that no pipeline pays for loading."""

ATTACKED = 40
"""Questions that are asked under attack, drawn from all."""

_VERSIONS = ("tamis", "llama-index-core", "llama-index-retrievers-bm25", "chromadb", "bm25s", "sentence-transformers")


def run_demo(
    store: str | Path | None = None,
    output: Path = Path("demo"),
    progress: bool = True,
    *,
    attacks: int = ATTACKED,
    seed: int = 0,
    embedder: Embedder | None = None,
    modules: Sequence[str] = MODULES,
) -> DemoResult:
    """Compares the three pipelines on the documentation of the running Python, as it is and under attack.

    ``store`` is the folder of the demo's store or a Chroma server's URL, by default a folder in the user's cache; it
    is built when it is not there.
    ``output`` is a folder, in which the numbers go to ``demo.json``; or a .json file for the numbers, and then the
    folder of its name without the ending. In the folder stand ``report.html``, which compares the pipelines under
    attack, and a run of the laboratory for each: those of an earlier demo are replaced. ``attacks`` is the number of
    questions that are asked under attack, drawn at random; 0: none, and what an earlier demo left stays as it is.
    ``progress`` shows bars on stderr where that is a terminal. ``seed`` is that of the draw, the attacks and the
    bootstrap. ``embedder`` is the store's, all-MiniLM-L6-v2 by default; ``modules`` are those whose documentation is
    asked. Raises BadInput when ``output`` cannot be written or the store holds something else.
    """
    place = Output.at(output)
    place.check(attacks=attacks > 0)
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
            answered = time.perf_counter()
            found = None
            if attacks:
                chosen = sample(asked, attacks, seed=seed)
                found = _attacked(opened, corpus, nodes, chosen, place, seed, report)
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
            "questions": round(answered - ready, 1),
            "attacks": round(time.perf_counter() - answered, 1),
        },
        "versions": _versions(),
    }
    result = replace(summarise(answers, meta, seed=seed), attacks=found)
    place.write(result.to_dict())
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


def _attacked(
    store: Store,
    corpus: Sequence[Passage],
    nodes: Sequence[BaseNode],
    chosen: Sequence[Question],
    place: Output,
    seed: int,
    progress: Progress,
) -> Attacks[Pipeline]:
    """The pipelines' runs in the laboratory, and the page that compares them, all at their places."""
    with place.replaced() as folder:
        remembered = Remembered(store.embedder)
        with _one_thread(), Store.open(store.name, embedder=remembered) as again:
            data = cases_of(chosen, corpus)
            found = attack(pipelines(again, nodes), data, folder, rival="stock_best", seed=seed, progress=progress)
        write_page(folder / place.report.name, found)
    return found


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


def _versions() -> dict[str, str]:
    found = {}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
