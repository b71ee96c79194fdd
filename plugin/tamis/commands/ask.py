"""``tamis ask "question" --store PATH``: the passages that answer it, and an answer where a model is set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tamis.core.errors import BadInput

from .options import AsJson, StorePath
from .terminal import console, one_line, plain, print_json, say

if TYPE_CHECKING:
    from llama_index.core.schema import NodeWithScore
    from rich.console import Console

    from tamis.config import PipelineConfig
    from tamis.core.image import Image

CONFIG = "tamis.toml"


def ask(
    store: StorePath,
    question: Annotated[str, typer.Argument(help="The question; may be left out where an image is given.")] = "",
    image: Annotated[Path | None, typer.Option("--image", help="Ask about, or with, this image.")] = None,
    top_k: Annotated[int | None, typer.Option("--top-k", min=1, help="Keep at most so many passages.")] = None,
    min_k: Annotated[int | None, typer.Option("--min-k", min=0, help="Keep at least so many; 0 may abstain.")] = None,
    policy: Annotated[str | None, typer.Option("--policy", help="How many to keep, such as expected-f1.")] = None,
    calibrator: Annotated[
        Path | None, typer.Option("--calibrator", help="A file that `tamis calibrate` wrote.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help=f"Settings [{CONFIG} here, if there is one].")] = None,
    full: Annotated[bool, typer.Option("--full", help="Print passages whole.")] = False,
    llm_url: Annotated[
        str | None,
        typer.Option("--llm-url", envvar="TAMIS_LLM_URL", help="An OpenAI-compatible endpoint that writes an answer."),
    ] = None,
    llm_model: Annotated[
        str | None, typer.Option("--llm-model", envvar="TAMIS_LLM_MODEL", help="The model's name there.")
    ] = None,
    llm_timeout: Annotated[
        float, typer.Option("--llm-timeout", min=0.1, help="Seconds to wait for the answer.")
    ] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Ask a store: the passages kept, best first, with the probability that they are relevant.

    With --llm-url an answer is written from them; its key is read from TAMIS_LLM_API_KEY only.
    """
    picture = _picture(image) if image else None
    if not question.strip() and picture is None:
        raise BadInput("the question is empty; ask something, or give an --image")
    from tamis.core.content import Content
    from tamis.nodes import bundle_of
    from tamis.pipeline import harden
    from tamis.retrievers import Store

    from .answer import endpoint, write_answer

    with endpoint(llm_url, llm_model, llm_timeout) as asked:
        settings = _settings(_given(max_k=top_k, min_k=min_k, policy=policy, calibrator=calibrator), config)
        query = bundle_of(Content(question, (picture,) if picture else ()))
        with Store.open(store) as opened:
            engine = harden(opened, settings, llm=asked.llm if asked else None)
            kept = engine.retrieve(query)
            best_first = sorted(kept, key=lambda node: -(node.score or 0.0))
            if not as_json:
                _print(best_first, console(), full)
            answer = write_answer(engine, query, kept, asked) if asked and kept else None
    if as_json:
        print_json(_document(question, image, kept, best_first, answer))
    elif answer and answer.text is not None:
        console().print(f"\n{plain(answer.text)}")
    if answer and answer.cut_off:
        say(
            "warning: the answer was cut off at the model's limit; raise it at the endpoint (its max_tokens, or the "
            "length of its context), or leave it more room with a smaller --top-k"
        )
    if answer and answer.error:
        say(answer.error)
        raise typer.Exit(2)


def _picture(path: Path) -> "Image":
    """The image the user named, read and checked now: only its bytes go on, and no folder is opened for anybody."""
    from tamis.core.image import Image
    from tamis.core.media import MediaPolicy

    named = Image(path=str(path.absolute()))
    policy = MediaPolicy(roots=(str(path.absolute().resolve().parent),))
    policy.open(named)
    return Image(data=policy.read(named))


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def _settings(given: dict[str, Any], config: Path | None) -> "PipelineConfig":
    """The file's settings, and over them those given on the command line."""
    from tamis.config import PipelineConfig

    if config is None and Path(CONFIG).is_file():
        config = Path(CONFIG)
    return (PipelineConfig.load(config) if config else PipelineConfig()).with_settings(given)


def _source(node: "NodeWithScore") -> str:
    """Where a passage comes from: its file, and the page or section if it has one; else its id."""
    metadata = node.node.metadata
    name = str(metadata.get("file_path") or metadata.get("file_name") or node.node.node_id)
    if page := metadata.get("page_label"):
        name += f", page {page}"
    if section := metadata.get("section"):
        name += f" ({section})"
    return name


def _text(node: "NodeWithScore") -> str:
    from tamis.nodes import content_of

    return content_of(node).text


def _print(kept: "list[NodeWithScore]", out: "Console", full: bool) -> None:
    if not kept:
        out.print("Nothing in the store is relevant enough to answer this. (--min-k 1 shows the best there is.)")
    for number, node in enumerate(kept, start=1):
        probability = "P = ?   " if node.score is None else f"P = {node.score:.3f}"
        out.print(f"{number}. {probability}  {one_line(_source(node), 200)}")
        text = _text(node)
        body = plain(text) if full else one_line(text)
        out.print("\n".join(f"   {line}" for line in body.splitlines()) or "   (an image without text)")


def _document(
    question: str, image: Path | None, kept: "list[NodeWithScore]", best_first: "list[NodeWithScore]", answer: Any
) -> dict[str, Any]:
    position = {id(node): place for place, node in enumerate(kept, start=1)}
    return {
        "question": question,
        "image": None if image is None else str(image),
        "abstained": not kept,
        "passages": [
            {
                "id": node.node.node_id,
                "p_relevant": node.score,
                # Where it stands in what a model is given: best at the edges, by default.
                "position": position[id(node)],
                "source": _source(node),
                "text": _text(node),
                "metadata": node.node.metadata,
            }
            for node in best_first
        ],
        "answer": answer.text if answer else None,
        "answer_error": answer.error if answer else None,
        "answer_cut_off": bool(answer and answer.cut_off),
    }
