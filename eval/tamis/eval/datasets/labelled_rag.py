"""Questions with reference answers and contexts, as LlamaIndex (``LabelledRagDataset``) and ragas write them.

Their contexts are texts without ids. ``documents()`` is the pool of them, for a pipeline that is made over documents; a
case brings none of its own, since the pipeline under test has its corpus already. ``relevance`` names passages of the
pool, and ``extra["reference_contexts"]`` has the texts, for metrics that compare texts.
"""

from collections.abc import Iterator
from pathlib import Path

from tamis.core.content import Content

from ..case import Case, Document
from .dataset import DataSet, data_files, from_files, name_of, passage
from .fault import Fault, FaultyData
from .reading import json_members, json_rows, row_of
from .row import Row, kind_of

_QUESTION = ("user_input", "question")
_REFERENCE = ("reference", "ground_truth", "ground_truths")
_RESPONSE = ("response", "answer")
_RETRIEVED = ("retrieved_contexts", "contexts")


def load_llamaindex(path: Path) -> DataSet:
    """A ``LabelledRagDataset`` as its ``save_json`` writes it (``rag_dataset.json``); it is read as a whole.

    ``extra`` also has who asked and who answered (``query_by``, ``reference_answer_by``) where the file says so.
    """
    return from_files(path, "llamaindex", data_files(path, "*.json"), _examples, _example, _example_contexts)


def load_ragas(path: Path) -> DataSet:
    """ragas samples of one turn, with the names of its versions from 0.2 on or the older ones.

    That is ``user_input`` or ``question``, ``reference`` or ``ground_truth(s)``, ``response`` or ``answer``,
    ``retrieved_contexts`` or ``contexts``, and ``reference_contexts``. What a pipeline once retrieved and answered is
    kept in ``extra["retrieved_contexts"]`` and ``extra["response"]``, and its passages are in the pool too.
    """
    return from_files(path, "ragas", data_files(path, "*.jsonl", "*.json"), json_rows, _sample, _sample_contexts)


def _examples(path: Path) -> Iterator[Row | Fault]:
    try:
        for member in json_members(path):
            if member.name == "examples":
                if not isinstance(member.value, list):
                    raise FaultyData(
                        Fault(path, member.line, "examples", f"must be a list, not {kind_of(member.value)}")
                    )
                for number, one in enumerate(member.value):
                    yield row_of(path, member._replace(value=one), number)
    except FaultyData as error:
        yield error.fault


def _example(row: Row) -> Iterator[Case]:
    answer, contexts = row.text("reference_answer", ""), row.texts("reference_contexts", ())
    extra = {name: row.fields[name] for name in ("query_by", "reference_answer_by") if name in row}
    yield _asked(row, row.text("query"), (answer,) if answer.strip() else (), contexts, extra)


def _example_contexts(row: Row) -> list[Document]:
    return [passage(text) for text in row.texts("reference_contexts", ())]


def _sample(row: Row) -> Iterator[Case]:
    field = _named(row, _QUESTION)
    if isinstance(row.fields.get(field), list):
        raise row.faulty(field, "is a conversation; only samples of one turn can be asked")
    references = row.one_or_more(_named(row, _REFERENCE), ())
    contexts = row.texts("reference_contexts", ())
    extra: dict[str, object] = {}
    if (retrieved := _named(row, _RETRIEVED)) in row:
        extra["retrieved_contexts"] = row.texts(retrieved)
    if (response := _named(row, _RESPONSE)) in row:
        extra["response"] = row.text(response)
    yield _asked(row, row.text(field), tuple(one for one in references if one.strip()), contexts, extra)


def _sample_contexts(row: Row) -> list[Document]:
    texts = (*row.texts("reference_contexts", ()), *row.texts(_named(row, _RETRIEVED), ()))
    return [passage(text) for text in texts]


def _asked(
    row: Row, question: str, answers: tuple[str, ...], contexts: tuple[str, ...], extra: dict[str, object]
) -> Case:
    return Case(
        id=f"{name_of(row.file)}-{row.number}",
        query=Content(question),
        relevance={passage(text).id: 1 for text in contexts},
        answers=answers,
        answerable=True if answers or contexts else None,
        extra={**extra, "reference_contexts": contexts},
    )


def _named(row: Row, names: tuple[str, ...]) -> str:
    """The name under which the row has it; the newest where it has none of them."""
    return next((name for name in names if name in row), names[0])
