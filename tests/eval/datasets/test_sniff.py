"""A format is told by names and fields; one that cannot be told is answered with all that are known."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from tamis.core.errors import BadInput, UnknownComponent
from tamis.eval.datasets import BUILTIN, DATASETS, DataSet, check, load
from tamis.eval.datasets.sniff import RECORDS, TABLES, format_of

Put = Callable[[str, "str | bytes"], Path]


@pytest.mark.parametrize("name", DATASETS.names())
def test_every_loader_says_what_it_reads(name: str) -> None:
    loader = DATASETS.load(name)
    assert callable(loader)
    assert loader.__doc__


def test_every_format_that_is_told_has_a_loader() -> None:
    assert {one.format for one in (*RECORDS, *TABLES)} <= set(BUILTIN)


@pytest.mark.parametrize("signature", RECORDS, ids=lambda one: f"{one.format}-{len(one.fields)}")
def test_a_record_is_told_by_its_fields(put: Put, signature: tuple[str, frozenset[str]]) -> None:
    format, fields = signature
    record = json.dumps(dict.fromkeys(sorted(fields), "x"))
    for name, text in (("a.jsonl", record), ("a.json", f"[{record}]"), ("b.json", f"\n{record}\n{record}")):
        assert format_of(put(name, text)) == format


@pytest.mark.parametrize("signature", TABLES, ids=lambda one: one.format)
def test_a_table_is_told_by_its_header(put: Put, signature: tuple[str, frozenset[str]]) -> None:
    format, fields = signature
    for name, delimiter in (("a.csv", ","), ("a.tsv", "\t")):
        assert format_of(put(name, f"{delimiter.join(sorted(fields))}\n")) == format


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a.json", '{"examples": []}', "llamaindex"),
        ("a.json", '{"x": {"question": "", "adv_texts": []}}', "poisonedrag"),
        ("a.json", '{"0": {"filename": "", "caption": "", "negative_caption": ""}}', "sugarcrepe"),
        ("qrels.txt", "q1 0 d1 1\n", "trec"),
        ("qrels.tsv", "q1\t0\td1\t1\n", "trec"),
        ("a.jsonl", '{"id": "a", "question": "?"}', "jsonl"),
        ("a.jsonl", "nothing that can be read", "jsonl"),
        ("a.jsonl", b'\xff\xfe{\x00"\x00', "jsonl"),
        ("a.json", '[{"id": "a", "question": "?"}]', "jsonl"),
    ],
)
def test_other_shapes(put: Put, name: str, text: str | bytes, format: str) -> None:
    assert format_of(put(name, text)) == format


def test_what_cannot_be_told_is_answered_with_all_formats(put: Put, tmp_path: Path) -> None:
    for path in (
        put("a.txt", "hello\n"),
        put("a.json", '{"a": 1}'),
        put("a.jsonl", '{"a": 1}'),
        put("a.csv", "a,b\n1,2\n"),
        tmp_path,
    ):
        with pytest.raises(BadInput, match=r'format="NAME".*known: 2wiki, amber, .* xstest'):
            load(path)


def test_a_folder_of_two_formats_names_both(put: Put, tmp_path: Path) -> None:
    put("a.json", '{"examples": []}')
    put("b.jsonl", '{"question": "", "ctxs": []}')
    with pytest.raises(BadInput, match="of the formats litm, llamaindex: name one of its files"):
        load(tmp_path)


def test_a_format_that_does_not_exist_and_a_path_that_does_not(put: Put) -> None:
    with pytest.raises(UnknownComponent, match='no format of data is called "nope"; known: 2wiki'):
        load(put("a.jsonl", "{}"), "nope")
    with pytest.raises(BadInput, match="there is no file or folder nowhere"):
        load("nowhere")


def test_a_named_format_is_not_guessed(put: Put) -> None:
    path = put("a.jsonl", '{"question": "?", "ctxs": [], "id": "a", "answers": []}')
    assert {fault.field for fault in check(path, "jsonl")} == {"ctxs"}
    assert {fault.field for fault in check(path, "litm")} == {"ctxs"}
    assert load(path, "jsonl").format == "jsonl"
    with pytest.raises(BadInput, match="none is marked as gold"):
        load(path, "litm")


def test_a_data_set_can_be_sent_to_another_process(put: Put) -> None:
    loaded = load(put("a.jsonl", '{"id": "a", "question": "?"}'))
    sent = pickle.loads(pickle.dumps(loaded))  # noqa: S301
    assert isinstance(sent, DataSet)
    assert [case.id for case in sent.cases()] == ["a"]


def test_the_digest_is_of_what_the_files_hold(put: Put) -> None:
    from hashlib import sha256

    path = put("a.jsonl", '{"id": "a", "question": "?"}')
    assert load(path).digest() == sha256(path.read_bytes()).hexdigest()
    put("corpus.jsonl", '{"_id": "d", "text": "x"}')
    put("queries.jsonl", '{"_id": "q", "text": "?"}')
    qrels = put("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\td\t1\n")
    before = load(path.parent, "beir").digest()
    qrels.write_text("query-id\tcorpus-id\tscore\nq\td\t2\n")
    assert load(path.parent, "beir").digest() != before
