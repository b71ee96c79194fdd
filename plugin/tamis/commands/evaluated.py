"""What a run showed, on a terminal: verdicts first, then what changed under attack, then how it does unattacked."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .correcting import print_corrections
from .terminal import one_line, print_rows

if TYPE_CHECKING:
    from rich.console import Console

    from tamis.eval.evaluation import Run
    from tamis.eval.report import Difference, Estimate, Report

_MOST = 30
_REASONS = 3
_FED = " [context]"


def print_run(run: "Run", named: Path, out: "Console") -> None:
    """The verdicts, the differences that are sure, and the clean figures with their intervals.

    Of figures that are taken at each step only those of what fed the answer are shown; the report has them all.
    ``named`` is the run's folder as the user calls it.
    """
    from tamis.eval.report.applicable import unapplied

    report = run.report
    gates = (*report.gates, *run.timings.gates)
    for gate in gates:
        out.print(f"{gate.verdict}: {one_line(gate.gate)} ({one_line(gate.reason, 400)})")
    counts = report.counts
    what = f"{one_line(report.run.suite)} on {one_line(report.run.target)}"
    lost = f", {counts.not_applicable} not applicable" if counts.not_applicable else ""
    had = f"{counts.cases} cases, {counts.records} records{lost}, {counts.failed} failed"
    out.print(f"{what}: {had}{'' if gates else '; the suite has no gate'}")
    for reason, count in _reasons(run).most_common(_REASONS):
        out.print(f"  {count} {'time' if count == 1 else 'times'}: {one_line(reason)}")
    for one in unapplied(report):
        out.print(f"  {one.attack}: {one_line(str(one), 400)}")
    attacked, apart = _changed(report)
    _print_changes(f"Under attack, with {report.run.confidence:.0%} intervals of the paired difference", attacked, out)
    _print_changes("Against its control, a change of the same size that does no harm", apart, out)
    if not attacked and not apart and len(report.variants) > 1:
        out.print("\nNothing is better or worse under attack, as far as so many cases can tell.")
    out.print("\nClean:")
    print_rows([_estimate(one) for one in (*report.estimates, *run.timings.estimates) if _is_shown(one)], out)
    print_corrections(report.corrections, out)
    beside = ", with trust.html beside it" if (run.folder / "trust.html").exists() else ""
    out.print(f"\nwritten to {named / 'report.html'}{beside}")


def _reasons(run: "Run") -> Counter[str]:
    """Why records have no trace, from the report's table of cases. Not where an attack has no place."""
    from tamis.eval.report.applicable import why_not_applicable

    if not run.report.counts.failed:
        return Counter()
    with (run.folder / "cases.csv").open(encoding="utf-8", newline="") as table:
        errors = [row["error"] for row in csv.DictReader(table) if row["error"]]
    return Counter(error for error in errors if why_not_applicable(error) is None)


def _changed(report: "Report") -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """What is sure of attacks, worse first, in the report's order: by the comparison that counts, then by the other."""
    from tamis.eval.report.decisive import decisive

    first = {(one.figure, one.variant, one.baseline) for one in decisive(report)}
    attacks = {one.key for one in report.variants if one.attack and not one.control}
    sure = [one for one in report.differences if one.verdict in ("better", "worse") and one.variant in attacks]
    sides: tuple[list[tuple[str, ...]], list[tuple[str, ...]]] = ([], [])
    for one in sorted(sure, key=lambda one: one.verdict != "worse"):
        if _fed(one.figure):
            sides[(one.figure, one.variant, one.baseline) not in first].append(_difference(one))
    return sides


def _difference(one: "Difference") -> tuple[str, ...]:
    from tamis.eval.report.decisive import against

    between = _between(one.mean, one.low, one.high, sign="+")
    return one.verdict, _name(one.figure), f"{one.variant} - {against(one)}", between, f"{one.n} cases"


def _estimate(one: "Estimate") -> tuple[str, ...]:
    counts = (f"{one.scored} scored", f"{one.unscored} unscored", f"{one.failed} failed")
    return (_name(one.figure), _between(one.mean, one.low, one.high), *counts)


def _is_shown(one: "Estimate") -> bool:
    return one.variant == "clean" and _fed(one.figure) and one.scored + one.failed > 0


def _fed(figure: str) -> bool:
    return " [" not in figure or figure.endswith(_FED)


def _name(figure: str) -> str:
    return one_line(figure.removesuffix(_FED), 60)


def _print_changes(title: str, rows: Sequence[tuple[str, ...]], out: "Console") -> None:
    if rows:
        out.print(f"\n{title}:")
        print_rows(rows[:_MOST], out)
    if len(rows) > _MOST:
        out.print(f"  and {len(rows) - _MOST} more in the report")


def _between(mean: float | None, low: float | None, high: float | None, sign: str = "") -> str:
    if mean is None:
        return "?"
    said = f"{mean:{sign}.4g}"
    return said if low is None or high is None else f"{said} ({low:{sign}.4g} to {high:{sign}.4g})"
