"""``tamis eval --suite S --target T --data D --out RUN``: a pipeline clean and under attack, and what broke."""

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tamis.core.errors import BadSetting

from .correcting import Correct, corrections_of
from .options import AsJson, ShowContent
from .terminal import console, one_line, plain, print_json, print_rows, progress_bar, say

if TYPE_CHECKING:
    from tamis.eval.evaluation import Run
    from tamis.eval.run.runner import Progress

NOT_PASSED = 1
BAD_INPUT = 2
INTERRUPTED = 130


def evaluate(
    suite: Annotated[str, typer.Option("--suite", help="What is tried: a built-in suite, or a TOML file.")] = "quality",
    target: Annotated[
        str | None, typer.Option("--target", metavar="MODULE:NAME", help="What is evaluated, or its URL.")
    ] = None,
    factory: Annotated[
        str | None, typer.Option("--factory", metavar="MODULE:NAME", help="A function of documents that makes it.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="The cases: a file or folder.")] = None,
    format: Annotated[str | None, typer.Option("--format", help="The data's format, where it cannot be told.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The run's folder [the next free runs/N].")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that is in the folder.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Cases at the target at once, at most.")] = 8,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="In place of the suite's.")] = None,
    deadline: Annotated[float | None, typer.Option("--deadline", help="Seconds a case may take [the suite's].")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many cases.")] = None,
    own_documents: Annotated[
        int | None,
        typer.Option(
            "--own-documents", min=0, metavar="N", help="Give each case its answering passages and N near ones."
        ),
    ] = None,
    executor: Annotated[Literal["local", "ray"], typer.Option("--executor", help="Where it runs.")] = "local",
    address: Annotated[str | None, typer.Option("--address", help="A Ray cluster's [one on this machine].")] = None,
    images: Annotated[
        list[Path] | None, typer.Option("--images", help="Images below this folder may be shown [the data's folder].")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="DATA", help="Only say what is wrong with these data.")
    ] = None,
    correct: Correct = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Only list suites, attacks, metrics and data formats.")
    ] = False,
    show_content: ShowContent = False,
    as_json: AsJson = False,
) -> None:
    """Evaluate a pipeline on your cases, clean and under attack: what broke, by how much, and how surely.

    It can be interrupted at any time; --resume goes on. Ends with 1 where a gate of the suite did not pass: too little
    data is not a pass.
    """
    if listed:
        _list(as_json)
        return
    if check is not None:
        _check(check, format, as_json)
        return
    if (target is None) == (factory is None):
        raise BadSetting("name what is evaluated, by --target MODULE:NAME (or a URL) or by --factory MODULE:NAME")
    if data is None:
        raise BadSetting("name the cases: --data FILE")
    if resume and out is None:
        raise BadSetting("name the folder of the run to go on with: --out RUN")
    from tamis.core.media import MediaPolicy
    from tamis.eval.evaluation import evaluate as run
    from tamis.eval.suite import Suite

    chosen = Suite.of(suite)
    if correct:
        chosen = replace(chosen, corrections={**chosen.corrections, **corrections_of(correct)})
    folder = out or _free()
    beside = data if data.is_dir() else data.absolute().parent
    try:
        with _progress(not as_json) as progress:
            done = run(
                target or factory,
                data,
                chosen,
                out=folder,
                workers=workers,
                seed=seed,
                resume=resume,
                executor=executor,
                address=address,
                progress=progress,
                factory=factory is not None,
                format=format,
                limit=limit,
                own_documents=own_documents,
                deadline_s=deadline,
                media=MediaPolicy(roots=tuple(map(str, images or [beside]))),
                show_content=show_content,
                command=_without_secrets(sys.argv[1:]),
            )
    except KeyboardInterrupt:
        # Only here, to the one who typed it, is a URL repeated with what is secret in it.
        command = shlex.join(["tamis", *sys.argv[1:]])
        again = command if out else f"{command} --out {shlex.quote(str(folder))}"
        say(f"go on with: {again}{'' if resume else ' --resume'}")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json({"folder": str(folder), "passed": done.passed, "report": done.report.to_json()})
    else:
        from .evaluated import print_run

        print_run(done, folder, console())
    _exit(done)


def _without_secrets(arguments: Sequence[str]) -> str:
    """The command line as it is kept in the run's folder: no URL with a user, a password or a query."""
    from tamis.eval.targets.http import shown

    def kept(argument: str) -> str:
        option, equals, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
        if not value.lower().startswith(("http://", "https://")):
            return argument
        try:
            return f"{option}{equals}{shown(value)}"
        except BadSetting:
            return f"{option}{equals}URL"

    return shlex.join(["tamis", *map(kept, arguments)])


def _exit(done: "Run") -> None:
    counts = done.report.counts
    if counts.records and counts.failed + counts.not_applicable == counts.records:
        reasons = [reason for estimate in done.report.estimates for reason in estimate.reasons]
        say(f"the target gave nothing for any case: {reasons[0] if reasons else 'no reason was given'}")
        raise typer.Exit(BAD_INPUT)
    if not done.passed:
        raise typer.Exit(NOT_PASSED)


@contextmanager
def _progress(wanted: bool) -> "Iterator[Callable[[Progress], None] | None]":
    """A bar with rate and remaining time on a terminal; None in a pipe."""
    with progress_bar(wanted) as bar:
        if bar is None:
            yield None
            return
        task = bar.add_task("reading the data", total=None)

        def show(state: "Progress") -> None:
            speed = bar.tasks[0].speed
            words = [f"{speed:.1f} a second" if speed else "", f"{state.lost} failed" if state.lost else ""]
            bar.update(task, total=state.total, completed=state.done, description=", ".join(filter(None, words)))

        yield show


def _free() -> Path:
    """The first of runs/1, runs/2, ... that is not there."""
    return next(folder for number in count(1) if not (folder := Path("runs") / str(number)).exists())


def _check(data: Path, format: str | None, as_json: bool) -> None:
    from tamis.eval.datasets import check, load

    faults = check(data, format)
    cases = sum(1 for _ in load(data, format).cases()) if all(fault.warning for fault in faults) else None
    if as_json:
        written = [
            {"file": str(one.file), "line": one.line, "field": one.field, "what": one.what, "warning": one.warning}
            for one in faults
        ]
        print_json({"cases": cases, "faults": written})
    else:
        for fault in faults:
            console().print(plain(str(fault)))
        if cases is not None:
            console().print(f"{cases} cases, and nothing that keeps them from being used")
    if cases is None:
        raise typer.Exit(BAD_INPUT)


def _list(as_json: bool) -> None:
    from tamis.eval.attacks import ATTACKS
    from tamis.eval.datasets import DATASETS
    from tamis.eval.metrics import METRICS
    from tamis.eval.suite import Suite

    known = {
        "suites": Suite.names(),
        "attacks": ATTACKS.names(),
        "metrics": METRICS.names(),
        "formats": DATASETS.names(),
    }
    if as_json:
        print_json(known)
        return
    for kind, rows in (
        ("suites", [(name, Suite.of(name).goal) for name in known["suites"]]),
        ("attacks", [(name, ATTACKS.build(name).goal) for name in known["attacks"]]),
    ):
        console().print(f"{kind}:")
        print_rows(rows, console())
    for kind in ("metrics", "formats"):
        console().print(f"{kind}: {one_line(', '.join(known[kind]), 4000)}")
    console().print("metrics besides: those of ir-measures by their names, such as nDCG@10, AP, RR, P@5, R@10")
