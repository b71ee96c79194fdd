"""``tamis train screen``: a screen for harmful content from the user's own labels, with its false-positive rate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tamis.core.errors import BadInput

from .options import AsJson
from .terminal import console, print_json, say

if TYPE_CHECKING:
    from tamis.core.content import Content
    from tamis.models.screens import Example, Trained

PROSE, PROSE_WORDS = 300, 150
"""Passages of Python's documentation that stand for harmless prose, and their words."""

train = typer.Typer(help="Train what Tamis learns from your own labels.", no_args_is_help=True)


@train.callback()
def _train() -> None:
    """Train what Tamis learns from your own labels."""


@train.command("screen")
def screen(
    data: Annotated[Path, typer.Option("--data", metavar="FILE.jsonl", help="Labelled examples, one a line.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.json", help="Where the screen is written.")],
    kind: Annotated[
        Literal["ss3", "probe"], typer.Option("--kind", help="ss3 (words, explains itself) or probe (the embedder).")
    ] = "ss3",
    harmless: Annotated[
        Path | None,
        typer.Option("--harmless", metavar="FILE.jsonl", help="Harmless text of the kind to be screened, one a line."),
    ] = None,
    background: Annotated[
        bool,
        typer.Option(
            "--background/--no-background",
            help="Without --harmless, learn harmless prose from the documentation that comes with Python.",
        ),
    ] = True,
    rate: Annotated[float, typer.Option("--rate", help="The false-positive rate that the threshold is for.")] = 0.01,
    seed: Annotated[int, typer.Option("--seed", help="Of the split into folds.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train a screen for harmful content, calibrated, with its threshold for a stated false-positive rate.

    A line is {"text": "...", "harmful": true} or {"image": "a.png", "harmful": false}, perhaps with "category" and
    "group" (what is never split: texts of one template). Text in images is read by OCR. --harmless takes passages of
    your corpus ({"text": "..."}), so that the threshold holds on them too; without it Python's own documentation stands
    for harmless prose, and text of another kind than either may be stopped more often.
    Every figure is of examples that the screen had not seen. No word of the examples is printed or written readably.
    """
    examples = _examples(data)
    beside = harmless_prose() if background and harmless is None else []
    if harmless is not None:
        beside = [one.content for one in _harmless(harmless)]
    # Told before training has worked for minutes.
    if not out.absolute().parent.is_dir():
        raise BadInput(f"there is no folder {out.absolute().parent} to write {out.name} into")
    from tamis.models.screens import train_screen
    from tamis.models.screens.saved import save_screen

    try:
        trained = train_screen(examples, kind, rate=rate, seed=seed, background=beside)
    except BadInput as error:
        raise BadInput(f"{data}: {error}") from error
    save_screen(out, trained.screen, trained.report.to_dict())
    document = _document(trained, kind, out)
    if as_json:
        print_json(document)
    else:
        _print(document)


def _examples(path: Path) -> "list[Example]":
    from tamis.models.screens import read_examples

    examples = read_examples(path, ocr=_ocr())
    unread = [number for number, example in enumerate(examples) if not example.content.text.strip()]
    if unread:
        say(f"warning: {len(unread)} images have no text that OCR could read, and are left out")
    return [example for number, example in enumerate(examples) if number not in set(unread)]


def _harmless(path: Path) -> "list[Example]":
    from tamis.models.screens import read_examples

    examples = read_examples(path, ocr=_ocr(), harmful=False)
    if wrong := [number for number, example in enumerate(examples, start=1) if example.harmful]:
        raise BadInput(f"{path}: example {wrong[0]} is labelled harmful; --harmless takes harmless text alone")
    return [example for example in examples if example.content.text.strip()]


def harmless_prose() -> "list[Content]":
    """English prose that is at hand everywhere, in passages of some 150 words."""
    from tamis.core.content import Content
    from tamis.demo.corpus import passages

    contents, waiting = [], ""
    for passage in passages():
        waiting = f"{waiting}\n{passage.text}".strip()
        if len(waiting.split()) >= PROSE_WORDS:
            contents.append(Content(waiting))
            waiting = ""
        if len(contents) == PROSE:
            break
    return contents


def _ocr() -> Any:
    from tamis.indexing.ocr import text_in_image

    return text_in_image


def _document(trained: "Trained", kind: str, out: Path) -> dict[str, Any]:
    from tamis.eval.stats import rate_interval

    report = trained.report

    def rate(hits: int, n: int) -> dict[str, Any]:
        if not n:
            return {"n": 0, "rate": None, "low": None, "high": None}
        found = rate_interval(hits, n)
        return {"n": n, "rate": found.mean, "low": found.low, "high": found.high}

    return {
        "kind": kind,
        "output": str(out),
        "threshold": trained.screen.threshold,
        "rate_asked_for": report.rate,
        "false_positive_rate": rate(report.false_positives, report.harmless_scored),
        "true_positive_rate": rate(report.true_positives, report.harmful_scored),
        "false_positive_rate_background": rate(report.background_false_positives, report.background),
        "harmful": report.harmful,
        "harmless": report.harmless,
        "unscored": report.unscored,
        "brier": report.brier,
    }


def _print(document: dict[str, Any]) -> None:
    out = console()

    def line(name: str, figure: dict[str, Any]) -> None:
        if figure["n"]:
            shown = f"{figure['rate']:.4f}   95% {figure['low']:.4f} to {figure['high']:.4f}   of {figure['n']}"
            out.print(f"{name:34s}{shown}")

    out.print(f"{document['harmful']} harmful and {document['harmless']} harmless examples; kind {document['kind']}")
    out.print(
        f"threshold on P(harmful)           {document['threshold']:.4f}   for a rate of {document['rate_asked_for']:g}"
    )
    line("false-positive rate (held out)", document["false_positive_rate"])
    line("  on harmless prose", document["false_positive_rate_background"])
    line("found of the harmful (held out)", document["true_positive_rate"])
    out.print(f"Brier score (held out)            {document['brier']:.4f}")
    if document["unscored"]:
        out.print(f"{document['unscored']} examples could not be judged")
    out.print(f"written to {document['output']}")
