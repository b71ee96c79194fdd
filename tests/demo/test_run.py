"""The whole demo on a few modules with a stand-in embedder: what it builds, reuses, refuses, writes and prints."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import TextNode
from rich.console import Console

from tamis.core.errors import BadInput
from tamis.demo import DemoResult, print_report, run_demo
from tamis.demo.corpus import passages
from tamis.demo.library import default_folder
from tamis.demo.measures import MEASURES
from tamis.demo.report import sentences
from tamis.demo.tokens import token_counter
from tamis.eval import Interval
from tamis.retrievers import Store
from tamis.testing import FakeEmbedder

MODULES = ("heapq", "bisect", "copy", "random", "textwrap")


def demo(folder: Path, name: str = "store", **settings: Any) -> DemoResult:
    return run_demo(
        folder / name,
        folder / "demo.json",
        progress=False,
        attacks=0,
        embedder=FakeEmbedder(),
        modules=MODULES,
        **settings,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(folder: Path) -> DemoResult:
    return demo(folder)


def test_all_three_are_measured_on_the_same_questions(first: DemoResult) -> None:
    assert list(first.pipelines) == ["stock", "stock_best", "tamis"]
    for rows in first.pipelines.values():
        assert set(rows) == set(MEASURES)
        assert rows["context_f1"].n == first.meta["questions"]
        assert rows["abstained_unanswerable"].n == first.meta["unanswerable"]
        assert rows["gold_recall"].n == first.meta["questions"] - first.meta["unanswerable"]
        assert rows["ms_per_query"].mean > 0
    assert first.pipelines["stock"]["abstained_unanswerable"].mean == 0


def test_the_file_holds_what_the_run_returned(folder: Path, first: DemoResult) -> None:
    assert json.loads((folder / "demo.json").read_text()) == json.loads(json.dumps(first.to_dict()))
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_second_run_uses_the_store_and_finds_the_same(folder: Path, first: DemoResult) -> None:
    again = demo(folder)
    assert first.meta["passages_embedded"] == first.meta["passages"] >= 40
    assert again.meta["passages_embedded"] == 0
    for pipeline in first.pipelines:
        for measure in set(MEASURES) - {"ms_per_query"}:
            assert again.pipelines[pipeline][measure] == first.pipelines[pipeline][measure]


def test_a_run_that_was_interrupted_is_completed_by_the_next(folder: Path, first: DemoResult) -> None:
    with Store.open(folder / "store") as store:
        store.delete(["heapq.heappop", "copy.deepcopy"])
    assert demo(folder).meta["passages_embedded"] == 2
    with Store.open(folder / "store") as store:
        assert store.count() == first.meta["passages"]


def test_a_store_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with Store.open(tmp_path / "mine", embedder=FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_="diary", text="Dear diary")])
    with pytest.raises(BadInput, match="--store"):
        demo(tmp_path, "mine")
    with Store.open(tmp_path / "mine") as store:
        assert store.ids() == ["diary"]


@pytest.mark.parametrize("output", ["missing/demo.json", "missing/demo", "folder.json", "file"])
def test_an_output_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path, output: str) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match="--output"):
        run_demo(tmp_path / "store", tmp_path / output, progress=False)
    assert not (tmp_path / "store").exists()


def test_it_writes_nothing_to_stdout_or_a_pipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_demo(tmp_path / "store", tmp_path, progress=True, attacks=0, embedder=FakeEmbedder(), modules=("heapq", "copy"))
    assert capsys.readouterr().out == ""


def test_the_cache_folder_depends_on_passages_and_embedder() -> None:
    few, fewer = passages(["heapq", "copy"]), passages(["heapq"])
    folders = {default_folder(few, "a"), default_folder(few, "b"), default_folder(fewer, "a")}
    assert len(folders) == 3
    assert default_folder(few, "a") == default_folder(passages(["heapq", "copy"]), "a")


def test_the_report_shows_every_number_and_a_sentence_for_each(first: DemoResult) -> None:
    screen = io.StringIO()
    print_report(first, Console(file=screen, width=80))
    shown = screen.getvalue()
    assert "LlamaIndex" in shown
    assert f"{first.pipelines['tamis']['gold_recall'].mean:.2f}" in shown
    folded = " ".join(shown.split())
    assert len(sentences(first)) == len(MEASURES) + 1
    assert all(sentence in folded for sentence in sentences(first))


def test_the_sentences_follow_the_numbers(first: DemoResult) -> None:
    def said(difference: Interval) -> str:
        rows = {**first.differences["tamis"], "tokens_to_llm": difference, "gold_recall": difference}
        changed = DemoResult(first.pipelines, {"tamis": rows}, first.wins, None, first.meta)
        recall, tokens = (next(s for s in sentences(changed) if word in s) for word in ("found", "tokens"))
        return f"{recall.rpartition(' ')[2]} {tokens.rpartition(' ')[2]}"

    assert said(Interval(3.0, 1.0, 5.0, 9)) == "better worse"
    assert said(Interval(-3.0, -5.0, -1.0, 9)) == "worse better"
    assert said(Interval(0.5, -1.0, 2.0, 9)) == "show show"


def test_tokens_are_counted_offline() -> None:
    counter = token_counter()
    assert counter.name == "cl100k_base"
    assert counter.count("the quick brown fox") == 4
