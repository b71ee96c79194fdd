"""``--correct FIGURE=CHECK``: rates corrected for their judge's errors, asked for and shown the same everywhere."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamis.core.errors import BadInput

from .terminal import one_line, print_rows

if TYPE_CHECKING:
    from rich.console import Console

    from tamis.eval.report.report import CorrectedRate

Correct = Annotated[
    list[str] | None,
    typer.Option(
        "--correct",
        metavar="FIGURE=CHECK",
        help="Put beside this figure what it comes to by the check of its judge: a file of tamis judge check, or JSON "
        'such as {"check": FILE, "method": "prediction-powered"}. May be given several times.',
    ),
]
_MOST = 30


def corrections_of(given: Sequence[str] | None) -> dict[str, Any]:
    """What was asked for, by figure, as a suite has it. Raises BadInput for what is no FIGURE=CHECK."""
    found: dict[str, Any] = {}
    for one in given or ():
        figure, sign, check = (part.strip() for part in one.partition("="))
        if not (figure and sign and check):
            raise BadInput(f'--correct is "{one}"; it must be FIGURE=CHECK, such as faithfulness=facts-check.json')
        if figure in found:
            raise BadInput(f'--correct names "{figure}" twice')
        found[figure] = check
        if check.startswith("{"):
            try:
                found[figure] = json.loads(check)
            except ValueError as error:
                raise BadInput(f"--correct {figure}: is no JSON: {error}") from error
    return found


def print_corrections(rows: Sequence["CorrectedRate"], out: "Console") -> None:
    """Each rate as its judge counted it and corrected, with intervals; nothing where there is none."""
    if not rows:
        return
    out.print("\nCorrected for the errors of the judge that counted it:")
    print_rows([_row(one) for one in rows[:_MOST]], out)
    if len(rows) > _MOST:
        out.print(f"  and {len(rows) - _MOST} more in the report")


def _row(one: "CorrectedRate") -> tuple[str, ...]:
    return (
        one_line(one.figure, 60),
        one.variant,
        f"{between(one.raw, one.raw_low, one.raw_high)} as judged",
        one_line(one.reason) if one.mean is None else f"{between(one.mean, one.low, one.high)} corrected",
        f"{one.n} items",
        f"{one_line(one.judge, 60)}, {one.method}, {one_line(one.check, 60)}",
    )


def between(mean: float, low: float | None, high: float | None) -> str:
    """A rate with its interval.

    >>> between(0.5, 0.25, 0.75)
    '0.500 (0.250 to 0.750)'
    """
    return f"{mean:.3f}" if low is None or high is None else f"{mean:.3f} ({low:.3f} to {high:.3f})"
