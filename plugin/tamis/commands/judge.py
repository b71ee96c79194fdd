"""``tamis judge check`` and ``tamis judge correct``: how wrong a judge is, and the rates it counted, corrected."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tamis.core.errors import BadInput

from .correcting import between, print_corrections
from .options import AsJson
from .terminal import console, one_line, print_json, progress_bar, say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tamis.eval.judges import JudgeCheck, Stability
    from tamis.eval.stats import Interval
    from tamis.models.judge import Judge

app = typer.Typer(help="How wrong a judge is, against labels and near-negatives; and what that does to its rates.")


@app.command("check")
def check(
    judge: Annotated[
        str,
        typer.Option("--judge", metavar="NAME", help="A judge's name, its settings as JSON, or MODULE:NAME."),
    ],
    data: Annotated[
        Path,
        typer.Option("--data", help='Labelled pairs, one a line: {"id", "claim", "evidence", "supported": true}.'),
    ],
    format: Annotated[
        str, typer.Option("--format", help="The data's format: pairs, or one whose cases are claims, such as begin.")
    ] = "pairs",
    out: Annotated[
        Path | None, typer.Option("--out", help="The file that corrects this judge's rates [NAME-check.json].")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many pairs.")] = None,
    probed: Annotated[
        int, typer.Option("--probed", min=1, help="Pairs that are asked again in other ways, at most.")
    ] = 200,
    seed: Annotated[int, typer.Option("--seed", help="For draws and intervals.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Check a judge against human labels, against near-negatives, and against itself.

    Says how many supported and unsupported claims it takes for what they are, whether its P can be believed, whether it
    minds the order or the length of evidence, and how often a supported claim beats its twin with one thing swapped.
    The file that it writes is what the judge's rates are corrected by: tamis judge correct.
    """
    from tamis.eval.judges import check_judge, read_pairs

    asked = judge_of(judge)
    place = out or Path(f"{_file_name(asked.name)}-check.json")
    # Told before the judge has worked for minutes.
    if not place.absolute().parent.is_dir():
        raise BadInput(f"there is no folder {place.absolute().parent} to write {place.name} into")
    pairs = read_pairs(data, format)[:limit]
    if len(labels := {pair.supported for pair in pairs} - {None}) < 2:
        only = "supported" if True in labels else "unsupported"
        among = f" among the first {limit}" if limit is not None else ""
        what = f"every labelled pair{among} is {only}" if labels else f"no pair{among} is labelled"
        raise BadInput(f"{data}: {what}; a check needs supported and unsupported ones")
    with progress_bar(not as_json) as bar:
        task = bar.add_task(f"judging with {asked.name}", total=len(pairs)) if bar else None
        found = check_judge(
            asked,
            pairs,
            name=data.name,
            seed=seed,
            probed=probed,
            progress=lambda count: bar.advance(task, count) if bar and task is not None else None,
        )
    found.write(place)
    if as_json:
        print_json(found.to_json())
    else:
        _print(found, console())
    say(f"written to {place}")


@app.command("correct")
def correct(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of the run.")],
    figure: Annotated[str, typer.Option("--figure", help="The share that the judge counted, such as faithfulness.")],
    by: Annotated[Path, typer.Option("--check", help="What tamis judge check wrote for this judge.")],
    counts: Annotated[
        Literal["supported", "unsupported"] | None,
        typer.Option("--counts", help="Which claims the figure counts, where it does not say so itself."),
    ] = None,
    method: Annotated[
        Literal["rogan-gladen", "prediction-powered"],
        typer.Option("--method", help="prediction-powered: the pairs are a random sample of this run's own claims."),
    ] = "rogan-gladen",
    as_json: AsJson = False,
) -> None:
    """Correct a run's rate for the errors of the judge that counted it, and write nothing.

    Rogan's and Gladen's correction (1978) is right as far as the judge errs on this run's claims as it did on the pairs
    it was checked on. To have it in the report: tamis report RUN --correct FIGURE=CHECK.
    """
    from tamis.eval.judges import corrected_rates
    from tamis.eval.report.folder import read

    report = read(run)
    asked = {"check": by, "method": method, **({"counts": counts} if counts else {})}
    rows = corrected_rates(report, {figure: asked})
    if as_json:
        print_json({"rates": [asdict(row) for row in rows]})
    elif rows:
        print_corrections(rows, console())
    else:
        say(f'nothing of "{figure}" was scored in {run}, so there is nothing to correct')


def judge_of(named: str) -> "Judge":
    """A judge by name, by its settings as JSON, or by ``module:attribute`` (a judge, or what makes one when called)."""
    from tamis.models.judge import Judge
    from tamis.models.judges import JUDGES

    if named.lstrip().startswith("{"):
        try:
            settings = json.loads(named)
        except ValueError as error:
            raise BadInput(f"--judge is no JSON: {error}") from error
        return JUDGES.build(settings)
    if ":" not in named:
        return JUDGES.build({"name": named})
    from tamis.eval.targets.resolve import named as attribute_of

    found = attribute_of(named)
    # A class has the name and the method of its judges, and is none.
    if isinstance(found, type) or (not isinstance(found, Judge) and callable(found)):
        try:
            found = found()
        except TypeError as error:
            raise BadInput(f'--judge: "{named}" is no judge, and no function without arguments: {error}') from error
    if not isinstance(found, Judge):
        raise BadInput(f'--judge: "{named}" is no judge: it has no name or no method judge(claims, evidence)')
    return found


def _file_name(judge: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in judge).strip("-") or "judge"


def _print(found: "JudgeCheck", out: "Console") -> None:
    out.print(f"{one_line(found.judge, 80)} on {found.pairs} labelled pairs, {found.confidence * 100:g}% intervals")
    out.print(f"a verdict on {_interval(found.coverage)}; disputed {found.disputed}")
    for reason, count in found.reasons.items():
        out.print(f"  no verdict, {count} times: {one_line(reason, 100)}")
    for label, interval in (
        ("sensitivity (supported found)", found.accuracy.sensitivity),
        ("specificity (unsupported found)", found.accuracy.specificity),
        ("balanced accuracy", found.accuracy.balanced_accuracy),
        ("AUROC", found.accuracy.auroc),
        ("F1 of unsupported", found.accuracy.f1_unsupported),
    ):
        out.print(f"{label:34}{_interval(interval)}")
    for part, accuracy in found.by_length.items():
        out.print(f"{'balanced accuracy, ' + part:34}{_interval(accuracy.balanced_accuracy)}")
    if found.calibration is not None:
        own = found.calibration
        out.print(f"{'calibration':34}ECE {own.expected_calibration_error:.3f}, Brier {own.brier_score:.3f}")
    for label, stability in (
        ("changed: evidence turned round", found.order),
        ("changed: its own order turned", found.argument_order),
        ("changed: other evidence added", found.length),
        ("changed: asked again, one by one", found.self_agreement),
    ):
        out.print(f"{label:34}{_stability(stability)}")
    out.print("supported claims against their twins with one thing swapped:")
    out.print(_twins(found))


def _twins(found: "JudgeCheck") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for head in ("twin", "pairs", "claim wins", "ties", "disputed", "unjudged", "not made"):
        table.add_column(head, justify="left" if head == "twin" else "right", no_wrap=True)
    for kind, twins in found.twins.items():
        numbers = (twins.ties, twins.disputed, twins.unjudged, sum(twins.not_applicable.values()))
        table.add_row(kind, str(twins.pairs), _interval(twins.rate), *map(str, numbers))
    return table


def _interval(interval: "Interval | None") -> str:
    if interval is None:
        return "-"
    return between(interval.mean, interval.low, interval.high)


def _stability(stability: "Stability | None") -> str:
    if stability is None or not stability.tried:
        return "-"
    return f"{stability.changed} of {stability.tried}: {_interval(stability.rate)}"
