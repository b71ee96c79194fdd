"""Samples for people to label, as a table or for Label Studio, and their labels read back."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Literal, get_args

from tamis.core.atomic import write_bytes
from tamis.core.errors import BadInput, BadSetting

from ..datasets.fault import Fault
from ..datasets.reading import csv_rows
from ..report.neutral import cell, json_text
from .pairs import Pair

Format = Literal["csv", "label-studio"]
HEAD = ("id", "claim", "evidence", "images", "label", "note")
LABELS = {"supported": True, "unsupported": False}
"""What people may put; anything else is refused, and an empty label is none."""

_BY_ENDING: Mapping[str, Format] = {".csv": "csv", ".json": "label-studio"}
_SHOWN = 20_000
_CONFIG = """<View>
  <Header value="Claim"/><Text name="claim" value="$claim"/>
  <Header value="Evidence"/><Text name="evidence" value="$evidence"/>
  <Header value="Images of the evidence"/><Text name="images" value="$images"/>
  <Choices name="label" toName="claim" choice="single" required="true">
    <Choice value="supported"/><Choice value="unsupported"/>
  </Choices>
</View>"""


def sample_pairs(pairs: Sequence[Pair], count: int | None, seed: int = 0) -> list[Pair]:
    """So many pairs drawn at random, in their order; all for None. What prediction-powered inference needs.

    >>> pairs = [Pair(str(n), "c", (), None, "g") for n in range(5)]
    >>> [pair.id for pair in sample_pairs(pairs, 2)] == [pair.id for pair in sample_pairs(pairs, 2)]
    True
    """
    if count is None or count >= len(pairs):
        return list(pairs)
    if count < 1:
        raise BadSetting(f"a sample has at least one pair, not {count}")
    return [pairs[at] for at in sorted(Random(f"{seed}:label").sample(range(len(pairs)), count))]


def export_labels(pairs: Sequence[Pair], path: str | Path, format: Format | None = None) -> None:
    """Writes pairs for people to label, without the labels they have: whoever labels should not see them.

    ``format`` is told by the ending: ``.csv`` is a table whose column ``label`` is to be filled in with "supported" or
    "unsupported", and in which no text is a formula; ``.json`` is a list of Label Studio tasks (``LABEL_CONFIG`` is the
    labelling interface that goes with it).
    """
    place = Path(path)
    chosen = format or _BY_ENDING.get(place.suffix.casefold())
    if chosen is None:
        raise BadSetting(f'"{place.name}" ends in neither .csv nor .json: say which format it is to have')
    if chosen not in get_args(Format):
        raise BadSetting(f'labels are written as {" or ".join(get_args(Format))}, not as "{chosen}"')
    made = _table(pairs) if chosen == "csv" else _tasks(pairs)
    write_bytes(place, made)


def import_labels(path: str | Path) -> dict[str, bool]:
    """The labels of a file that ``export_labels`` wrote and people filled in, by pair; those left empty are left out.

    Of several annotations of one task, the majority; an even split is no label. Raises BadInput with file, line and
    value for a label outside the scheme, an id that comes twice, and for a file without any label.
    """
    place = Path(path)
    found: dict[str, bool] = {}
    rows = _of_table(place) if place.suffix.casefold() == ".csv" else _of_tasks(place)
    seen: set[str] = set()
    for where, name, label in rows:
        if name in seen:
            raise BadInput(f'{where}: the id "{name}" stands there twice')
        seen.add(name)
        if label is not None:
            found[name] = label
    if not found:
        raise BadInput(f"{place}: nothing is labelled in it")
    return found


def labelled(pairs: Iterable[Pair], labels: Mapping[str, bool]) -> list[Pair]:
    """The pairs with these labels, and without any where there is none. Raises BadInput for a label of no pair."""
    known = {pair.id: pair for pair in pairs}
    # A table has no control characters: such an id stands there as it can be shown.
    names = {id_of(id_cell(name)): name for name in known} | {name: name for name in known}
    if unknown := [name for name in labels if name not in names]:
        raise BadInput(f'a label belongs to "{unknown[0]}", which is none of the pairs')
    told = {names[name]: label for name, label in labels.items()}
    return [replace(pair, supported=told.get(name)) for name, pair in known.items()]


LABEL_CONFIG = _CONFIG
"""The labelling interface for Label Studio."""


def _table(pairs: Sequence[Pair]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEAD)
    for pair in pairs:
        shown = (pair.claim, _evidence(pair), _images(pair))
        writer.writerow([id_cell(pair.id), *(cell(one, _SHOWN) for one in shown), "", ""])
    # A spreadsheet takes a file without the mark for one in its own old encoding.
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def _tasks(pairs: Sequence[Pair]) -> bytes:
    tasks = [
        {"data": {"id": pair.id, "claim": pair.claim, "evidence": _evidence(pair), "images": _images(pair)}}
        for pair in pairs
    ]
    return (json_text(tasks) + "\n").encode("utf-8", "backslashreplace")


def _evidence(pair: Pair) -> str:
    return "\n\n".join(pair.texts)


def _images(pair: Pair) -> str:
    """Where the images are: they are not in the file, and whoever labels opens them beside it."""
    return "; ".join(image.path or image.describe() for passage in pair.evidence for image in passage.images)


def _of_table(path: Path) -> Iterator[tuple[str, str, bool | None]]:
    for row in csv_rows(path, delimiter=_delimiter(path)):
        if isinstance(row, Fault):
            raise BadInput(str(row))
        where = f"{path}, line {row.line}"
        for name in ("id", "label"):
            if name not in row.fields:
                raise BadInput(f'{where}: has no column "{name}"')
        yield where, id_of(row.text("id")), _label(row.text("label", ""), where)


def _delimiter(path: Path) -> str:
    """What parts the columns: spreadsheets of many countries write a semicolon, whatever they were given."""
    try:
        with path.open("rb") as file:
            head = file.readline(10_000).decode("utf-8-sig", "replace")
    except OSError:
        return ","  # told where the file is read
    return next((one for one in ",;\t" if "label" in [name.strip('" \r\n') for name in head.split(one)]), ",")


def id_cell(name: str) -> str:
    """An id as a cell that no spreadsheet computes, and that ``id_of`` reads back as the same.

    >>> id_cell("=a"), id_cell("'=a"), id_cell("a")
    ("'=a", "''=a", 'a')
    """
    return f"'{cell(name, _SHOWN)}" if name.startswith("'") else cell(name, _SHOWN)


def id_of(written: str) -> str:
    """An id as it was before ``id_cell`` put an apostrophe before it.

    >>> id_of("'=a"), id_of("''=a"), id_of("a")
    ('=a', "'=a", 'a')
    """
    bare = written[1:]
    return bare if written.startswith("''") or cell(bare, _SHOWN) == written else written


def _of_tasks(path: Path) -> Iterator[tuple[str, str, bool | None]]:
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise BadInput(f"{path}: is nested too deeply to be read") from error
    except ValueError as error:
        raise BadInput(f"{path}: is not JSON: {error}") from error
    if not isinstance(tasks, list):
        raise BadInput(f"{path}: is no list of Label Studio tasks")
    for number, task in enumerate(tasks, start=1):
        where = f"{path}, task {number}"
        data = task.get("data") if isinstance(task, dict) else None
        if not isinstance(data, dict) or not isinstance(data.get("id"), str):
            raise BadInput(f'{where}: its data has no "id"')
        votes = [_label(choice, where) for choice in _choices(task, where)]
        yes, no = votes.count(True), votes.count(False)
        yield where, data["id"], None if yes == no else yes > no


def _choices(task: Mapping[str, Any], where: str) -> Iterator[str]:
    annotations = task.get("annotations") or []
    if not isinstance(annotations, list):
        raise BadInput(f'{where}: its "annotations" are {type(annotations).__name__}, not a list')
    for annotation in annotations:
        try:
            if annotation.get("was_cancelled"):
                continue
            for result in annotation["result"]:
                if result.get("from_name") == "label":
                    yield str(result["value"]["choices"][0])
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise BadInput(f"{where}: an annotation is none of a single choice: {type(error).__name__}") from error


def _label(written: str, where: str) -> bool | None:
    word = written.strip().casefold()
    if not word:
        return None
    if word not in LABELS:
        raise BadInput(f'{where}: "{written[:40]}" is no label; it must be {" or ".join(LABELS)}, or empty')
    return LABELS[word]
