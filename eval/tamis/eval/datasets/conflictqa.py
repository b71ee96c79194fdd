"""ConflictQA (Xie et al., ICLR 2024): yes/no questions with a text for a model's own answer and a text against it."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from tamis.core.content import Content

from ..case import Case
from .dataset import DataSet, Placed, data_files, distinct, from_files, passage
from .fault import Fault
from .reading import json_rows
from .row import Row

_FORMS = {"true": ("yes", "true"), "false": ("no", "false")}


def load(path: Path) -> DataSet:
    """The questions, each with two documents: what the model remembered, then the text that counters it.

    Which of them is right is not known: neither is judged. ``answers`` are the forms of the true answer, whatever the
    model believed. ``extra``: ``memory`` and ``counter`` (ids of the two documents), ``memory_answer`` and
    ``counter_answer`` (sentences), ``memory_evidence`` and ``counter_evidence`` (texts aligned with each),
    ``ground_truth`` and ``popularity``. The memory is that of the model named by the file, not of the one under test.
    Cases with one question form a group.
    """
    return from_files(path, "conflictqa", data_files(path, "*.jsonl", "*.json"), json_rows, _case)


def load_counter(path: Path) -> DataSet:
    """The same questions as conflicts for the suite "conflict": see ``tamis.eval.trust.counter_memory_cases``.

    Three cases for each question whose two answers differ by a denial: the countering text alone, and both texts in
    either order. ``memory_ratio`` says how often the memory wins.
    """
    plain = load(path)
    return replace(plain, format="conflictqa-counter", source=partial(_countered, plain))


def _countered(plain: DataSet) -> Iterator[Placed | Fault]:
    from ..trust.counter_memory import counter_memory_cases

    for one in plain.source():
        if isinstance(one, Fault):
            yield one
        else:
            yield from (one._replace(case=case) for case in counter_memory_cases([one.case]))


def _case(row: Row) -> Iterator[Case]:
    question = row.text("question")
    truths = row.texts("ground_truth")
    memory, counter = passage(row.text("parametric_memory")), passage(row.text("counter_memory"))
    if memory.id == counter.id:
        counter = replace(counter, id=f"{counter.id}-counter")
    yield Case(
        id=f"conflictqa-{row.number}",
        query=Content(question),
        documents=distinct((memory, counter)),
        answers=tuple(form for truth in truths for form in _FORMS.get(truth.casefold(), (truth,))),
        answerable=True if truths else None,
        tags=tuple(truths[:1]),
        group=passage(question).id,
        extra={
            "memory": memory.id,
            "counter": counter.id,
            "memory_answer": row.text("memory_answer"),
            "counter_answer": row.text("counter_answer"),
            "memory_evidence": row.text("parametric_memory_aligned_evidence", ""),
            "counter_evidence": row.text("counter_memory_aligned_evidence", ""),
            "ground_truth": truths,
            "popularity": row.fields.get("popularity"),
        },
    )
