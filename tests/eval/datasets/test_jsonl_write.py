"""What is written is what is read."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.eval.case import Case, Document
from tamis.eval.datasets import check, load, write

Put = Callable[[str, "str | bytes"], Path]

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def cases(draw: st.DrawFn, folder: str) -> list[Case]:
    made = []
    picture = st.just(Image(path=f"{folder}/here.png")) | st.just(Image(url="data:image/png;base64,AA=="))
    for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        documents = tuple(
            Document(
                one,
                Content(draw(TEXT), tuple(draw(st.lists(picture, max_size=2)))),
                draw(st.none() | st.dates()),
                draw(st.none() | NAMES),
            )
            for one in draw(st.lists(NAMES, max_size=3, unique=True))
        )
        relevance = {document.id: draw(st.integers(0, 3)) for document in documents if draw(st.booleans())}
        answers = tuple(draw(st.lists(TEXT, max_size=2)))
        has_answer = bool(answers) or any(relevance.values())
        made.append(
            Case(
                id=name,
                query=Content(draw(TEXT) + "?", tuple(draw(st.lists(picture, max_size=2)))),
                documents=documents,
                relevance=relevance,
                answers=answers,
                answerable=draw(st.sampled_from([None, has_answer])),
                targets=tuple(draw(st.lists(TEXT, max_size=2))),
                tags=tuple(draw(st.lists(TEXT, max_size=2))),
                group=draw(st.none() | TEXT),
                extra=draw(st.dictionaries(TEXT, JSON, max_size=2)),
            )
        )
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("written")
    (place / "here.png").write_bytes(b"not opened")
    return place


@settings(max_examples=40)
@given(drawn=st.data(), ending=st.sampled_from(["", ".gz"]))
def test_what_is_written_is_read_again(folder: Path, drawn: st.DataObject, ending: str) -> None:
    made = drawn.draw(cases(str(folder)))
    path = folder / f"cases.jsonl{ending}"
    assert write(made, path) == len(made)
    assert [fault for fault in check(path) if not fault.warning] == []
    assert list(load(path).cases()) == made
    before = path.read_bytes()
    write(load(path).cases(), path)
    assert path.read_bytes() == before


def test_the_smallest_case_is_short(tmp_path: Path) -> None:
    write([Case("q", Content("?"))], tmp_path / "c.jsonl")
    assert (tmp_path / "c.jsonl").read_text("utf-8") == '{"id": "q", "question": "?"}\n'


def test_bytes_of_an_image_are_kept(tmp_path: Path) -> None:
    write([Case("q", Content(images=(Image(data=b"\x89PNG"),)))], tmp_path / "c.jsonl")
    (case,) = load(tmp_path / "c.jsonl").cases()
    assert MediaPolicy().read(case.query.images[0]) == b"\x89PNG"


def test_tuples_dates_and_sets_of_extra_become_json(tmp_path: Path) -> None:
    extra = {"a": (1, 2), "b": date(2024, 1, 2), "c": frozenset({"y", "x"})}
    write([Case("q", Content("?"), extra=extra)], tmp_path / "c.jsonl")
    assert json.loads((tmp_path / "c.jsonl").read_text())["extra"] == {"a": [1, 2], "b": "2024-01-02", "c": ["x", "y"]}


@pytest.mark.parametrize(
    ("case", "what"),
    [
        (Case("q", Content("?", (Image(path="/elsewhere/a.png"),))), "is outside"),
        (Case("q", Content("?", (Image(url="https://example.org/a.png"),))), "save the image beside"),
        (Case("q", Content("?"), extra={"a": object()}), "no place in JSON"),
        (Case("q", Content("?"), extra={"a": float("nan")}), "cannot be written"),
        (Case("q", Content("\ud800")), "cannot be written"),
        (Case("q", Content("?"), relevance={"d": -1}), "below 0"),
    ],
)
def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path, case: Case, what: str) -> None:
    path = tmp_path / "c.jsonl"
    write([Case("old", Content("?"))], path)
    with pytest.raises(BadInput, match=what):
        write([Case("new", Content("?")), case], path)
    assert [one.id for one in load(path).cases()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_published_set_is_written_in_our_format(data: Path, tmp_path: Path) -> None:
    made = list(load(data / "clapnq" / "clapnq_dev_answerable.jsonl").cases())[:20]
    write(made, tmp_path / "c.jsonl")
    assert list(load(tmp_path / "c.jsonl").cases()) == made
