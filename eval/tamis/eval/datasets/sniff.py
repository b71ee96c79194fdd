"""Tells the format of data by the names of files and of the first record's fields."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tamis.core.errors import BadInput

from .fault import Fault, FaultyData
from .jsonl import CASE_FIELDS, CASES
from .reading import Line, first_byte, json_members, json_rows, lines
from .row import Row, kind_of


class Signature(NamedTuple):
    """Fields that only records of this format have together."""

    format: str
    fields: frozenset[str]


def _signature(format: str, fields: str) -> Signature:
    return Signature(format, frozenset(fields.split()))


# The first that fits is taken: what asks for more stands before what asks for less.
RECORDS = (
    _signature("bbq", "context_condition question_polarity ans0 ans1 ans2 label"),
    _signature("conflictqa", "question parametric_memory counter_memory"),
    _signature("musique", "question paragraphs"),
    _signature("2wiki", "question context supporting_facts evidences"),
    _signature("hotpotqa", "question context supporting_facts"),
    _signature("hotpotqa", "_id question context"),
    _signature("rgb", "query positive negative"),
    _signature("litm", "question ctxs"),
    _signature("litm-kv", "ordered_kv_records key value"),
    _signature("clapnq", "input passages output"),
    _signature("halueval", "knowledge right_answer hallucinated_answer"),
    _signature("halueval", "user_query chatgpt_response hallucination"),
    _signature("pope", "question_id image text label"),
    _signature("pope", "file object question label"),
    _signature("sugarcrepe", "caption negative_caption"),
    _signature("coco-photos", "file captions objects"),
    _signature("medquad", "focus qtype question answer"),
    _signature("bipia", "context question ideal"),
    _signature("bipia", "context code ideal"),
    _signature("amber", "id image query"),
    _signature("ragas", "user_input"),
    _signature("ragas", "question contexts"),
    _signature("ragas", "question ground_truth"),
    _signature("ragas", "question ground_truths"),
    _signature("harmful-instructions", "instruction category"),
    _signature("clothing", "file label"),
)
TABLES = (
    _signature("hatecheck", "functionality test_case label_gold"),
    _signature("figstep", "category_id task_id instruction"),
    _signature("figstep", "sentence"),
    _signature("xstest", "prompt type label"),
    _signature("begin", "knowledge response begin_label"),
    _signature("beir", "query-id corpus-id score"),
    _signature("harmful-instructions", "goal target"),
)
MEMBERS = (
    _signature("poisonedrag", "question adv_texts"),
    _signature("sugarcrepe", "caption negative_caption"),
)
LAYOUTS = (
    ("jsonl", (CASES,)),
    ("jsonl", (f"{CASES}.gz",)),
    ("beir", ("corpus.jsonl*", "qrels")),
    ("beir", ("queries.jsonl*", "qrels")),
    ("amber", ("annotations.json", "query_all.json")),
    ("coco-photos", ("photos_captions_objects.jsonl",)),
    ("figstep", ("safebench*.csv",)),
    ("bipia", ("email", "text_attack_*.json")),
    ("hatecheck", ("test_suite_cases.csv",)),
    ("harmful-instructions", ("advbench.csv",)),
)

_QRELS = re.compile(r"\S+\s+\S+\s+\S+\s+-?\d+\s*")
_LOOKED_AT = 20


def format_of(path: Path) -> str:
    """The name of the format that the data at a path have.

    JSON Lines with a field of ours, or with nothing that can be read, are taken for our own format, so that their
    faults are named. Raises BadInput, listing the known formats, where nothing fits and where several do.
    """
    if path.is_file():
        if (one := _of_file(path)) is None:
            raise BadInput(f"the format of {path} cannot be told; {_how_to_name_one()}")
        return one
    for format, names in LAYOUTS:
        if all(any(path.glob(name)) for name in names):
            return format
    found = (_of_data_file(file) for file in sorted(path.iterdir()) if file.is_file())
    formats = sorted({format for format in found if format is not None})
    if len(formats) == 1:
        return formats[0]
    if formats:
        raise BadInput(
            f"{path} holds data of the formats {', '.join(formats)}: name one of its files, or {_how_to_name_one()}"
        )
    raise BadInput(f"the format of the folder {path} cannot be told; {_how_to_name_one()}")


def _how_to_name_one() -> str:
    from . import DATASETS

    known = ", ".join(DATASETS.names())
    return f'name one with format="NAME", on the command line --format NAME; known: {known}'


def _of_data_file(path: Path) -> str | None:
    """The format of a file among others, where only what bears a mark of its own counts."""
    if not re.search(r"\.(json|jsonl|csv|tsv)(\.gz)?$", path.name):
        return None
    found = _of_file(path)
    return None if found == "jsonl" and not _looks_like_ours(_first(json_rows(path))) else found


def _of_file(path: Path) -> str | None:
    name = path.name.removesuffix(".gz")
    if name.endswith((".csv", ".tsv")):
        return _of_table(path, "\t" if name.endswith(".tsv") else ",")
    if name.endswith((".json", ".jsonl")) or first_byte(path) in (b"{", b"["):
        row = _first(json_rows(path))
        if row is not None and (found := _matching(RECORDS, row.fields)):
            return found
        if (found := _of_object(path)) is not None:
            return found
        if name.endswith(".jsonl"):
            return "jsonl" if row is None or set(CASE_FIELDS) & set(row.fields) else None
        return "jsonl" if _looks_like_ours(row) else None
    return _of_qrels(path)


def _of_table(path: Path, delimiter: str) -> str | None:
    names = (name.strip('"') for name in _first_line(path).split(delimiter))
    return _matching(TABLES, names) or _of_qrels(path)


def _of_object(path: Path) -> str | None:
    """The format of a file that is one JSON object, by its first member."""
    if first_byte(path) != b"{":
        return None
    try:
        member = next(json_members(path), None)
    except FaultyData:
        return None
    if member is None:
        return None
    if member.name == "examples" and kind_of(member.value) == "a list":
        return "llamaindex"
    return _matching(MEMBERS, member.value) if isinstance(member.value, dict) else None


def _of_qrels(path: Path) -> str | None:
    return "trec" if _QRELS.fullmatch(_first_line(path)) else None


def _first_line(path: Path) -> str:
    for line in lines(path):
        if isinstance(line, Line):
            return line.text
    return ""


def _first(rows: Iterator[Row | Fault]) -> Row | None:
    return next((row for row in islice(rows, _LOOKED_AT) if isinstance(row, Row)), None)


def _looks_like_ours(row: Row | None) -> bool:
    return row is not None and "question" in row and len(set(CASE_FIELDS) & set(row.fields)) > 1


def _matching(signatures: tuple[Signature, ...], fields: Iterable[str]) -> str | None:
    names = set(fields)
    return next((one.format for one in signatures if one.fields <= names), None)
