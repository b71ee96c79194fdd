"""Labelled pairs of claim and evidence: what a judge is checked on.

A line of a pairs file::

    {"id": "p1", "claim": "It has three wheels.", "evidence": "The car has three wheels.", "supported": true}

``evidence`` is a text or a list of texts, ``image`` (in its place or beside it) one or more paths inside the file's
folder or ``data:`` URLs, ``group`` names pairs that are not independent (by default those with the same evidence).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from tamis.core.atomic import write_bytes
from tamis.core.content import Content
from tamis.core.errors import BadInput

from ..case import Case
from ..datasets import load
from ..datasets.fault import Fault, FaultyData
from ..datasets.jsonl import case_of
from ..datasets.jsonl_write import line_of
from ..datasets.reading import json_rows
from ..datasets.row import Row


@dataclass(frozen=True)
class Pair:
    """A claim, its evidence, and whether people say that the evidence supports it (None: not labelled)."""

    id: str
    claim: str
    evidence: tuple[Content, ...]
    supported: bool | None
    group: str

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of the evidence, blank ones left out."""
        return tuple(passage.text for passage in self.evidence if passage.text.strip())


def read_pairs(path: str | Path, format: str | None = None, *, needs_labels: bool = True) -> list[Pair]:
    """The pairs of a file, or those of a data set whose cases are claims to be judged ("begin", "halueval").

    Raises BadInput (FaultyData with file, line and field) for what cannot be read, for an image that is not there, for
    an id that comes twice, for a file without a pair and, where it ``needs_labels``, for one with no labelled pair.
    """
    place = Path(path)
    if format not in (None, "pairs"):
        pairs = [pair for case in load(place, format).cases() if (pair := _of_case(case)) is not None]
    else:
        pairs = list(_of_file(place))
    if not pairs:
        raise BadInput(f"{place}: there is no pair of claim and evidence in it")
    seen: set[str] = set()
    for pair in pairs:
        if pair.id in seen:
            raise BadInput(f'{place}: the id "{pair.id}" stands there twice')
        seen.add(pair.id)
    if needs_labels and not any(pair.supported is not None for pair in pairs):
        raise BadInput(f'{place}: no pair has a label; "supported" must be true or false')
    return pairs


def write_pairs(pairs: Iterable[Pair], path: str | Path) -> None:
    """Writes a pairs file, whole or not at all. Raises BadInput for an image that is not beside it.

    Images that are bytes become ``data:`` URLs.
    """
    place = Path(path)
    write_bytes(place, b"".join(_line(pair, place.absolute().parent) for pair in pairs))


def digest_of(pairs: Sequence[Pair]) -> str:
    """The pairs' own digest, 64 hex digits: the same pairs in the same order have the same."""
    found = sha256()
    for pair in pairs:
        images = [image.describe() for passage in pair.evidence for image in passage.images]
        found.update(repr((pair.id, pair.claim, pair.texts, images, pair.supported)).encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _line(pair: Pair, folder: Path) -> bytes:
    fields: dict[str, object] = {"id": pair.id, "claim": pair.claim, "evidence": list(pair.texts)}
    if images := tuple(image for passage in pair.evidence for image in passage.images):
        # What a case's image may be is said in one place; its line is read for the images as they are written there.
        case = Case(pair.id, Content("-", images))
        fields["image"] = json.loads(line_of(case, folder))["image"]
    if pair.supported is not None:
        fields["supported"] = pair.supported
    fields["group"] = pair.group
    return (json.dumps(fields, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def _of_file(path: Path) -> Iterator[Pair]:
    try:
        for row in json_rows(path):
            if isinstance(row, Fault):
                raise FaultyData(row)
            yield _of_row(row, path.parent)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error


def _of_row(row: Row, folder: Path) -> Pair:
    texts = row.one_or_more("evidence", ())
    documents = [{"id": str(at), "text": text} for at, text in enumerate(texts)]
    if "image" in row:
        documents.append({"id": "images", "image": row.fields["image"]})
    if not documents:
        raise row.faulty("evidence", 'is missing, and there is no "image" either')
    claim = row.text("claim")
    # Images are checked where all data's images are: one place says what a path may be.
    inner = {"id": "0", "question": claim or "-", "documents": documents}
    case, faults = case_of(Row(row.file, row.line, row.number, inner), folder)
    for fault in faults:
        if not fault.warning:
            # The line has no list of documents: its image stands under its own name.
            raise FaultyData(replace(fault, field=(fault.field or "evidence").rpartition(".")[2]))
    evidence = tuple(document.content for document in case.documents) if case else ()
    for image in (image for passage in evidence for image in passage.images):
        if image.path is not None and not Path(image.path).is_file():
            raise row.faulty("image", f"there is no such file: {image.path}")
    name = row.name("id") if "id" in row else str(row.number)
    label = row.flag("supported") if "supported" in row else None
    return Pair(name, claim, evidence, label, row.text("group", "") or _group(evidence))


def _of_case(case: Case) -> Pair | None:
    supported = case.extra.get("supported")
    if not isinstance(supported, bool) or not case.documents:
        return None
    evidence = tuple(document.content for document in case.documents)
    return Pair(case.id, case.query.text, evidence, supported, case.cluster)


def _group(evidence: Sequence[Content]) -> str:
    texts = "\x00".join([one.text for one in evidence] + [i.describe() for one in evidence for i in one.images])
    return sha256(texts.encode("utf-8", "surrogatepass")).hexdigest()[:16]
