"""What the guard costs: time for each sentence of an answer, by judge, streamed and whole, and until the first is read.

    python benchmarks/guard.py [--json] [--answers N] [--judges NAME ...]

A scripted model that takes no time streams each answer in tokens of four characters, through LlamaIndex's own engine,
once without a guard and once with each judge that needs no model hub. What the guard costs is the difference, divided
by the sentences. Passages are docstrings of the running Python's own standard library, cut to 100 words, six to an
answer, and the sentences are theirs; every answer and every row has passages of its own, so that no judge has
seen them before. The mode is "mark": every sentence is judged, whatever comes of it. A judge's first answer,
which loads what it needs, is not counted. "first" is the time until the first sentence can be read: without a guard the
first token. Processor time is of this process, all threads; on a busy machine it is the one to look at.
"""

import argparse
import inspect
import json
import pydoc
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from typing import Any, NamedTuple

from llama_index.core import get_response_synthesizer
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.llms.types import CompletionResponse, CompletionResponseGen, LLMMetadata
from llama_index.core.base.response.schema import StreamingResponse
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import TextNode

from tamis.guard import Guard, GuardedQueryEngine, Pieces
from tamis.models.sentences import sentences
from tamis.testing import FixedRetriever

PASSAGES = 6
WORDS = 100
SENTENCES = 6
TOKEN = 4
JUDGES = ("facts", "embedding", "agreed")
MODULES = (
    *("argparse", "asyncio", "collections", "configparser", "csv", "datetime", "decimal", "difflib", "email.message"),
    *("fractions", "http.client", "json", "logging", "multiprocessing", "os", "pathlib", "random", "shutil", "socket"),
    *("sqlite3", "statistics", "string", "subprocess", "tarfile", "tempfile", "threading", "tkinter", "turtle"),
    *("unittest", "urllib.request", "xml.dom.minidom", "zipfile"),
)


class WritingLLM(CustomLLM):
    """Writes one text to every prompt, at once."""

    text: str

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=200_000, model_name="writing")

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self.text)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        for at in range(0, len(self.text), TOKEN):
            yield CompletionResponse(text="", delta=self.text[at : at + TOKEN])


class Answer(NamedTuple):
    """What is answered, in sentences, from which passages."""

    sentences: list[str]
    passages: list[str]

    def engine(self, *, streaming: bool) -> BaseQueryEngine:
        llm = WritingLLM(text=" ".join(self.sentences))
        return RetrieverQueryEngine(
            FixedRetriever([TextNode(text=text) for text in self.passages]),
            get_response_synthesizer(llm=llm, streaming=streaming),
        )


class Timing(NamedTuple):
    """Seconds of one answer: until the first text could be read, until the last, and of processor time until then."""

    first: float
    all: float
    cpu: float


def docstrings() -> Iterator[str]:
    """Docstrings of public functions, classes and methods of at least 40 words, each once."""
    seen = set()
    for name in MODULES:
        try:
            module = import_module(name)
        except ImportError:  # some builds of Python leave out a module
            continue
        for _, member in inspect.getmembers(module):
            for _, thing in [("", member), *(inspect.getmembers(member) if inspect.isclass(member) else [])]:
                text = " ".join(pydoc.getdoc(thing).split()[:WORDS])
                if len(text.split()) >= 40 and text not in seen:
                    seen.add(text)
                    yield text


def answers(texts: Iterator[str], count: int) -> list[Answer]:
    """Answers with passages of their own; the sentences are the passages', each once, in turn."""
    made = []
    for _ in range(count):
        passages = list(islice(texts, PASSAGES))
        if len(passages) < PASSAGES:
            sys.exit("there are not so many docstrings: ask for fewer --answers, or for fewer --judges")
        rows = [[text[begin:end] for begin, end in sentences(text)][:-1] for text in passages]
        said = [row[at] for at in range(max(map(len, rows))) for row in rows if at < len(row)]
        said = [one for one in dict.fromkeys(said) if len(one.split()) > 3][:SENTENCES]
        made.append(Answer(said, passages))
    return made


def streamed(engine: BaseQueryEngine) -> Timing:
    """Reads a streamed answer to its end."""
    cpu, start = time.process_time(), time.perf_counter()
    response = engine.query("What do they say?")
    if not isinstance(response, StreamingResponse):
        raise TypeError(f"a {type(response).__name__} does not stream")
    tokens = response.response_gen
    next(tokens)
    first = time.perf_counter() - start
    for _ in tokens:
        pass
    return Timing(first, time.perf_counter() - start, time.process_time() - cpu)


def whole(engine: BaseQueryEngine) -> Timing:
    """Waits for a whole answer."""
    cpu, start = time.process_time(), time.perf_counter()
    engine.query("What do they say?")
    seconds = time.perf_counter() - start
    return Timing(seconds, seconds, time.process_time() - cpu)


def row(rounds: list[Answer], judge: str | None, read: Callable[[BaseQueryEngine], Timing]) -> dict[str, float]:
    """What the guard costs a sentence with this judge, in ms: the median over answers, and the ninth of ten."""
    guard = Guard(judge=judge, mode="mark")
    is_streamed = read is streamed
    read(GuardedQueryEngine(rounds[0].engine(streaming=is_streamed), guard))
    costs, firsts, cpus = [], [], []
    for answer in rounds[1:]:
        plain = read(answer.engine(streaming=is_streamed))
        guarded = read(GuardedQueryEngine(answer.engine(streaming=is_streamed), guard))
        costs.append(1000 * (guarded.all - plain.all) / len(answer.sentences))
        cpus.append(1000 * (guarded.cpu - plain.cpu) / len(answer.sentences))
        firsts.append(1000 * (guarded.first - plain.first))
    return {
        "ms_per_sentence": round(statistics.median(costs), 3),
        "ms_per_sentence_p90": round(statistics.quantiles(costs, n=10)[-1], 3),
        "cpu_ms_per_sentence": round(statistics.median(cpus), 3),
        "first_later_by_ms": round(statistics.median(firsts), 3),
    }


def splitting(rounds: list[Answer]) -> float:
    """Microseconds that finding the sentences takes for each token."""
    start, count = time.process_time(), 0
    for answer in rounds:
        pieces, text = Pieces(), " ".join(answer.sentences)
        for at in range(0, len(text), TOKEN):
            pieces.feed(text[at : at + TOKEN])
            count += 1
        pieces.end()
    return round(1e6 * (time.process_time() - start) / count, 2)


def main() -> int:
    """Prints what the guard costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=5)
    parser.add_argument("--judges", nargs="+", default=JUDGES)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    texts, count = docstrings(), max(3, options.answers)
    rounds = answers(texts, count)
    judged = {
        f"{judge or 'no judge'}, {name}": row(answers(texts, count), judge, read)
        for judge in (None, *options.judges)
        for name, read in (("streamed", streamed), ("whole", whole))
    }
    result: dict[str, Any] = {
        "command": "python benchmarks/guard.py",
        "answers": count - 1,
        "sentences_per_answer": round(statistics.mean(len(one.sentences) for one in rounds), 2),
        "passages_per_answer": PASSAGES,
        "words_per_passage": round(statistics.mean(len(text.split()) for one in rounds for text in one.passages), 1),
        "splitting_us_per_token": splitting(rounds),
        "judges": judged,
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return 0
    print(
        f"{result['answers']} answers of {result['sentences_per_answer']} sentences, from {PASSAGES} passages of "
        f"{result['words_per_passage']} words; splitting takes {result['splitting_us_per_token']} us a token"
    )
    for name, cost in judged.items():
        print(
            f"{name:20s} {cost['ms_per_sentence']:9.3f} ms a sentence (p90 {cost['ms_per_sentence_p90']:.3f}; "
            f"processor time {cost['cpu_ms_per_sentence']:.3f}), "
            f"first text later by {cost['first_later_by_ms']:.3f} ms"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
