"""``estimates.csv`` and ``cases.csv``: the numbers for a spreadsheet, in which no text is a formula."""

import csv
import heapq
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import BinaryIO, TextIO

from ..outcome import Failed, Scored
from ..run.record import Record
from .neutral import cell
from .planned import Planned
from .report import Report

_AT_ONCE = 16_000_000
"""Characters sorted in memory; what is more goes to temporary files, so that a long run's table takes no more."""

Row = tuple[int, int, str]
"""A case's number, the variant's place in the plan, the line."""


def write_estimates(file: BinaryIO, report: Report, timings: Report) -> None:
    """A line for each figure and variant, then for each difference (``baseline`` is empty for an estimate)."""
    head = ("figure", "variant", "baseline", "n", "unscored", "failed", "mean", "low", "high")
    file.write(csv_line([*head, "p", "p_holm", "smallest_detectable", "verdict"]).encode())
    for part in (report, timings):
        for one in part.estimates:
            numbers = (one.scored, one.unscored, one.failed, one.mean, one.low, one.high)
            file.write(csv_line([one.figure, one.variant, None, *numbers, None, None, None, None]).encode())
        for two in part.differences:
            ends = (two.mean, two.low, two.high, two.p, two.p_holm, two.smallest_detectable)
            file.write(
                csv_line([two.figure, two.variant, two.baseline, two.n, None, None, *ends, two.verdict]).encode()
            )


def write_cases(
    file: BinaryIO, records: Iterable[Record], planned: Planned, figures: Sequence[str], timings: Sequence[str]
) -> None:
    """A line for each record, in the data's order, variants in the plan's; a column for each figure.

    A figure that was not scored is empty, and ``not_scored`` says why.
    """
    head = ("case", "variant", "realised", "tags", "error", "answer")
    file.write(csv_line([*head, *figures, *timings, "not_scored"]).encode())
    places = {one.key: place for place, one in enumerate(planned.variants)}
    rows = ((one.number, places[one.variant.key], _case(one, figures, timings)) for one in records)
    for line in in_order(rows):
        file.write(line.encode())


def in_order(rows: Iterable[Row], at_once: int = _AT_ONCE) -> Iterator[str]:
    """The lines sorted by their two numbers; of equal ones the first. Long inputs are merged from temporary files."""
    with ExitStack() as opened:
        parts: list[Iterator[Row]] = []
        held: list[Row] = []
        size = 0
        for row in rows:
            held.append(row)
            size += len(row[2])
            if size > at_once:
                file = opened.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline=""))
                parts.append(_parked(file, sorted(held, key=_place)))
                held, size = [], 0
        last: tuple[int, int] | None = None
        for row in heapq.merge(*parts, sorted(held, key=_place), key=_place):
            if _place(row) != last:
                yield row[2]
            last = _place(row)


def _place(row: Row) -> tuple[int, int]:
    return row[:2]


def _parked(file: TextIO, rows: list[Row]) -> Iterator[Row]:
    """Writes sorted rows to a file now, and reads them back one by one. A cell may hold line ends: sizes are kept."""
    for number, place, line in rows:
        file.write(f"{number} {place} {len(line)}\n{line}")
    file.seek(0)

    def read() -> Iterator[Row]:
        while head := file.readline():
            number, place, length = map(int, head.split())
            yield number, place, file.read(length)

    return read()


def _case(record: Record, figures: Sequence[str], timings: Sequence[str]) -> str:
    values: list[float | None] = []
    reasons = []
    for names, outcomes in ((figures, record.outcomes), (timings, record.timings)):
        for name in names:
            outcome = outcomes.get(name)
            values.append(outcome.value if isinstance(outcome, Scored) else None)
            if outcome is not None and not isinstance(outcome, Scored):
                said = f"failed, {outcome.error}" if isinstance(outcome, Failed) else outcome.reason
                reasons.append(f"{name}: {said[:200]}")
    error, answer = record.error, record.answer
    head = (record.case, record.variant.key, record.realised, " ".join(record.tags), error, answer)
    return csv_line([*head, *values, "; ".join(reasons)])


def csv_line(values: Sequence[str | float | int | None]) -> str:
    """One line of RFC 4180; a number is written so that it reads back as the same."""
    text = io.StringIO()
    csv.writer(text).writerow([cell(value) if isinstance(value, str) else value for value in values])
    return text.getvalue()
