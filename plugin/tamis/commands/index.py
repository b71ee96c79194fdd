"""``tamis index DIR --store PATH``: brings a store in step with a folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, StorePath
from .places import folder_of
from .terminal import console, one_line, print_json, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from tamis.indexing import FileIssue, IndexReport
    from tamis.models import Embedder

_SHOWN = 20
_NAMED = 3


def index(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to read.")],
    store: StorePath,
    glob: Annotated[
        list[str] | None, typer.Option("--glob", help="Only files that fit, such as '*.md' or 'docs/**/*.md'.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", help="Leave out files and folders that fit, such as 'build'.")
    ] = None,
    embedder: Annotated[
        str | None,
        typer.Option("--embedder", help="What embeds a new store: a sentence-transformers model [all-MiniLM-L6-v2]."),
    ] = None,
    chunk_size: Annotated[int, typer.Option("--chunk-size", help="Longest passage, in tokens.")] = 220,
    chunk_overlap: Annotated[int, typer.Option("--chunk-overlap", help="Tokens that neighbours share.")] = 30,
    encoding: Annotated[str, typer.Option("--encoding", help="For text that is not UTF-8.")] = "cp1252",
    as_json: AsJson = False,
) -> None:
    """Read a folder into a store: text, Markdown, HTML, PDF, source code and images.

    Run it again after the folder has changed: unchanged files are skipped, changed ones replaced, deleted ones
    removed. It can be interrupted at any time; the store stays usable and the next run goes on.
    """
    from tamis.indexing.discover import check_apart, check_folder

    root = check_folder(directory)
    # Before the store is made, which would leave its files among those that are to be read.
    if folder := folder_of(store):
        check_apart(root, folder)
    from tamis.indexing import index_directory
    from tamis.retrievers import Store

    made = _embedder(embedder) if embedder else None
    with Store.open(store, embedder=made, create=True) as opened, progress_bar(not as_json) as bar:
        task = bar.add_task("", total=None) if bar else None

        def show(done: int, total: int, file: str) -> None:
            if bar and task is not None:
                bar.update(task, completed=done, total=total, description=one_line(file, 50))

        report = index_directory(
            directory,
            opened,
            glob=glob or (),
            exclude=exclude or (),
            chunk_size=chunk_size,
            chunk_overlap=chunk_overlap,
            encoding=encoding,
            progress=show,
        )
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report, console())


def _embedder(name: str) -> "Embedder":
    """A registered embedder, else the sentence-transformers model of that name."""
    from tamis.models import EMBEDDERS

    if name in EMBEDDERS.names():
        return EMBEDDERS.build(name)
    return EMBEDDERS.build({"name": "sentence-transformers", "model": name})


def _print(report: "IndexReport", out: "Console") -> None:
    _print_issues("failed", report.failed, out)
    _print_issues("skipped", report.skipped, out)
    if report.recoded:
        out.print(f"{report.recoded} read from an encoding other than UTF-8")
    if report.without_ocr:
        out.print(f"{report.without_ocr} images without the text in them: pip install 'tamis[ocr]'")
    out.print(report.summary())


def _print_issues(word: str, issues: "tuple[FileIssue, ...]", out: "Console") -> None:
    """One line a reason, the most frequent first, with the files where they are few."""
    by_reason: dict[str, list[str]] = {}
    for issue in issues:
        by_reason.setdefault(issue.reason, []).append(issue.file)
    ordered = sorted(by_reason.items(), key=lambda item: -len(item[1]))
    for reason, files in ordered[:_SHOWN]:
        names = ", ".join(files[:_NAMED]) + (f" and {len(files) - _NAMED} more" if len(files) > _NAMED else "")
        out.print(f"{word} {one_line(names, 300)}: {one_line(reason)}")
    if rest := ordered[_SHOWN:]:
        out.print(f"{word} {sum(len(files) for _, files in rest)} more, each for a reason of its own; --json has all")
