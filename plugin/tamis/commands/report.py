"""``tamis report RUN``: writes the report of a run again, finished or not, and shows what it says."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from .correcting import Correct, corrections_of
from .options import AsJson, ShowContent
from .terminal import console, say

Format = Literal["text", "json", "markdown", "junit", "sarif"]
NOT_PASSED = 1
_FILES = {"json": "report.json", "markdown": "summary.md", "junit": "junit.xml", "sarif": "report.sarif"}


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of the run.")],
    shown: Annotated[
        Format, typer.Option("--format", help="What is printed: a short text, or one of the files as it was written.")
    ] = "text",
    correct: Correct = None,
    show_content: ShowContent = False,
    as_json: AsJson = False,
) -> None:
    """Write the report of a run from its journal: JSON, HTML, Markdown, JUnit, SARIF and CSV, beside the journal.

    Ends with 1 where a gate of the suite did not pass.
    """
    from tamis.eval.evaluation import Run
    from tamis.eval.report.folder import write_all
    from tamis.eval.run.errors import ReportNotWritten

    from .evaluated import print_run

    try:
        summary = write_all(run, corrections=corrections_of(correct), show_content=show_content)
    except OSError as error:
        raise ReportNotWritten.of(run, error) from error
    counts = summary.report.counts
    if not counts.is_finished:
        say(f"the run is not finished: {counts.records} of {counts.expected} records are there")
    shown = "json" if as_json else shown
    if shown == "text":
        print_run(Run(run, summary.report, summary.timings), run, console())
    else:
        sys.stdout.write((run / _FILES[shown]).read_text("utf-8"))
    if not summary.passed:
        raise typer.Exit(NOT_PASSED)
