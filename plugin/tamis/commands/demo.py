"""``tamis demo``: the documentation of the running Python, asked three ways, with and without Tamis."""

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson
from .terminal import console, print_json


def demo(
    store: Annotated[
        Path | None, typer.Option("--store", help="Where the demonstration's store lies [a cache folder].")
    ] = None,
    output: Annotated[Path, typer.Option("--output", help="Where the numbers are written.")] = Path("demo.json"),
    as_json: AsJson = False,
) -> None:
    """Ask the documentation of the running Python's standard library: LlamaIndex as it comes, its best tools, Tamis.

    The first run builds a store of about 1,950 passages, which takes a minute or two; later ones use it.
    """
    from tamis.demo.run import run_demo

    result = run_demo(store=store, output=output, progress=not as_json)
    if as_json:
        print_json(result.to_dict())
        return
    from tamis.demo.report import print_report

    print_report(result, console())
