"""Reads answers that are lists of (index, score) rows in any order, as all servers of lists send them."""

from collections.abc import Sequence
from typing import Any, Literal

from tamis.models.http.errors import BadAnswer, WrongDialect, shortened
from tamis.models.http.flight import Reading

from .dialect import is_number, log_odds


def rows_of(answer: Any, key: str | None, where: str) -> list[Any]:
    """The list of rows under a key, or the answer itself. Raises WrongDialect."""
    rows = answer.get(key) if key is not None and isinstance(answer, dict) else answer if key is None else None
    if not isinstance(rows, list):
        wanted = "a list" if key is None else f'an object with the list "{key}"'
        raise WrongDialect(f"{where} answered {shortened(repr(answer))!r}, not {wanted}; it speaks another dialect")
    return rows


def read_rows(
    rows: Sequence[Any], score: str, count: int, scores: Literal["probability", "log-odds"], where: str
) -> Reading:
    """A value for each passage, by the row's index and never by its place.

    Raises WrongDialect for rows of another shape, BadAnswer where an index is out of range or comes twice: then
    nobody can say which passage the scores belong to. Missing rows, and numbers that are none, are a complaint.
    """
    values: list[float | None] = [None] * count
    seen: set[int] = set()
    complaint = ""
    for row in rows:
        if not isinstance(row, dict) or "index" not in row or score not in row:
            raise WrongDialect(
                f'{where} answered the row {shortened(repr(row))!r}, without "index" or "{score}"; '
                "it speaks another dialect"
            )
        at, value = row["index"], row[score]
        if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < count:
            raise BadAnswer(f"{where} answered the index {shortened(repr(at))} for {count} passages")
        if at in seen:
            raise BadAnswer(f"{where} answered the index {at} twice")
        seen.add(at)
        values[at] = log_odds(float(value), scores) if is_number(value) else None
        if values[at] is None:
            complaint = f"{where} answered the score {shortened(repr(value))}"
            if scores == "probability" and is_number(value) and value == value:
                complaint += ', which is no probability; for a server that gives raw logits set scores="log-odds"'
    if len(seen) < count:
        complaint = complaint or f"{where} answered {len(seen)} scores for {count} passages"
    return Reading(values, complaint)
