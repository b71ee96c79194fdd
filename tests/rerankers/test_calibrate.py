"""Calibrator: recovers known curves, agrees with scikit-learn, keeps order, survives files, refuses bad data."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.core.errors import BadInput, BadSetting, NotFitted
from tamis.rerankers import Calibrator
from tamis.rerankers.calibrate import Line, Method
from tamis.rerankers.probability import brier_score, calibration_error, sigmoid

METHODS: list[Method] = ["platt", "temperature", "isotonic"]


def pairs(slope: float, intercept: float, n: int = 6000) -> tuple[list[float], list[bool]]:
    """Log-odds whose true probability is the sigmoid of a line through them."""
    random = np.random.default_rng(11)
    log_odds = random.normal(0, 3, n)
    labels = random.random(n) < 1 / (1 + np.exp(-(slope * log_odds + intercept)))
    return log_odds.tolist(), labels.tolist()


OVERCONFIDENT = pairs(0.4, 0.0)
SHIFTED = pairs(0.5, -2.0)


def fitted(method: Method, data: tuple[list[float], list[bool]] = OVERCONFIDENT) -> Calibrator:
    return Calibrator(method).fit(*data)


@pytest.mark.parametrize("method", ["platt", "temperature"])
def test_recovers_the_line_it_was_drawn_from(method: Method) -> None:
    data, intercept = (SHIFTED, -2.0) if method == "platt" else (OVERCONFIDENT, 0.0)
    slope = 0.5 if method == "platt" else 0.4
    for log_odds in (-4.0, 0.0, 4.0):
        expected = sigmoid(slope * log_odds + intercept)
        assert fitted(method, data).probability(log_odds) == pytest.approx(expected, abs=0.03)


def test_platt_finds_the_line_that_scipy_finds() -> None:
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    scores, labels = (np.array(one, dtype=float) for one in pairs(0.5, -1.0, n=200))
    targets = np.where(labels == 1, (labels.sum() + 1) / (labels.sum() + 2), 1 / (len(labels) - labels.sum() + 2))

    def loss(line: Any) -> float:
        margin = line[0] * scores + line[1]
        return float(np.sum(np.logaddexp(0, margin) - targets * margin))

    slope, intercept = minimize(loss, [1.0, 0.0]).x
    found = Calibrator("platt").fit(scores.tolist(), labels.astype(bool).tolist())
    for log_odds in (-3.0, 0.0, 3.0):
        assert found.probability(log_odds) == pytest.approx(sigmoid(slope * log_odds + intercept), abs=1e-4)


def test_isotonic_agrees_with_scikit_learn_inside_its_edges() -> None:
    from sklearn.isotonic import IsotonicRegression  # type: ignore[import-untyped]

    scores, labels = OVERCONFIDENT
    reference = IsotonicRegression(out_of_bounds="clip").fit(scores, labels)
    at = np.linspace(-12, 12, 101)
    edge = 1 / (len(scores) + 2)
    expected = np.clip(reference.predict(at), edge, 1 - edge)
    assert fitted("isotonic").probabilities(at.tolist()) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_calibration_makes_overconfident_scores_better(method: Method) -> None:
    report = fitted(method).report
    assert report is not None
    assert (report.n_pairs, report.n_relevant) == (6000, sum(OVERCONFIDENT[1]))
    assert report.ece_after is not None
    assert report.brier_after is not None
    assert report.ece_after < report.ece_before / 3
    assert report.brier_after < report.brier_before
    assert report.ece_before == calibration_error([sigmoid(one) for one in OVERCONFIDENT[0]], OVERCONFIDENT[1])


def test_after_is_measured_on_pairs_that_were_not_fitted_on() -> None:
    # Labels that have nothing to do with the scores, but for the few that tie them together: isotonic regression fits
    # the noise, and only held-out pairs show it.
    random = np.random.default_rng(2)
    scores = np.sort(random.normal(0, 1, 60))
    labels = random.random(60) < 1 / (1 + np.exp(-scores))
    calibrator = Calibrator("isotonic").fit(scores.tolist(), labels.tolist())
    assert calibrator.report is not None
    assert calibrator.report.brier_after is not None
    on_its_own_pairs = brier_score(calibrator.probabilities(scores.tolist()), labels.tolist())
    assert calibrator.report.brier_after > on_its_own_pairs + 0.01


def test_where_a_part_of_the_pairs_cannot_be_fitted_after_is_not_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # The one good pair of a high score decides: with it held out, the other good ones lie below the bad ones.
    scores = [30.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    calibrator = Calibrator("platt").fit(scores, [True] * 5 + [False] * 5)
    assert calibrator.probability(30.0) > calibrator.probability(0.0)
    report = calibrator.report
    assert report is not None
    assert (report.ece_after, report.brier_after) == (None, None)
    assert report.brier_before > 0
    assert "how well it holds is not known" in caplog.text
    calibrator.save(tmp_path / "c.json")
    assert Calibrator.load(tmp_path / "c.json") == calibrator


@pytest.mark.parametrize("method", ["platt", "temperature"])
@pytest.mark.parametrize("size", [1e308, 1e-320])
def test_log_odds_at_the_ends_of_all_numbers_have_probabilities(method: Method, size: float) -> None:
    calibrator = Calibrator(method).fit([size, -size] * 10, [True, False] * 10)
    found = calibrator.probabilities([-1e308, -size, 0.0, size, 1e308])
    assert found == sorted(found)
    assert all(0 <= one <= 1 for one in found)


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None)
@given(scores=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8))
def test_never_turns_an_order_round_and_stays_a_probability(method: Method, scores: list[float]) -> None:
    found = CALIBRATORS[method].probabilities(sorted(scores))
    assert found == sorted(found)
    assert all(0 <= one <= 1 for one in found)


CALIBRATORS = {method: fitted(method) for method in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_separable_data_give_finite_curves_away_from_certainty(method: Method) -> None:
    scores = [*np.linspace(-3, -1, 20), *np.linspace(1, 3, 20)]
    calibrator = Calibrator(method).fit(scores, [False] * 20 + [True] * 20)
    assert 0.9 < calibrator.probability(3.0) < 1
    assert 0 < calibrator.probability(-3.0) < 0.1


@pytest.mark.parametrize("method", METHODS)
def test_saved_and_loaded_it_is_the_same(method: Method, tmp_path: Path) -> None:
    calibrator = Calibrator(method, scorer="fake").fit(*OVERCONFIDENT)
    calibrator.save(tmp_path / "calibrator.json")
    assert Calibrator.load(tmp_path / "calibrator.json") == calibrator
    assert Calibrator.from_dict(json.loads(json.dumps(calibrator.to_dict()))) == calibrator
    assert [path.name for path in tmp_path.iterdir()] == ["calibrator.json"]


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "calibrator.json"
    fitted("platt").save(path)
    before = path.read_text()
    broken = Calibrator("platt", curve=Line(math.nan, 0.0))
    with pytest.raises(ValueError, match="nan"):
        broken.save(path)
    assert path.read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["calibrator.json"]


def test_using_a_saved_calibrator_loads_no_scikit_learn(tmp_path: Path) -> None:
    fitted("isotonic").save(tmp_path / "c.json")
    code = (
        "import sys; from tamis.rerankers.calibrate import Calibrator; "
        "print(Calibrator.load(sys.argv[1]).probability(0.5)); sys.exit('sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "c.json")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == fitted("isotonic").probability(0.5)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not JSON",
        "[1]",
        "{}",
        '{"format": "tamis-calibrator", "version": 2}',
        '{"format": "tamis-calibrator", "version": 1}',
        '{"format": "tamis-calibrator", "version": 1, "method": "magic", "parameters": {"slope": 1}}',
        '{"format": "tamis-calibrator", "version": 1, "method": "platt", "parameters": {"slope": -1, "intercept": 0}}',
        '{"format": "tamis-calibrator", "version": 1, "method": "platt", "parameters": {"slope": NaN}}',
        '{"format": "tamis-calibrator", "version": 1, "method": "platt", "parameters": 5}',
        '{"format": "tamis-calibrator", "version": 1, "method": "isotonic", "parameters": '
        '{"log_odds": [0, 1], "probabilities": [0.9, 0.1]}}',
        '{"format": "tamis-calibrator", "version": 1, "method": "isotonic", "parameters": '
        '{"log_odds": [], "probabilities": []}}',
        '{"format": "tamis-calibrator", "version": 1, "method": "isotonic", "parameters": '
        '{"log_odds": [0], "probabilities": [7]}}',
    ],
)
def test_loading_what_is_no_calibrator_names_the_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=r"other\.json"):
        Calibrator.load(path)


def test_loading_what_is_not_there_or_no_text_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"missing\.json"):
        Calibrator.load(tmp_path / "missing.json")
    with pytest.raises(BadInput, match="cannot be read"):
        Calibrator.load(tmp_path)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match=r"binary\.json"):
        Calibrator.load(tmp_path / "binary.json")


@pytest.mark.parametrize(
    ("log_odds", "labels", "message"),
    [
        ([1.0, 2.0], [True], "2 log-odds for 1 labels"),
        ([], [], "0 relevant and 0 irrelevant"),
        ([1.0] * 20, [True] * 20, "20 relevant and 0 irrelevant"),
        ([1.0] * 20, [True] * 4 + [False] * 16, "4 relevant and 16 irrelevant"),
        ([math.nan] * 20, [True, False] * 10, "nan"),
        ([math.inf] * 20, [True, False] * 10, "inf"),
        ([None] * 20, [True, False] * 10, "nan|numbers"),
        (["a"] * 20, [True, False] * 10, "numbers"),
        ([1.0] * 20, [0.5, 1] * 10, r"0\.5 is neither"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_data_that_cannot_be_fitted_are_refused(method: Method, log_odds: Any, labels: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Calibrator(method).fit(log_odds, labels)


@pytest.mark.parametrize("method", METHODS)
def test_scores_that_say_the_opposite_are_refused(method: Method) -> None:
    scores, labels = OVERCONFIDENT
    with pytest.raises(BadInput, match="are the labels swapped"):
        Calibrator(method).fit(scores, [not label for label in labels])


def test_unfitted_it_neither_works_nor_saves(tmp_path: Path) -> None:
    for use in (lambda: Calibrator().probability(0.0), lambda: Calibrator().save(tmp_path / "c.json")):
        with pytest.raises(NotFitted, match="fit"):
            use()
    assert list(tmp_path.iterdir()) == []


def test_log_odds_that_are_not_finite_are_refused() -> None:
    with pytest.raises(BadInput, match="nan"):
        fitted("platt").probability(math.nan)


def test_unknown_method_is_refused_with_those_that_exist() -> None:
    with pytest.raises(BadSetting, match='"magic"; known: platt, temperature, isotonic'):
        Calibrator("magic")  # type: ignore[arg-type]


def test_calibration_error_by_hand() -> None:
    # Two bins of two: means 0.2 and 0.9, shares 0.5 and 1.0, so 0.3 / 2 + 0.1 / 2.
    found = calibration_error([0.1, 0.3, 0.8, 1.0], [False, True, True, True], bins=2)
    assert found == pytest.approx(0.2)


def test_calibration_error_does_not_depend_on_the_order_of_ties() -> None:
    labels = [True] * 5 + [False] * 5
    assert calibration_error([0.5] * 10, labels) == calibration_error([0.5] * 10, labels[::-1]) == 0
