"""What ``compare`` found, as files: ``comparison.json``, ``comparison.md`` and ``changes.csv``, each whole or not."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tamis.core.atomic import atomic_file, write_bytes

from .comparison import Change, Comparison, RunDifference
from .neutral import code, json_text
from .tables import csv_line

_SHOWN = 3


def write_comparison(folder: Path, comparison: Comparison, changes: Iterable[Change]) -> None:
    """Writes the three files, making the folder where there is none. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / "comparison.json", f"{json_text(comparison.to_json())}\n".encode())
    write_bytes(folder / "comparison.md", comparison_markdown(comparison).encode("utf-8"))
    with atomic_file(folder / "changes.csv") as file:
        for line in _lines(changes):
            file.write(line.encode())


def comparison_markdown(comparison: Comparison) -> str:
    """The differences as a table of GitHub Markdown; other people's text stands in code spans."""
    a, b = comparison.a, comparison.b
    lines = [
        f"# {code(b.target)} against {code(a.target)}",
        "",
        f"B minus A over the cases scored in both, at {a.confidence * 100:g}%. "
        f"A: {code(a.suite)}, seed {a.seed}; B: {code(b.suite)}, seed {b.seed}; data {code(a.data.name)}.",
        "",
        *_table(comparison.differences),
    ]
    if losses := [one for one in comparison.differences if one.loss]:
        lines += ["", "Lost:", "", *(f"- {code(one.figure)} under {code(one.variant)}: {one.loss}" for one in losses)]
    if comparison.not_comparable:
        lines += ["", "Not compared:", "", *(f"- {code(note, 500)}" for note in comparison.not_comparable)]
    return "\n".join([*lines, ""])


def _table(differences: Sequence[RunDifference]) -> Iterator[str]:
    """With a column for the cases scored in one run alone where there are some."""
    has_lost = any(one.lost or one.gained for one in differences)
    lost = ["lost / gained"] if has_lost else []
    heads = ["figure", "variant", "A", "B", "difference", "p (Holm)", "cases", *lost]
    heads += ["better / worse / same", "verdict", "changed"]
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for one in differences:
        yield _row(one, has_lost)


def _row(one: RunDifference, has_lost: bool) -> str:
    ends = "" if one.low is None or one.high is None else f" ({one.low:+.4g} to {one.high:+.4g})"
    cells = (
        code(one.figure),
        code(one.variant),
        _number(one.before),
        _number(one.after),
        "" if one.mean is None else f"{one.mean:+.4g}{ends}",
        _number(one.p_holm),
        str(one.n),
        *([f"{one.lost} / {one.gained}"] if has_lost else []),
        f"{one.improved} / {one.worsened} / {one.same}",
        f"**{one.verdict}**" if one.verdict in ("better", "worse") else one.verdict,
        ", ".join(code(change.case, 60) for change in one.changes[:_SHOWN]),
    )
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _lines(changes: Iterable[Change]) -> Iterator[str]:
    yield csv_line(Change._fields)
    for change in changes:
        yield csv_line(change)
