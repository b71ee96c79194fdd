"""HaluEval (Li et al., EMNLP 2023): right and made-up answers with their knowledge, and labelled general responses."""

from collections.abc import Iterator
from pathlib import Path

from tamis.core.content import Content

from ..case import Case
from .dataset import DataSet, data_files, from_files, name_of, passage
from .reading import json_lines
from .row import Row


def load(path: Path) -> DataSet:
    """Claims to be judged: the query is an answer, the document what it must follow from.

    A question of the qa file gives two cases in one group, its right and its made-up answer. A general response has no
    document. ``extra``: ``supported`` (true or false), ``question``, and for general responses ``spans``, the made-up
    parts that the annotators marked. Tags are the file's kind, and "supported" or "unsupported".
    """
    return from_files(path, "halueval", data_files(path, "*.jsonl", "*.json"), json_lines, _cases)


def _cases(row: Row) -> Iterator[Case]:
    name = f"{name_of(row.file)}-{row.number}"
    if "user_query" in row:
        is_made_up = row.one_of("hallucination", ("yes", "no")) == "yes"
        yield Case(
            id=name,
            query=Content(row.text("chatgpt_response")),
            tags=("general", _tag(not is_made_up)),
            extra={
                "supported": not is_made_up,
                "question": row.text("user_query"),
                "spans": row.texts("hallucination_spans", ()),
            },
        )
        return
    knowledge = passage(row.text("knowledge"))
    for kind, field in (("right", "right_answer"), ("made-up", "hallucinated_answer")):
        is_right = kind == "right"
        yield Case(
            id=f"{name}-{kind}",
            query=Content(row.text(field)),
            documents=(knowledge,),
            tags=("qa", _tag(is_right)),
            group=name,
            extra={"supported": is_right, "question": row.text("question")},
        )


def _tag(is_supported: bool) -> str:
    return "supported" if is_supported else "unsupported"
