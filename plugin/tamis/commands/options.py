"""Options that several commands share, so that they mean the same everywhere."""

from typing import Annotated

import typer

StorePath = Annotated[
    str,
    typer.Option(
        "--store", envvar="TAMIS_STORE", metavar="PATH", help="The store: a folder, or the URL of a Chroma server."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
ShowContent = Annotated[
    bool, typer.Option("--show-content", help="Do not cut texts that may be harmful in what is written and printed.")
]
