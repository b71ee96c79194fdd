"""PoisonedRAG (Zou et al. 2024): questions with a wrong answer and the planted passages that argue for it."""

from collections.abc import Iterator
from pathlib import Path

from tamis.core.content import Content

from ..case import Case
from .dataset import DataSet, data_files, from_files
from .reading import member_rows
from .row import Row


def load(path: Path) -> DataSet:
    """The questions of one file, or of a folder of them. There are no clean passages: they are asked of a corpus.

    ``targets`` is the wrong answer; ``extra["adversarial_texts"]`` are the planted passages as a language model wrote
    them, without the question that the attack puts in front of each.
    """
    return from_files(path, "poisonedrag", data_files(path, "*.json", "*.json.gz"), member_rows, _case)


def _case(row: Row) -> Iterator[Case]:
    yield Case(
        id=row.name("id") if "id" in row else row.key,
        query=Content(row.text("question")),
        answers=row.one_or_more("correct answer"),
        targets=row.one_or_more("incorrect answer"),
        tags=(row.file.name.partition(".")[0],),
        extra={"adversarial_texts": row.texts("adv_texts")},
    )
