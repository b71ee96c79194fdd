"""``tamis compare A B``: the second run against the first, paired by case, and what changed case by case."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson
from .terminal import console, one_line, print_json, say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tamis.eval.report.comparison import Comparison, RunDifference

GOT_WORSE = 1
_SHOWN = 5


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="The folder of the run to compare with.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The folder of the run that is compared.")],
    figure: Annotated[
        list[str] | None, typer.Option("--figure", help="Compare this figure only; may be given several times.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write comparison.json, comparison.md and changes.csv into this folder."),
    ] = None,
    fail_on_worse: Annotated[
        bool,
        typer.Option(
            "--fail-on-worse",
            help="End with 1 where a figure got worse or lost too many cases (times: only if named by --figure).",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two runs on the same data: B minus A over the cases scored in both, with intervals and verdicts."""
    from tamis.eval.report.comparison import Runs

    runs = Runs.read(a, b)
    comparison = runs.comparison(figure)
    if out is not None:
        from tamis.eval.report.comparison_files import write_comparison

        write_comparison(out, comparison, runs.changes(figure))
    if as_json:
        print_json(comparison.to_json())
    else:
        _print(comparison, console())
    if out is not None:
        say(f"written to {out}")
    worse = [one for one in comparison.differences if one.got_worse] if figure else comparison.worse
    if fail_on_worse and worse:
        if as_json:
            for one in worse:
                say(_why(one))
        raise typer.Exit(GOT_WORSE)


def _print(comparison: "Comparison", out: "Console") -> None:
    for name, run in (("A", comparison.a), ("B", comparison.b)):
        out.print(
            f"{name}: {one_line(run.suite)} on {one_line(run.target)}, seed {run.seed}, Tamis {one_line(run.tamis)}"
        )
    out.print(_table(comparison))
    for one in comparison.differences:
        if one.verdict in ("better", "worse") or one.loss:
            _print_changes(one, out)
    for note in comparison.not_comparable:
        out.print(f"not compared: {one_line(note, 500)}")


def _table(comparison: "Comparison") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("figure")
    table.add_column("variant")
    has_lost = any(one.lost or one.gained for one in comparison.differences)
    lost = ["lost / gained"] if has_lost else []
    for head in ("A", "B", f"B - A, {comparison.a.confidence * 100:g}%", "cases", *lost, "+ / - / ="):
        table.add_column(head, justify="right")
    table.add_column("verdict")
    for one in comparison.differences:
        cases = f"{one.improved} / {one.worsened} / {one.same}"
        alone = [f"{one.lost} / {one.gained}"] if has_lost else []
        values = (_number(one.before), _number(one.after), _between(one), str(one.n), *alone, cases)
        table.add_row(one_line(one.figure, 60), one.variant, *values, one.verdict)
    return table


def _print_changes(one: "RunDifference", out: "Console") -> None:
    out.print(_why(one))
    for change in one.changes[:_SHOWN]:
        out.print(f"  {one_line(change.case, 80)}: {_number(change.before) or '?'} -> {_number(change.after) or '?'}")


def _why(one: "RunDifference") -> str:
    said = f"{one_line(one.figure, 60)} under {one.variant}: {one.verdict}; {one.worsened} cases worsened"
    return f"{said}; {one.loss}" if one.loss else said


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _between(one: "RunDifference") -> str:
    if one.mean is None:
        return ""
    if one.low is None or one.high is None:
        return f"{one.mean:+.4g}"
    return f"{one.mean:+.4g}\n{one.low:+.4g} to {one.high:+.4g}"
