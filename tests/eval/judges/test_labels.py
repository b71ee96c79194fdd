"""Samples for people: nothing in them computes, no label is shown or invented, and what comes back is checked."""

import csv
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.core.image import Image
from tamis.eval.judges import (
    LABEL_CONFIG,
    Pair,
    export_labels,
    import_labels,
    labelled,
    read_pairs,
    sample_pairs,
    write_pairs,
)
from tamis.eval.report.neutral import cell

PAIRS = [
    Pair("1", "=HYPERLINK(1)", (Content("a"), Content("b")), True, "g"),
    Pair("=2", "It is so.", (Content("@SUM(A1)"),), None, "h"),
    Pair("3", "No.\nYes.", (Content("c"),), False, "h"),
]


def filled(path: Path, labels: dict[str, str]) -> None:
    """What people do with the table."""
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    for row in rows:
        row["label"] = labels.get(row["id"].removeprefix("'"), "")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def test_a_table_computes_nothing_shows_no_label_and_comes_back(tmp_path: Path) -> None:
    place = tmp_path / "sample.csv"
    export_labels(PAIRS, place)
    rows = list(csv.DictReader(place.read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    assert [row["claim"] for row in rows] == ["'=HYPERLINK(1)", "It is so.", "No.\nYes."]
    assert {row["label"] for row in rows} == {""}
    assert all(not value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    filled(place, {"1": "Unsupported", "=2": "supported"})
    assert import_labels(place) == {"1": False, "=2": True}


@given(st.lists(st.text(alphabet="'=@ab \n", min_size=1, max_size=6), unique=True, min_size=1))
def test_ids_survive_the_apostrophe_that_keeps_them_from_computing(names: list[str]) -> None:
    with TemporaryDirectory() as folder:
        place = Path(folder, "a.csv")
        export_labels([Pair(name, "c", (Content("e"),), None, "g") for name in names], place)
        with place.open(encoding="utf-8-sig", newline="") as file:
            head, *rows = csv.reader(file)
        assert all(cell(row[0]) == row[0] for row in rows)
        with place.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *([*row[:4], "supported", ""] for row in rows)])
        assert import_labels(place) == dict.fromkeys(names, True)


def test_an_id_that_cannot_be_shown_as_it_is_comes_back_to_its_pair(tmp_path: Path) -> None:
    odd = [Pair(name, "c", (Content("e"),), None, "g") for name in ("\u202e", "a\rb", "\x1b[31m", "'\x1b", "=\ud800")]
    export_labels(odd, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    with (tmp_path / "b.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *([*row[:4], "supported", ""] for row in rows)])
    assert [pair.supported for pair in labelled(odd, import_labels(tmp_path / "b.csv"))] == [True] * 5


def task(name: str, *choices: str | None) -> dict[str, object]:
    """A Label Studio task with an annotation for each choice, None for one that was cancelled."""
    annotations = [
        {"was_cancelled": choice is None, "result": [{"from_name": "label", "value": {"choices": [choice]}}]}
        for choice in choices
    ]
    return {"data": {"id": name, "claim": "c", "evidence": "e"}, "annotations": annotations}


def test_label_studio_tasks_come_back_by_majority(tmp_path: Path) -> None:
    place = tmp_path / "sample.json"
    export_labels(PAIRS, place)
    assert [one["data"]["id"] for one in json.loads(place.read_text())] == ["1", "=2", "3"]
    tasks = [
        task("1", "supported", "supported", "unsupported"),
        task("=2", "supported", "unsupported"),
        task("3", "unsupported", None),
        task("4"),
    ]
    place.write_text(json.dumps(tasks))
    assert import_labels(place) == {"1": True, "3": False}


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.csv", "id,label\n1,maybe\n", 'line 2: "maybe" is no label; it must be supported or unsupported, or empty'),
        ("a.csv", "id,label\n1,supported\n1,supported\n", "twice"),
        ("a.csv", "id,claim\n1,c\n", 'no column "label"'),
        ("a.csv", "id,label\n1,\n", "nothing is labelled"),
        ("a.json", "{}", "no list"),
        ("a.json", "[{}]", 'task 1: its data has no "id"'),
        ("a.json", "nonsense", "is not JSON"),
        ("a.json", "[" * 100_000, "is nested too deeply"),
        ("a.json", json.dumps([{"data": {"id": "1"}, "annotations": 5}]), 'task 1: its "annotations" are int'),
        ("a.json", json.dumps([{"data": {"id": "1"}, "annotations": {"a": 1}}]), 'its "annotations" are dict'),
        (
            "a.json",
            json.dumps([{"data": {"id": "1"}, "annotations": [{"result": [{"from_name": "label"}]}]}]),
            "task 1",
        ),
        ("a.json", json.dumps([task("1", "perhaps")]), '"perhaps" is no label'),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, what: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=what):
        import_labels(tmp_path / name)
    with pytest.raises(BadInput, match="cannot be read"):
        import_labels(tmp_path / f"missing-{name}")


def test_labels_belong_to_pairs() -> None:
    assert [pair.supported for pair in labelled(PAIRS, {"3": True})] == [None, None, True]
    with pytest.raises(BadInput, match="none of the pairs"):
        labelled(PAIRS, {"nobody": True})


def test_a_sample_is_drawn_and_not_the_beginning() -> None:
    many = [Pair(str(n), "c", (Content("e"),), None, "g") for n in range(200)]
    drawn = sample_pairs(many, 50, seed=1)
    assert len({pair.id for pair in drawn}) == 50
    assert max(int(pair.id) for pair in drawn) > 150
    assert drawn != sample_pairs(many, 50, seed=2)


def test_pairs_are_written_and_read_as_the_same(tmp_path: Path) -> None:
    place = tmp_path / "pairs.jsonl"
    write_pairs(PAIRS, place)
    assert read_pairs(place) == PAIRS


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"id": "1", "claim": "c", "evidence": "e", "supported": "yes"}', "supported"),
        ('{"id": "1", "claim": "c", "supported": true}', "evidence"),
        ('{"id": "1", "evidence": "e", "supported": true}', "claim"),
        ('{"id": "1", "claim": "c", "image": "../../etc/x.png", "supported": true}', "inside the folder"),
        ('{"id": "1", "claim": "c", "image": "http://a/b.png", "supported": true}', "is a URL"),
        ('{"id": "1", "claim": "c", "evidence": "e"}', "no pair has a label"),
        ('{"id": "1", "claim": "c", "evidence": "e", "supported": true}\n' * 2, "twice"),
        ("nonsense", "JSON"),
    ],
)
def test_what_is_wrong_in_a_pairs_file_is_named(tmp_path: Path, line: str, what: str) -> None:
    (tmp_path / "pairs.jsonl").write_text(line)
    with pytest.raises(BadInput, match=what):
        read_pairs(tmp_path / "pairs.jsonl")
    with pytest.raises(BadInput):
        read_pairs(tmp_path / "none.jsonl")


def test_images_are_evidence(tmp_path: Path) -> None:
    (tmp_path / "bus.png").touch()
    (tmp_path / "p.jsonl").write_text('{"claim": "A bus.", "image": ["bus.png"], "supported": false}')
    [pair] = read_pairs(tmp_path / "p.jsonl")
    assert pair.id == "0"
    assert [image.path for passage in pair.evidence for image in passage.images] == [str(tmp_path / "bus.png")]
    write_pairs([pair], tmp_path / "q.jsonl")
    assert read_pairs(tmp_path / "q.jsonl") == [pair]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheet_may_part_columns_as_it_likes(tmp_path: Path, delimiter: str) -> None:
    export_labels(PAIRS, tmp_path / "a.csv")
    rows = list(csv.reader((tmp_path / "a.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    rows[1][4], rows[3][4] = "supported", "unsupported"
    with (tmp_path / "b.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    assert import_labels(tmp_path / "b.csv") == {"1": True, "3": False}


def test_an_ending_that_tells_nothing_is_refused_unless_the_format_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r'"a\.txt" ends in neither \.csv nor \.json'):
        export_labels(PAIRS, tmp_path / "a.txt")
    assert not (tmp_path / "a.txt").exists()
    export_labels(PAIRS, tmp_path / "a.txt", "label-studio")
    assert json.loads((tmp_path / "a.txt").read_text())[0]["data"]["id"] == "1"


def test_whoever_labels_is_told_where_the_images_are(tmp_path: Path) -> None:
    pair = Pair("1", "A bus.", (Content(images=(Image(path="photos/bus.png"),)),), None, "g")
    export_labels([pair], tmp_path / "a.json")
    export_labels([pair], tmp_path / "a.csv")
    assert json.loads((tmp_path / "a.json").read_text())[0]["data"]["images"] == "photos/bus.png"
    [row] = csv.DictReader((tmp_path / "a.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True))
    assert row["images"] == "photos/bus.png"
    assert 'value="$images"' in LABEL_CONFIG
