"""A judge's own errors correct what it counted: read before anything runs, kept in the plan, shown beside the rate."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.eval import Case, Passage, Run, Step, Suite, Trace, corrected_rates, evaluate
from tamis.eval.judges import Correction, JudgeCheck, Pair, check_judge
from tamis.eval.report import Estimate, read, write
from tamis.eval.report.report import FigureInfo, Report
from tamis.eval.stats import Detector, Interval, prediction_powered_rate, rogan_gladen_of
from tamis.models.judges import JUDGES

GOOD = Detector(true_positives=40, positives=50, true_negatives=45, negatives=50)
SHARE = FigureInfo(is_rate=False, higher_is_better=True, judge="agreement&coverage", counts="supported")
RATE = FigureInfo(is_rate=True, higher_is_better=False)


def check_of(judge: str = "agreed", detector: Detector | None = GOOD) -> JudgeCheck:
    """A check of this judge, whose counts the test says."""
    evidence = (Content("The bus is red. It has 3 doors and 20 seats."),)
    pairs = [Pair("1", "The bus has 3 doors.", evidence, True, "1"), Pair("2", "It has 9 doors.", evidence, False, "1")]
    return replace(check_judge(JUDGES.build(judge), pairs), detector=detector)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    check_of().write(tmp_path / "check.json")
    return tmp_path / "check.json"


def answer(question: str) -> str:
    """Two sentences; the second of every third house is wrong."""
    number = int(question.split()[1])
    rooms = 9 if number % 3 else 99
    return f"House {number} was built in 19{number:02}. House {number} has {rooms} rooms."


class Answering:
    """Answers from one passage of its own."""

    name = "answering"
    takes = frozenset({"text"})

    async def run(self, request: Any) -> Trace:
        number = int(request.query.text.split()[1])
        text = f"House {number} was built in 19{number:02}. House {number} has 9 rooms."
        passage = Passage(f"d{number}", Content(text))
        return Trace(steps=(Step("retrieve", (passage,)),), answer=Content(answer(request.query.text)))

    async def close(self) -> None:
        """Holds nothing."""


@pytest.fixture
def ran(tmp_path: Path) -> Callable[..., Run]:
    """``ran(suite, ...)``: a run of 24 questions."""
    cases = [Case(f"q{n}", Content(f"house {n}")) for n in range(10, 34)]

    def run(suite: Any, **settings: Any) -> Run:
        return evaluate(Answering(), cases, suite, out=tmp_path / "run", **settings)

    return run


def suite_of(corrections: Mapping[str, Any], *metrics: str) -> Suite:
    return Suite.of(
        {"name": "s", "metrics": list(metrics or ("faithfulness", "hallucinated")), "corrections": corrections}
    )


def test_the_corrected_rate_stands_beside_the_raw_one(ran: Callable[..., Run], file: Path) -> None:
    done = ran(suite_of({"faithfulness": str(file)}))
    raw = done.report.estimate("faithfulness")
    assert raw.mean is not None
    assert raw.mean < 1
    [one] = done.report.corrections
    assert (one.figure, one.variant, one.raw, one.raw_low, one.raw_high, one.n) == (
        "faithfulness",
        "clean",
        raw.mean,
        raw.low,
        raw.high,
        24,
    )
    assert one.mean == pytest.approx(min(1, (raw.mean + 0.9 - 1) / (0.8 + 0.9 - 1)))
    assert (one.judge, one.method, one.check) == ("agreement&coverage", "rogan-gladen", "check.json")
    assert (one.sensitivity, one.specificity, one.labelled) == (0.8, 0.9, 100)
    assert json.loads((done.folder / "report.json").read_text())["corrections"][0]["mean"] == one.mean
    assert read(done.folder) == done.report
    summary, page = (done.folder / "summary.md").read_text(), (done.folder / "report.html").read_text()
    for shown in (summary, page):
        assert "Corrected for" in shown
        assert "check.json" in shown
        assert "agreement&amp;coverage" in shown or "agreement&coverage" in shown
    assert f"{one.mean:.4g} (" in summary


def test_without_a_correction_nothing_is_said_of_one(ran: Callable[..., Run]) -> None:
    done = ran(suite_of({}))
    assert done.report.corrections == ()
    assert "corrections" not in json.loads((done.folder / "run.json").read_text())["suite"]
    assert "Corrected for" not in (done.folder / "summary.md").read_text() + (done.folder / "report.html").read_text()


def test_the_report_is_the_same_after_the_check_has_gone_and_another_check_is_another_run(
    ran: Callable[..., Run], file: Path
) -> None:
    done = ran(suite_of({"faithfulness": str(file)}))
    before = {path.name: path.read_bytes() for path in done.folder.glob("report.*")}
    file.unlink()
    assert write(done.folder) == done.report
    assert {path.name: path.read_bytes() for path in done.folder.glob("report.*")} == before
    check_of(detector=Detector(41, 50, 45, 50)).write(file)
    with pytest.raises(BadInput, match=r"holds another run: suite\.corrections\[0\]\.detector\.true_positives is 40"):
        ran(suite_of({"faithfulness": str(file)}), resume=True)
    check_of().write(file)
    assert ran(suite_of({"faithfulness": str(file)}), resume=True).report == done.report


def test_a_report_can_be_corrected_afterwards_and_its_plan_stays(ran: Callable[..., Run], file: Path) -> None:
    done = ran(suite_of({}))
    report = write(done.folder, corrections={"faithfulness": {"check": file, "method": "prediction-powered"}})
    assert [one.method for one in report.corrections] == ["prediction-powered"]
    assert list(report.corrections) == corrected_rates(
        done.report, {"faithfulness": {"check": file, "method": "prediction-powered"}}
    )
    assert write(done.folder) == done.report
    with pytest.raises(BadInput, match='the run does not measure "answer_f1"; it measures: faithfulness, hallucinated'):
        write(done.folder, corrections={"answer_f1": file})


def test_a_suites_file_names_a_check_beside_it(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = 'name = "s"\nmetrics = ["faithfulness"]\ncorrections = {faithfulness = "check.json"}\n'
    (tmp_path / "s.toml").write_text(suite)
    monkeypatch.chdir("/")
    [one] = Suite.of(tmp_path / "s.toml").corrections.values()
    assert (one.check, one.detector) == ("check.json", GOOD)
    (tmp_path / "s.toml").write_text(
        suite.replace('"check.json"', '{check = "check.json", method = "prediction-powered"}')
    )
    assert Suite.of(tmp_path / "s.toml").corrections["faithfulness"].method == "prediction-powered"


def test_a_suite_in_python_takes_checks_too(file: Path) -> None:
    suite = suite_of({"faithfulness": check_of()})
    assert suite.corrections["faithfulness"].detector == GOOD
    # Another setting is changed on a copy: what was read stays read.
    assert replace(suite, deadline_s=1.0).corrections == suite.corrections
    assert (
        suite.to_json()["corrections"][0]["sha256"]
        == suite_of({"faithfulness": file}).to_json()["corrections"][0]["sha256"]
    )


@pytest.mark.parametrize(
    ("corrections", "said"),
    [
        ({"faithfulness": "no.json"}, r"corrections\.faithfulness: no\.json: .* cannot be read"),
        ({"faithfulness": ""}, r"corrections\.faithfulness: .* names the file .*, not ''"),
        ({"faithfulness": 7}, r"corrections\.faithfulness: .* names the file .*, not 7"),
        ({"faithfulness": {"file": "x"}}, r'no key "file"; known: check, method, counts'),
        ({"faithfulness": {"check": "no.json", "method": "ppi"}}, "method is 'ppi'; it must be rogan-gladen or"),
        ({"faithfulness": {"check": "no.json", "counts": "all"}}, "counts is 'all'; it must be supported or"),
        ({"faithfulnes": "no.json"}, 'does not measure "faithfulnes"; did you mean "faithfulness"'),
        ({"hallucinated": "no.json"}, r'corrections\.hallucinated: "hallucinated" is no share of claims.*say counts ='),
        (["faithfulness"], "corrections: must be a table"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(corrections: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        suite_of(corrections)


def test_one_judges_errors_do_not_correct_anothers_rates(tmp_path: Path) -> None:
    check_of("facts").write(tmp_path / "facts.json")
    with pytest.raises(BadInput, match=r'by the judge "agreement&coverage", and facts\.json is the check of "facts"'):
        suite_of({"faithfulness": tmp_path / "facts.json"})
    assert suite_of({"key_facts_recall": tmp_path / "facts.json"}, "key_facts_recall").corrections
    check_of(detector=None).write(tmp_path / "none.json")
    with pytest.raises(BadInput, match=r"none\.json: .* no verdicts on claims of both kinds, so it corrects nothing"):
        suite_of({"faithfulness": tmp_path / "none.json"})


def test_a_rate_of_answers_is_corrected_where_somebody_says_what_it_counts(file: Path) -> None:
    correction = Correction.read("hallucinated", {"check": file, "counts": "unsupported"}, RATE)
    assert correction.detector == Detector(45, 50, 40, 50)
    assert Correction.of(json.loads(json.dumps(correction.to_json()))) == correction
    with pytest.raises(BadInput, match='"answer_f1" is no rate of yes and no'):
        Correction.read("answer_f1", {"check": file, "counts": "supported"}, FigureInfo(False, True))
    with pytest.raises(BadInput, match="not complete"):
        Correction.of({"figure": "faithfulness"})


def test_a_judge_that_says_nothing_corrects_nothing_and_says_so(ran: Callable[..., Run], tmp_path: Path) -> None:
    check_of(detector=Detector(25, 50, 25, 50)).write(tmp_path / "check.json")
    done = ran(suite_of({"faithfulness": tmp_path / "check.json"}))
    [one] = done.report.corrections
    assert (one.mean, one.low, one.high) == (None, None, None)
    assert one.reason.startswith("the judge says nothing")
    assert one.reason in (done.folder / "summary.md").read_text()
    assert one.reason in (done.folder / "report.html").read_text()
    assert isinstance(Report.of(json.loads((done.folder / "report.json").read_text())), Report)


def test_both_methods_are_those_of_the_statistics(file: Path) -> None:
    raw = Interval(0.7, 0.6, 0.8, 50)
    assert rogan_gladen_of(raw, GOOD) != prediction_powered_rate(raw, GOOD)
    for method, found in (
        ("rogan-gladen", rogan_gladen_of(raw, GOOD, seed=3)),
        ("prediction-powered", prediction_powered_rate(raw, GOOD, seed=3)),
    ):
        correction = Correction.read("faithfulness", {"check": file, "method": method}, SHARE)
        made = correction.corrected(Estimate("faithfulness", "clean", 50, 0, 0, 0.7, 0.6, 0.8), confidence=0.95, seed=3)
        assert made is not None
        assert found is not None
        assert (made.mean, made.low, made.high) == found[:3]
