"""The public data sets that the benchmarks measure on: pools of passages, and questions with their gold passages."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple


class Question(NamedTuple):
    """A question with the ids of the passages that answer it (none: the pool does not answer it).

    ``beside`` are passages that must stand among the candidates although they do not answer.
    """

    id: str
    text: str
    gold: tuple[str, ...]
    answers: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


class Corpus(NamedTuple):
    """A pool of passages by id, and the questions asked of it."""

    name: str
    passages: dict[str, str]
    questions: list[Question]


def data_folder() -> Path:
    """``$TAMIS_DATA``, or shared/data beside the checkout."""
    named = os.environ.get("TAMIS_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        raise SystemExit(f"no data at {folder}; name its folder in TAMIS_DATA")
    return folder


def _lines(path: Path) -> list[dict[str, Any]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


class _Pool:
    """Gives each distinct text one id."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.ids: dict[str, str] = {}

    def add(self, text: str) -> str:
        return self.ids.setdefault(text, f"{self.prefix}{len(self.ids)}")

    def passages(self) -> dict[str, str]:
        return {name: text for text, name in self.ids.items()}


def litm() -> Corpus:
    """Lost in the Middle (Liu et al. 2023): NaturalQuestions with their one gold passage out of 2,600."""
    pool = _Pool("litm-p")
    questions: dict[str, Question] = {}
    for number, row in enumerate(_lines(data_folder() / "litm" / "nq-open-oracle.jsonl.gz")):
        context = row["ctxs"][0]
        gold = pool.add(f"{context['title']}\n{context['text']}")
        text = row["question"]
        if text not in questions:
            questions[text] = Question(f"litm-{number}", text, (gold,), tuple(row["answers"]))
    return Corpus("litm", pool.passages(), list(questions.values()))


def medquad() -> Corpus:
    """MedQuAD (Ben Abacha and Demner-Fushman 2019): 3,000 long answers; hard negatives share the disease."""
    rows = _lines(data_folder() / "medquad" / "medquad_3000.jsonl")
    pool = _Pool("medquad-p")
    asked = Counter(row["question"] for row in rows)
    questions = []
    for number, row in enumerate(rows):
        gold = pool.add(row["answer"])
        if asked[row["question"]] == 1:
            questions.append(Question(f"medquad-{number}", row["question"], (gold,)))
    return Corpus("medquad", pool.passages(), questions)


def clapnq() -> Corpus:
    """CLAPnq dev (Rosenthal et al. 2024): half of the questions are not answered by the passage that goes with them."""
    folder = data_folder() / "clapnq"
    pool = _Pool("clapnq-p")
    questions = []
    for kind in ("answerable", "unanswerable"):
        for row in _lines(folder / f"clapnq_dev_{kind}.jsonl"):
            passage = row["passages"][0]
            own = pool.add(f"{passage['title']}\n{passage['text']}")
            gold = (own,) if kind == "answerable" else ()
            questions.append(Question(f"clapnq-{row['id']}", row["input"], gold, beside=() if gold else (own,)))
    return Corpus("clapnq", pool.passages(), questions)


CORPORA = {"litm": litm, "medquad": medquad, "clapnq": clapnq}

__all__ = ["CORPORA", "Corpus", "Question", "clapnq", "data_folder", "litm", "medquad"]
