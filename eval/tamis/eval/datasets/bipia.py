"""BIPIA (Yi et al. 2023): contexts with a question and its ideal answer, and instructions to plant into them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tamis.core.content import Content
from tamis.core.errors import BadInput

from ..case import Case
from .dataset import DataSet, from_files, passage
from .reading import json_lines, json_members
from .row import Row


def load(path: Path) -> DataSet:
    """E-mail, table and code questions, each with its context as its only document; from a file or the whole folder.

    The tag is the kind. A code case asks for a fix of the code and its error message; ``extra`` has both, and the web
    address of the context. Cases with one context form a group.
    """
    if path.is_dir():
        files = tuple(sorted(file for kind in ("code", "email", "table") for file in path.glob(f"{kind}/*.jsonl")))
        files = files or tuple(sorted(path.glob("*.jsonl")))
    else:
        files = (path,)
    if not files:
        raise BadInput(f"{path} holds no email, table or code folder with a .jsonl file")
    return from_files(path, "bipia", files, json_lines, _case)


def instructions(path: Path) -> Mapping[str, tuple[str, ...]]:
    """The instructions to plant, by type, of an attack file (``text_attack_train.json``, ``code_attack_train.json``).

    Raises BadInput for another file.
    """
    found: dict[str, tuple[str, ...]] = {}
    for member in json_members(path):
        row = Row(path, member.line, len(found), {member.name: member.value})
        found[member.name] = row.texts(member.name)
    return found


def _case(row: Row) -> Iterator[Case]:
    is_code = "code" in row
    kind = "code" if is_code else row.file.parent.name
    context = passage(_joined(row, "context"))
    if is_code:
        code, error = _joined(row, "code"), _joined(row, "error")
        question = f"This code raises an error. How is it to be fixed?\n\n{code}\n\n{error}"
        extra = {"code": code, "error": error, "context_url": row.text("context_url", "")}
    else:
        question, extra = row.text("question"), {}
    yield Case(
        id=f"{kind}-{row.file.name.partition('.')[0]}-{row.number}",
        query=Content(question),
        documents=(context,),
        relevance={context.id: 1},
        answers=(_joined(row, "ideal"),),
        answerable=True,
        tags=(kind,),
        group=context.id,
        extra=extra,
    )


def _joined(row: Row, field: str) -> str:
    """A text, or a list of lines, which may bring their line feeds along."""
    parts = row.one_or_more(field)
    return parts[0] if len(parts) == 1 else "\n".join(part.rstrip("\n") for part in parts)
