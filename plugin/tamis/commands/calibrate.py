"""``tamis calibrate LABELLED.jsonl``: fits what turns a scorer's log-odds into probabilities."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamis.core.errors import BadInput

from .options import AsJson
from .terminal import console, print_json, progress_bar, say

if TYPE_CHECKING:
    from tamis.rerankers import Calibrator

    from .labelled import Case, Pair

DEFAULT_SCORER = "evidence"


def calibrate(
    labelled: Annotated[Path, typer.Argument(metavar="LABELLED.jsonl", help="One labelled pair or question a line.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the calibrator is written.")] = Path(
        "calibrator.json"
    ),
    scorer: Annotated[
        str | None, typer.Option("--scorer", help=f"The scorer that questions are scored with [{DEFAULT_SCORER}].")
    ] = None,
    method: Annotated[str, typer.Option("--method", help="platt, temperature or isotonic.")] = "platt",
    as_json: AsJson = False,
) -> None:
    """Fit a calibrator, so that a P(relevant) of 0.8 comes true four times in five.

    A line is {"log_odds": 1.2, "label": 1} or {"question": "...", "documents": [{"id": "...", "text": "..."}],
    "gold": ["..."]}. Questions are scored first. ECE and Brier score (lower is better) are measured before, and after
    on pairs that the calibrator measured had not seen.
    """
    from .labelled import Case, Pair, read_labelled

    lines = read_labelled(labelled)
    # Told before the scorer has worked for minutes, as is a wrong method.
    if not output.absolute().parent.is_dir():
        raise BadInput(f"there is no folder {output.absolute().parent} to write {output.name} into")
    if output.is_dir():
        raise BadInput(f"{output} is a folder; name a file in it with --output")
    from tamis.rerankers import Calibrator

    pairs = [line for line in lines if isinstance(line, Pair)]
    cases = [line for line in lines if isinstance(line, Case)]
    name = scorer or (DEFAULT_SCORER if cases else None)
    unfitted = Calibrator(_method(method), name)
    scored, unscored = _score(cases, name or DEFAULT_SCORER, bar=not as_json)
    pairs += scored
    try:
        fitted = unfitted.fit([pair.log_odds for pair in pairs], [pair.relevant for pair in pairs])
    except BadInput as error:
        raise BadInput(f"{labelled}: {error}") from error
    fitted.save(output)
    if unscored:
        say(f"warning: {unscored} passages could not be scored and were left out")
    if as_json:
        print_json(_document(fitted, output, unscored))
    else:
        _print(fitted, output)


def _method(name: str) -> Any:
    """The name as it is: Calibrator refuses one it does not know, and lists those it does."""
    return name


def _score(cases: "list[Case]", name: str, bar: bool) -> "tuple[list[Pair], int]":
    """The pairs of all cases, and how many passages could not be scored."""
    if not cases:
        return [], 0
    from tamis.models import SCORERS

    from .labelled import score_cases

    pairs: list[Pair] = []
    unscored = 0
    with progress_bar(bar) as progress:
        task = progress.add_task(f"scoring with {name}", total=len(cases)) if progress else None
        for scored in score_cases(cases, SCORERS.build(name)):
            pairs += [pair for pair in scored if pair is not None]
            unscored += scored.count(None)
            if progress and task is not None:
                progress.advance(task)
    return pairs, unscored


def _document(fitted: "Calibrator", output: Path, unscored: int) -> dict[str, Any]:
    return {**fitted.to_dict(), "output": str(output), "unscored": unscored}


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4f}"


def _print(fitted: "Calibrator", output: Path) -> None:
    report = fitted.report
    out = console()
    if report is not None:
        out.print(f"{report.n_pairs} pairs, {report.n_relevant} of them relevant; method {fitted.method}")
        out.print("                                  before   after (held out)")
        out.print(f"expected calibration error        {report.ece_before:.4f}   {_number(report.ece_after)}")
        out.print(f"Brier score                       {report.brier_before:.4f}   {_number(report.brier_after)}")
        if report.brier_after is None:
            out.print(
                "How well it holds is not known: with a fifth of the pairs held out, the others cannot be fitted."
            )
        elif report.brier_after > report.brier_before:
            out.print("It did not get better: the log-odds were well calibrated, or there are too few pairs.")
    out.print(f"written to {output}")
