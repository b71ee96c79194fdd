"""``tamis demo``: the documentation of the running Python, asked three ways, with and without Tamis."""

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson
from .places import folder_of
from .terminal import console, print_json


def demo(
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="PATH",
            help="The demonstration's store: a folder, or the URL of a Chroma server [a cache folder].",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            help="The folder of numbers (demo.json) and report, or a .json file for the numbers: the report is then "
            "in the folder of that name without .json.",
        ),
    ] = Path("demo"),
    attacks: Annotated[
        bool, typer.Option("--attacks/--no-attacks", help="Ask some of the questions under attack as well.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Ask the documentation of the running Python's standard library: LlamaIndex as it comes, its best tools, Tamis.

    Some of the questions are then asked again with passages planted in the documentation: look-alikes, false claims,
    contradictions, instructions. The first run builds a store of about 1,950 passages, which takes a minute or two;
    later ones use it.
    """
    if store is not None:
        folder_of(store)
    from tamis.demo.run import ATTACKED, run_demo

    result = run_demo(store=store, output=output, progress=not as_json, attacks=ATTACKED if attacks else 0)
    if as_json:
        print_json(result.to_dict())
        return
    from tamis.demo.output import Output
    from tamis.demo.report import print_report

    out = console()
    print_report(result, out)
    if result.attacks is not None:
        out.print(f"\nwritten to {Output.at(output).report}")
