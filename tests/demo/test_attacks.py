"""The demo under attack on a few modules with a stand-in embedder: its cases, its runs, what it writes and says."""

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import numpy as np
import pytest
from rich.console import Console

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.demo import DemoResult, print_report, run_demo
from tamis.demo.attack_report import attack_sentences
from tamis.demo.attacked import GOLD, PLANTED, Attacks, demo_suite
from tamis.demo.cases import cases_of, sample
from tamis.demo.corpus import Passage, passages
from tamis.demo.library import fill as filled
from tamis.demo.library import nodes_of
from tamis.demo.output import Output
from tamis.demo.page import page, through
from tamis.demo.questions import Question, questions
from tamis.demo.remembered import Remembered
from tamis.demo.result import Pipeline
from tamis.eval.attacks import Attacked, Pool, attack_of, holds_answer
from tamis.eval.case import Case, Document
from tamis.eval.metrics import Observed
from tamis.eval.metrics.planted import PlantedRecall
from tamis.eval.outcome import Scored, Unscored
from tamis.eval.trace import Passage as Seen
from tamis.eval.trace import Step, Trace
from tamis.eval.variant import CLEAN, Variant
from tamis.retrievers import Store
from tamis.testing import FakeEmbedder

MODULES = ("heapq", "bisect", "copy", "random", "textwrap")
ASKED = 3


@pytest.fixture(scope="module")
def corpus() -> list[Passage]:
    return passages(MODULES)


@pytest.fixture(scope="module")
def asked(corpus: list[Passage]) -> list[Question]:
    return questions({passage.id for passage in corpus}).asked


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attacked")


@pytest.fixture(scope="module")
def result(folder: Path) -> DemoResult:
    return run_demo(
        folder / "store",
        folder / "demo",
        progress=False,
        attacks=ASKED,
        embedder=FakeEmbedder(),
        modules=MODULES,
    )


@pytest.fixture
def found(result: DemoResult) -> Attacks[Pipeline]:
    assert result.attacks is not None
    return result.attacks


def test_a_case_accepts_the_names_of_its_gold_and_would_be_misled_by_a_look_alike(
    corpus: list[Passage], asked: list[Question]
) -> None:
    data = cases_of(asked, corpus)
    texts = {passage.id: passage.text for passage in corpus}
    assert [case.id for case in data.cases()] == [question.id for question in asked]
    for case, question in zip(data.cases(), asked, strict=True):
        assert case.gold == question.gold == set(case.answers)
        assert case.answerable is question.answerable
        assert all(holds_answer(texts[id], [id]) for id in case.gold)
        assert set(case.targets) <= set(texts) - case.gold
    heap = next(case for case in data.cases() if case.id == "largest-n")
    assert heap.answers == ("heapq.nlargest",)
    assert heap.targets


def test_every_answerable_case_can_be_attacked_by_every_attack(corpus: list[Passage], asked: list[Question]) -> None:
    data = cases_of(asked, corpus)
    pool = Pool(data.corpus)
    answerable = [case for case in data.cases() if case.answerable]
    assert len(answerable) >= 5
    for trial in demo_suite().attacks:
        for case in answerable:
            attacked = trial.attack.apply(case, trial.strengths[0], pool, Random(0))
            assert attacked.planted, (trial.attack.name, case.id)


def test_a_contradiction_claims_the_look_alike_instead(corpus: list[Passage], asked: list[Question]) -> None:
    data = cases_of(asked, corpus)
    case = next(case for case in data.cases() if case.id == "largest-n")
    attacked = attack_of("contradiction").apply(case, 1, Pool(data.corpus), Random(0))
    (planted,) = attacked.planted
    assert planted.content.text.startswith(case.targets[0])
    assert "heapq.nlargest" not in planted.content.text


def test_the_sample_is_in_order_without_repetition_and_follows_the_seed(asked: list[Question]) -> None:
    few = sample(asked, 5, seed=1)
    assert few == [question for question in asked if question in few]
    assert len(few) == 5
    assert few == sample(asked, 5, seed=1) != sample(asked, 5, seed=2)
    assert sample(asked, 10_000, seed=1) == asked


@pytest.mark.parametrize(
    ("kept", "share"),
    [(("p1", "gold", "p0"), 1.0), (("p1", "gold"), 0.5), (("gold",), 0.0), ((), 0.0), (("p1", "p1"), 0.5)],
)
def test_the_share_of_planted_passages_is_taken_of_all_that_were_planted(kept: tuple[str, ...], share: float) -> None:
    planted = tuple(Document(f"p{i}", Content("x"), planted="poison") for i in range(2))
    case = Case("c", Content("q"), relevance={"gold": 1})
    steps = (Step("retrieve", tuple(Seen(id, Content("x")) for id in kept)),)
    seen = Observed(case, Variant("poison", 2), Attacked(Content("q"), planted=planted), Trace(steps))
    assert PlantedRecall().score(seen) == {
        "planted_recall [retrieve]": Scored(share),
        "planted_recall [context]": Scored(share),
    }
    clean = Observed(case, CLEAN, Attacked(Content("q")), Trace(steps))
    assert all(isinstance(one, Unscored) for one in PlantedRecall().score(clean).values())


class Counting(FakeEmbedder):
    """Remembers what it was asked for."""

    def embed(self, contents, role="passage"):  # type: ignore[no-untyped-def]
        self.seen = [*getattr(self, "seen", []), *((role, content.text) for content in contents)]
        return super().embed(contents, role)


def test_an_embedder_that_remembers_gives_the_same_vectors_and_asks_once() -> None:
    inner = Counting()
    remembered = Remembered(inner)
    texts = [Content("a bus"), Content("a tram"), Content("a bus")]
    first, again = remembered.embed(texts), remembered.embed(texts[1:])
    assert inner.seen == [("passage", "a bus"), ("passage", "a tram")]
    np.testing.assert_array_equal(first, FakeEmbedder().embed(texts))
    np.testing.assert_array_equal(again, first[1:])
    remembered.embed(texts[:1], "query")
    assert inner.seen[-1] == ("query", "a bus")
    assert remembered.embed([]).shape == (0, inner.dimensions)
    assert (remembered.name, remembered.modalities) == (inner.name, inner.modalities)


def test_every_pipeline_is_asked_the_same_under_every_variant(found: Attacks[Pipeline]) -> None:
    assert list(found.reports) == ["stock", "stock_best", "tamis"]
    assert found.cases == ASKED
    keys = [variant.key for variant in found.variants]
    assert keys[:4] == ["clean", "distractors@2", "distractors@5", "distractors@10"]
    assert {"poison@1", "poison@5~control", "contradiction@1", "injection@1~control"} <= set(keys)
    for report in found.reports.values():
        assert report.counts.failed == 0
        assert report.counts.records == ASKED * len(keys)
        assert report.estimate(PLANTED).mean is None
    assert found.estimate("stock", PLANTED, Variant("poison", 1)).mean == 1


def test_the_difference_is_that_of_the_same_questions(found: Attacks[Pipeline]) -> None:
    variant = Variant("poison", 5)
    mine, theirs = (found.estimate(name, PLANTED, variant).mean for name in ("tamis", "stock_best"))
    assert mine is not None
    assert theirs is not None
    assert found.difference(PLANTED, variant).mean == pytest.approx(mine - theirs)


def test_numbers_page_and_runs_are_written(folder: Path, result: DemoResult) -> None:
    written = json.loads((folder / "demo" / "demo.json").read_text("utf-8"))
    assert written == json.loads(json.dumps(result.to_dict()))
    assert written["attacks"]["questions"] == ASKED
    row = written["attacks"]["variants"]["poison@1"]
    assert row["stock"]["planted_recall"]["mean"] == 1
    assert set(row["tamis_minus_stock_best"]["gold_recall"]) == {"mean", "low", "high", "n", "p", "verdict"}
    assert sorted(path.name for path in (folder / "demo").iterdir()) == [
        "demo.json",
        "report.html",
        "stock",
        "stock_best",
        "tamis",
    ]
    assert all((folder / "demo" / name / "report.html").is_file() for name in ("stock", "stock_best", "tamis"))


class _Page(HTMLParser):
    """The links and ids of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids |= {value for name, value in given.items() if name == "id" and value}
        self.links += [value for name, value in given.items() if name in ("href", "src") and value]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_every_attack_and_links_only_to_what_is_there(folder: Path, found: Attacks[Pipeline]) -> None:
    shown = _Page()
    shown.feed((folder / "demo" / "report.html").read_text("utf-8"))
    for link in shown.links:
        assert link == "data:," or link.removeprefix("#") in shown.ids or (folder / "demo" / link).is_file(), link
    for variant in found.variants:
        assert variant.attack in shown.text
    assert "AdaptiveTopK" in shown.text
    assert "tamis − stock_best" in shown.text


def test_the_same_numbers_give_the_same_page(folder: Path, found: Attacks[Pipeline]) -> None:
    assert page(found) == (folder / "demo" / "report.html").read_text("utf-8")


def test_the_steps_let_through_less_and_less(found: Attacks[Pipeline]) -> None:
    left = through(found)
    assert left.steps[0] == "retrieve"
    assert left.steps[-1] == "EdgesOrder"
    for variant, estimates in left.rows:
        means = [one.mean for one in estimates if one.mean is not None]
        assert means == sorted(means, reverse=True), variant.key
        assert means[-1] == found.estimate("tamis", PLANTED, variant).mean


def test_the_terminal_shows_every_attack_in_eighty_columns(result: DemoResult, found: Attacks[Pipeline]) -> None:
    screen = io.StringIO()
    print_report(result, Console(file=screen, width=80))
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    (row,) = [line for line in lines if line.startswith("poison 5 ")]
    numbers = [float(number) for number in re.findall(r"[-+]?\d\.\d\d", row)]
    assert len(numbers) == 9
    assert numbers[2] == pytest.approx(found.estimate("tamis", PLANTED, Variant("poison", 5)).mean, abs=0.005)
    folded = " ".join(screen.getvalue().split())
    assert all(sentence in folded for sentence in attack_sentences(found))


def test_the_sentences_follow_the_verdicts(found: Attacks[Pipeline]) -> None:
    def said(verdict: str, price: tuple[float, float, float]) -> list[str]:
        mean, low, high = price
        differences = tuple(
            replace(one, mean=mean, low=low, high=high)
            if one.variant == "clean"
            else replace(one, verdict=verdict if one.figure in (PLANTED, GOLD) else one.verdict)  # type: ignore[arg-type]
            for one in found.comparison.differences
        )
        return attack_sentences(replace(found, comparison=replace(found.comparison, differences=differences)))

    fewer, more, price = said("better", (-0.25, -0.4, -0.1))
    assert fewer.startswith("fewer planted passages reach the LLM with Tamis")
    assert "poison 1, poison 5, contradiction, injection" in fewer
    assert more.startswith("more answers are found with Tamis")
    assert "0.25 fewer" in price
    worse, lost, price = said("worse", (0.1, -0.1, 0.3))
    assert worse.startswith("more planted passages")
    assert lost.startswith("fewer answers")
    assert "as far as these questions can show" in price


def test_a_store_that_is_opened_again_at_once_has_its_words(
    corpus: list[Passage], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(tmp_path / "store", FakeEmbedder(), create=True) as store:
        filled(store, nodes_of(corpus[:20]), lambda what, done, of: None)
        with Store.open(tmp_path / "store") as again:
            assert again.retriever().retrieve(corpus[0].text)
    assert caplog.records == []


def test_without_attacks_only_numbers_are_written(folder: Path, result: DemoResult, tmp_path: Path) -> None:
    again = run_demo(
        folder / "store",
        tmp_path / "numbers.json",
        progress=False,
        attacks=0,
        embedder=FakeEmbedder(),
        modules=MODULES,
    )
    assert again.attacks is None
    assert json.loads((tmp_path / "numbers.json").read_text("utf-8"))["attacks"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["numbers.json"]
    assert again.pipelines["tamis"]["context_f1"] == result.pipelines["tamis"]["context_f1"]


def test_a_run_takes_the_place_of_an_earlier_one_only_when_it_is_whole(tmp_path: Path, folder: Path) -> None:
    place = Output.at(tmp_path / "demo")
    with place.replaced() as unfinished:
        fill(unfinished, "first", folder)
    place.check(attacks=True)
    with pytest.raises(FileNotFoundError), place.replaced() as unfinished:
        fill(unfinished / "nowhere", "second", folder)
    assert place.report.read_text() == "first"
    with place.replaced() as unfinished:
        fill(unfinished, "third", folder)
    assert place.report.read_text() == "third"
    assert sorted(path.name for path in place.folder.iterdir()) == ["report.html", "stock", "stock_best", "tamis"]


def fill(unfinished: Path, text: str, folder: Path) -> None:
    for name in ("stock", "stock_best", "tamis"):
        (unfinished / name).mkdir()
        (unfinished / name / "run.json").write_bytes((folder / "demo" / name / "run.json").read_bytes())
    (unfinished / "report.html").write_text(text)


def test_a_folder_of_somebody_elses_is_not_touched(tmp_path: Path) -> None:
    mine = tmp_path / "demo" / "tamis" / "diary.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("Dear diary")
    with pytest.raises(BadInput, match="--output"):
        run_demo(tmp_path / "store", tmp_path / "demo", progress=False)
    assert mine.read_text() == "Dear diary"
    assert not (tmp_path / "store").exists()
