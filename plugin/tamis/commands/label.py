"""``tamis label export`` and ``tamis label import``: a sample for people to label, and their labels read back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tamis.core.errors import BadSetting

from .options import AsJson
from .terminal import print_json, say

if TYPE_CHECKING:
    from tamis.eval.judges import Pair

app = typer.Typer(help="A sample for people to label, as a table or for Label Studio, and their labels read back.")


Run = Annotated[Path | None, typer.Option("--run", help="In place of --data: the claims of this run's answers.")]
OfVariant = Annotated[str, typer.Option("--variant", help="With --run: which answers, as in its report.")]


@app.command("export")
def export(
    out: Annotated[Path, typer.Option("--out", help="The file: .csv for a table, .json for Label Studio.")],
    data: Annotated[Path | None, typer.Option("--data", help='Pairs, one a line: {"id", "claim", "evidence"}.')] = None,
    run: Run = None,
    variant: OfVariant = "clean",
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="So many, drawn at random [all].")] = None,
    seed: Annotated[int, typer.Option("--seed", help="For the draw.")] = 0,
    format: Annotated[
        Literal["csv", "label-studio"] | None, typer.Option("--format", help="Where the ending does not tell.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Also write Label Studio's labelling interface into this file.")
    ] = None,
) -> None:
    """Export claims with their evidence for people to label; labels that are there already are not shown."""
    from tamis.eval.judges import LABEL_CONFIG, export_labels, sample_pairs

    pairs = sample_pairs(_pairs(data, run, variant), sample, seed)
    export_labels(pairs, out, format)
    if config is not None:
        config.write_text(LABEL_CONFIG + "\n", encoding="utf-8")
    say(f"{len(pairs)} pairs written to {out}")


@app.command("import")
def import_(
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="The file that people filled in.")],
    out: Annotated[Path, typer.Option("--out", help="The pairs with their labels, for tamis judge check.")],
    data: Annotated[Path | None, typer.Option("--data", help="The pairs that it was exported from.")] = None,
    run: Run = None,
    variant: OfVariant = "clean",
    as_json: AsJson = False,
) -> None:
    """Read labels back and write the pairs with them; pairs that nobody labelled keep none."""
    from tamis.eval.judges import import_labels, labelled, write_pairs

    found = import_labels(labels)
    pairs = labelled(_pairs(data, run, variant), found)
    write_pairs(pairs, out)
    counts = {"pairs": len(pairs), "labelled": len(found), "supported": sum(found.values())}
    if as_json:
        print_json({**counts, "output": str(out)})
    else:
        say(f"{counts['labelled']} of {counts['pairs']} pairs are labelled, {counts['supported']} as supported: {out}")


def _pairs(data: Path | None, run: Path | None, variant: str) -> "list[Pair]":
    """The pairs of a file, or those of a run. Raises BadSetting where neither or both are named."""
    if (data is None) == (run is None):
        raise BadSetting("give --data FILE or --run FOLDER, one of them")
    if data is not None:
        from tamis.eval.judges.pairs import read_pairs

        return read_pairs(data, needs_labels=False)
    assert run is not None
    from tamis.eval.judges import claims_of_run

    found = claims_of_run(run, variant)
    if found.left_out:
        say(f"{found.left_out} claims are left out: the journal has their evidence in part only")
    return found.pairs
