"""The page of trust: six dimensions with intervals, what was not measured, one file that leads nowhere."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.eval import evaluate
from tamis.eval.attacks import attack_of
from tamis.eval.case import Case, Document
from tamis.eval.metrics import metric_of
from tamis.eval.report import read, read_timings
from tamis.eval.report.trust import Trust, read_trust, trust_of, write_trust
from tamis.eval.run.data import Cases
from tamis.eval.run.journal import records
from tamis.eval.suite import Suite, Trial

from .cases import real_cases, small_suite
from .conftest import WORDS
from .engines import HONEST, Engine

HOSTILE = '<script>alert(1)</script> \u202e [x](http://evil.example) "onload='


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run on real questions by an engine whose name is hostile."""
    data = Path(__file__).resolve().parents[4] / "shared" / "data"
    if not data.is_dir():
        pytest.skip("no published data sets here")
    engine = Engine(HOSTILE, HONEST.answer)
    return evaluate(engine, real_cases(data, each=6), small_suite(WORDS), workers=4).folder


def written(folder: Path) -> Trust:
    found = write_trust(folder, read(folder), timings=read_timings(folder))
    assert found is not None
    return found


def test_the_page_has_every_dimension_and_every_gap(folder: Path) -> None:
    trust = written(folder)
    text = (folder / "trust.html").read_text("utf-8")
    for one in trust.dimensions:
        assert one.is_measured, one.reason
        assert one.asks in text
    for line in trust.impact:
        assert line.name in text
    assert trust.not_measured == (
        "cultural values and sensitive content", "unequal performance", "financial cost", "environmental cost",
        "moderation labour",
    )  # fmt: skip
    assert text.count("not measured</span>") == 5
    assert "Not measured: no answer came with a confidence" in text


def test_the_page_is_one_safe_file(folder: Path) -> None:
    written(folder)
    text = (folder / "trust.html").read_text("utf-8")
    tags: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs)))

    Reader().feed(text)
    assert "script" not in {tag for tag, _ in tags}
    links = {found[name] or "" for _, found in tags for name in ("href", "src") if name in found}
    assert all(link.startswith(("#", "data:")) or link == "report.html" for link in links)
    assert "\u202e" not in text
    assert "&lt;script&gt;" in text
    ids = [found["id"] for _, found in tags if "id" in found]
    assert len(set(ids)) == len(ids)
    assert re.search(r"style-src 'sha256-[^']+'", text)


def test_the_numbers_are_strict_json_and_the_same_for_any_number_of_workers(folder: Path, tmp_path: Path) -> None:
    trust = written(folder)
    text = (folder / "trust.json").read_text("utf-8")
    found = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert read_trust(folder) == found
    assert next(iter(found)) == "schema"
    assert [one["name"] for one in found["dimensions"]] == [one.name for one in trust.dimensions]
    assert found["dimensions"][0]["both"]["n"] == sum(
        count for pairing, count in trust.dimensions[0].counts.items() if pairing != "not judged"
    )
    assert "timed" not in found
    data = Path(__file__).resolve().parents[4] / "shared" / "data"
    again = evaluate(Engine(HOSTILE, HONEST.answer), real_cases(data, each=6), small_suite(WORDS), workers=1)
    written(again.folder)
    assert (again.folder / "trust.json").read_bytes() == (folder / "trust.json").read_bytes()


def test_a_run_that_measures_no_dimension_gets_no_page(folder: Path, tmp_path: Path) -> None:
    report = read(folder)
    bare = replace(
        report,
        variants=report.variants[:1],
        figures={"answer_f1": report.figures["answer_f1"]},
        estimates=tuple(one for one in report.estimates if (one.figure, one.variant) == ("answer_f1", "clean")),
    )
    found = trust_of(bare, [])
    assert not found.is_measured
    assert [one.reason for one in found.dimensions][:2] == [
        "the suite tries none of contradiction, poison",
        "the suite tries none of distractors, distractors-dense, distractors-random, typos",
    ]
    run = evaluate(HONEST, [Case("c", Content("q"))], Suite("quality", (metric_of("answer_f1"),)), out=tmp_path / "run")
    assert write_trust(run.folder, run.report) is None
    assert not (run.folder / "trust.html").exists()
    with pytest.raises(BadInput, match="cannot be read"):
        read_trust(run.folder)


def test_records_may_come_in_any_order(folder: Path) -> None:
    report, kept = read(folder), list(records(folder))
    assert trust_of(report, kept).to_json() == trust_of(report, kept[::-1]).to_json()


def test_the_two_pages_lead_to_each_other(folder: Path, tmp_path: Path) -> None:
    assert 'href="report.html"' in (folder / "trust.html").read_text("utf-8")
    assert '<a href="trust.html">Trust</a>' in (folder / "report.html").read_text("utf-8")
    alone = evaluate(HONEST, [Case("c", Content("q"))], Suite("quality", (metric_of("answer_f1"),)), out=tmp_path / "a")
    assert "trust.html" not in (alone.folder / "report.html").read_text("utf-8")


def test_a_run_on_conflict_has_its_table_and_says_that_no_dimension_was_measured(tmp_path: Path) -> None:
    passages = (Document("d", Content("The mill of Oakford was built in 1874.")), Document("o", Content("It rains.")))
    cases = [
        Case(f"c{n}", Content("When was the mill built?"), passages[:1], {"d": 1}, answers=("1874",)) for n in range(3)
    ]
    run = evaluate(HONEST, Cases(cases, passages), "conflict", out=tmp_path / "run")
    trust = trust_of(run.report, records(run.folder))
    assert trust.is_measured
    assert not any(one.is_measured for one in trust.dimensions)
    assert list(trust.not_measured).count("privacy") == 1
    text = (run.folder / "trust.html").read_text("utf-8")
    assert "Knowledge conflict" in text
    assert text.count("<b>Not measured</b>") == 6
    assert "trust.html" in (run.folder / "report.html").read_text("utf-8")


def test_flips_measure_unequal_performance_only_where_groups_were_swapped(folder: Path, tmp_path: Path) -> None:
    report = read(folder)
    assert any(one.figure == "flips" and one.scored for one in report.estimates)
    line = {one.name: one for one in trust_of(report, []).impact}["unequal performance"]
    assert "flips" not in line.by
    suite = replace(Suite.of("trust"), attacks=(Trial(attack_of("group-swap"), (1.0,), control=False),))
    for question, by in (("Did the king pay?", ("flips",)), ("Did it rain?", ())):
        engine = Engine("e", lambda question, texts: "It did.")
        run = evaluate(engine, [Case("c", Content(question))], suite, out=tmp_path / f"run{len(by)}")
        found = trust_of(run.report, records(run.folder))
        assert {one.name: one for one in found.impact}["unequal performance"].by == by
        assert ("unequal performance" in found.not_measured) is (not by)
