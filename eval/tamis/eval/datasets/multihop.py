"""Questions whose answer takes several passages: HotpotQA, 2WikiMultihopQA and MuSiQue.

They are Yang et al. 2018, Ho et al. 2020 and Trivedi et al. 2022. Every case brings its own passages; those that the
annotators used have grade 1, the others 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tamis.core.content import Content

from ..case import Case
from .dataset import DataSet, data_files, distinct, from_files, passage
from .reading import json_rows
from .row import Row, kind_of

_PATTERNS = ("*.json", "*.jsonl", "*.json.gz", "*.jsonl.gz")


def load_hotpotqa(path: Path) -> DataSet:
    """HotpotQA, in the authors' JSON or as rows with ``context`` and ``supporting_facts`` as columns."""
    return from_files(path, "hotpotqa", data_files(path, *_PATTERNS), json_rows, _with_context)


def load_2wiki(path: Path) -> DataSet:
    """2WikiMultihopQA; the reasoning's triples are in ``extra["evidences"]``."""
    return from_files(path, "2wiki", data_files(path, *_PATTERNS), json_rows, _with_context)


def load_musique(path: Path) -> DataSet:
    """MuSiQue-Ans and MuSiQue-Full, whose two questions of one id form a group.

    ``extra["question_decomposition"]`` is the chain of simpler questions.
    """
    return from_files(path, "musique", data_files(path, *_PATTERNS), json_rows, _with_paragraphs)


def _with_context(row: Row) -> Iterator[Case]:
    answer = row.text("answer", "")
    used = {title for title, _ in _pairs(row, "supporting_facts", "sent_id")} if "supporting_facts" in row else set()
    paragraphs = [(title, _joined(row, sentences)) for title, sentences in _pairs(row, "context", "sentences")]
    documents = [passage(text, title) for title, text in paragraphs]
    judged = {
        document.id: int(title in used) for (title, _), document in zip(paragraphs, documents, strict=True) if used
    }
    kind, level = row.text("type", ""), row.text("level", "")
    extra = {"supporting_facts": [list(pair) for pair in _pairs(row, "supporting_facts", "sent_id")]} if used else {}
    if "evidences" in row:
        extra["evidences"] = row.fields["evidences"]
    yield Case(
        id=row.name("_id" if "_id" in row else "id"),
        query=Content(row.text("question")),
        documents=distinct(documents),
        relevance=judged,
        answers=(answer,) if answer else (),
        answerable=True if answer else None,
        tags=tuple(tag for tag in (kind, level) if tag),
        extra=extra,
    )


def _with_paragraphs(row: Row) -> Iterator[Case]:
    answerable = row.flag("answerable", True)
    paragraphs = row.inners("paragraphs")
    documents = [passage(one.text("paragraph_text"), one.text("title", "")) for one in paragraphs]
    # Without one of its passages the question has no answer; those of its others do not make it answerable.
    supporting = [one.flag("is_supporting", False) and answerable for one in paragraphs]
    judged: dict[str, int] = {}
    for document, supports in zip(documents, supporting, strict=True):
        judged[document.id] = max(judged.get(document.id, 0), int(supports))
    name = row.name("id")
    answers = [row.text("answer", ""), *row.texts("answer_aliases", ())] if answerable else []
    yield Case(
        id=name if answerable else f"{name}-unanswerable",
        query=Content(row.text("question")),
        documents=distinct(documents),
        relevance=judged,
        answers=tuple(dict.fromkeys(answer for answer in answers if answer)),
        answerable=answerable if any(answers) or not answerable else None,
        tags=(name.partition("__")[0],) if "__" in name else (),
        group=name,
        extra={"question_decomposition": row.fields.get("question_decomposition", [])},
    )


def _pairs(row: Row, field: str, second: str) -> list[tuple[str, Any]]:
    """``[[title, x], ...]`` as the authors write it, or ``{"title": [...], second: [...]}`` as columns are stored."""
    value = row.fields.get(field)
    if isinstance(value, Mapping):
        inner = row.inner(field)
        titles, seconds = inner.texts("title"), inner.fields.get(second)
        if not isinstance(seconds, Sequence) or len(seconds) != len(titles):
            raise inner.faulty(second, f"must be a list of {len(titles)}, one for each title")
        return list(zip(titles, seconds, strict=True))
    if not isinstance(value, list):
        raise row.faulty(field, "is missing" if value is None else f"must be a list, not {kind_of(value)}")
    for place, pair in enumerate(value):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise row.faulty(f"{field}[{place}]", "must be a list of a title and one thing more")
    return [(title, one) for title, one in value]


def _joined(row: Row, sentences: Any) -> str:
    if not isinstance(sentences, list) or not all(isinstance(one, str) for one in sentences):
        raise row.faulty("context", "the sentences of a paragraph must be a list of texts")
    return " ".join(sentence.strip() for sentence in sentences)
