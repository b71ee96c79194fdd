"""Every block of code in the documents runs, and prints what stands below it.

A ```python block may be followed by a ```text block: what it prints. Without one it prints nothing. The blocks of one
document run one after the other in an empty folder and see each other's names. With UPDATE_OUTPUTS=1 in the environment
the documents are rewritten with what is printed now.
"""

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from tamis.config import PipelineConfig

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block, and where its content begins and ends in the document."""

    language: str
    content: str
    start: int
    end: int


class Run(NamedTuple):
    """What a block of Python printed, and the block below it that says what it prints, if there is one."""

    code: Block
    promised: Block | None
    printed: str


def blocks_of(text: str) -> list[Block]:
    return [Block(found[1], found[2], *found.span(2)) for found in FENCE.finditer(text)]


def runs_of(text: str, name: str) -> Iterator[Run]:
    blocks = blocks_of(text)
    # In a module of its own, because what is defined there is pickled by its module's name.
    module = sys.modules["document"] = ModuleType("document")
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.language != "python":
            continue
        # Blank lines put the code on the line where it stands, so that a traceback names the right one.
        code = compile("\n" * text.count("\n", 0, block.start) + block.content, name, "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, vars(module))
        is_output = following is not None and following.language == "text"
        yield Run(block, following if is_output else None, printed.getvalue())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_code_prints_what_the_document_says(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (CHECKOUT / document).read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [document])
    runs = list(runs_of(text, document))
    assert runs
    if os.environ.get("UPDATE_OUTPUTS"):
        for run in reversed(runs):
            if run.promised is not None:
                text = text[: run.promised.start] + run.printed + text[run.promised.end :]
        (CHECKOUT / document).write_text(text, "utf-8")
        pytest.skip(f"{document} is rewritten")
    for run in runs:
        assert run.printed == (run.promised.content if run.promised else ""), run.code.content


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_tamis_toml_in_a_document_is_one(document: str, tmp_path: Path) -> None:
    for block in blocks_of((CHECKOUT / document).read_text("utf-8")):
        if block.language == "toml" and "[project" not in block.content:
            (tmp_path / "tamis.toml").write_text(block.content, "utf-8")
            PipelineConfig.load(tmp_path / "tamis.toml")


@pytest.mark.parametrize("document", [*DOCUMENTS, "BENCHMARKS.md", "CHANGELOG.md"])
def test_a_file_that_a_document_links_to_exists(document: str) -> None:
    text = (CHECKOUT / document).read_text("utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [link for link in links if not (CHECKOUT / link).exists()] == []
