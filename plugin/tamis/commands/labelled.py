"""Labelled pairs for calibration, from a JSON Lines file; faults are named with line and field."""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.models import Scorer


class Pair(NamedTuple):
    """A scorer's log-odds for one question and passage, and whether the passage is relevant."""

    log_odds: float
    relevant: bool


class Case(NamedTuple):
    """A question, its candidate passages by id, and the ids of those that answer it."""

    question: str
    documents: dict[str, str]
    gold: frozenset[str]


def read_labelled(path: Path) -> list[Pair | Case]:
    """The lines of a file, blank ones left out.

    A line is ``{"log_odds": 1.2, "label": 1}`` or ``{"question": "...", "documents": [{"id": "...", "text": "..."}],
    "gold": ["..."]}``. Raises BadInput naming file, line and field.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    lines: list[Pair | Case] = []
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            try:
                lines.append(_read_line(line))
            except BadInput as error:
                raise BadInput(f"{path}, line {number}: {error}") from error
    if not lines:
        raise BadInput(f"{path}: there is no line in it")
    return lines


def score_cases(cases: Sequence[Case], scorer: Scorer) -> Iterator[list[Pair | None]]:
    """The pairs of each case; None for a passage the scorer could not score."""
    for case in cases:
        scores = scorer.score(Content(case.question), [Content(text) for text in case.documents.values()])
        yield [
            None if score is None else Pair(score, id in case.gold)
            for id, score in zip(case.documents, scores, strict=True)
        ]


def _read_line(line: bytes) -> Pair | Case:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise BadInput(f"is no JSON object but {type(fields).__name__}")
    if "question" in fields:
        return _case(fields)
    if "log_odds" in fields:
        return _pair(fields)
    raise BadInput('has neither "log_odds" and "label" nor "question", "documents" and "gold"')


def _pair(fields: dict[str, Any]) -> Pair:
    log_odds, label = fields["log_odds"], fields.get("label")
    if isinstance(log_odds, bool) or not isinstance(log_odds, int | float) or not _is_finite(log_odds):
        raise BadInput(f'"log_odds" is {_shortened(repr(log_odds))}; it must be a finite number')
    if label not in (0, 1) or isinstance(label, float):
        raise BadInput(f'"label" is {label!r}; it must be 0 or 1')
    return Pair(float(log_odds), bool(label))


def _is_finite(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # JSON knows integers that no floating point number holds
        return False


def _shortened(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."


def _case(fields: dict[str, Any]) -> Case:
    question, rows, gold = fields["question"], fields.get("documents"), fields.get("gold")
    if not isinstance(question, str) or not question.strip():
        raise BadInput(f'"question" is {question!r}; it must be a text')
    _check_text("question", question)
    if not isinstance(rows, list) or not rows:
        raise BadInput('"documents" must be a list of {"id", "text"} with at least one in it')
    documents: dict[str, str] = {}
    for place, row in enumerate(rows):
        if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not isinstance(row.get("text"), str):
            raise BadInput(f'"documents[{place}]" must have an "id" and a "text", both texts')
        if row["id"] in documents:
            raise BadInput(f'"documents[{place}].id" is "{row["id"]}" a second time')
        _check_text(f"documents[{place}].id", row["id"])
        _check_text(f"documents[{place}].text", row["text"])
        documents[row["id"]] = row["text"]
    if not isinstance(gold, list) or not all(isinstance(id, str) for id in gold):
        raise BadInput('"gold" must be a list of document ids; empty when nothing answers the question')
    if missing := [id for id in gold if id not in documents]:
        raise BadInput(f'"gold" names "{missing[0]}", which is none of the documents')
    return Case(question, documents, frozenset(gold))


def _check_text(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f'"{name}" has half of a surrogate pair in it, at character {error.start}') from error
