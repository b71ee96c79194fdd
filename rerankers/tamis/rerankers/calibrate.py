"""Calibrator: from a scorer's log-odds to probabilities that come true as often as they say."""

import logging
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from tamis.core.errors import BadInput, BadSetting, MissingExtra, NotFitted

from .probability import Vector, brier_score, calibration_error, sigmoid
from .saved import read_saved, write_saved

logger = logging.getLogger(__name__)

Method = Literal["platt", "temperature", "isotonic"]

KIND = "calibrator"
FOLDS = 5
FEWEST_OF_A_CLASS = FOLDS


@dataclass(frozen=True)
class CalibrationReport:
    """How well probabilities hold before and after calibration; all four numbers in [0, 1], lower is better.

    "Before" is the plain sigmoid of the log-odds. "After" is measured on pairs that the calibrator measured had not
    been fitted on (5-fold cross-fitting); the calibrator itself is fitted on all ``n_pairs``. It is None, not known,
    where a part of few noisy pairs cannot be fitted though all together can. ``ece`` is the expected calibration error
    over ten equal-mass bins, ``brier`` the mean squared error.
    """

    n_pairs: int
    n_relevant: int
    ece_before: float
    ece_after: float | None
    brier_before: float
    brier_after: float | None


class Line(NamedTuple):
    """Calibrated log-odds as a line: ``slope * log_odds + intercept``, slope above 0."""

    slope: float
    intercept: float

    def probability(self, log_odds: float) -> float:
        """P(relevant), in [0, 1]."""
        return sigmoid(float(self.slope) * float(log_odds) + self.intercept)


class Steps(NamedTuple):
    """Probabilities at knots, linear in between and constant outside."""

    log_odds: tuple[float, ...]
    probabilities: tuple[float, ...]

    def probability(self, log_odds: float) -> float:
        """P(relevant), in (0, 1)."""
        return float(np.interp(log_odds, self.log_odds, self.probabilities))


@dataclass(frozen=True)
class Calibrator:
    """Maps log-odds of "relevant" to P(relevant), never turning the order of two passages round.

    ``method``: "platt" fits slope and intercept of a line through the log-odds (Platt 1999, with his smoothed targets,
    so that separable data give no infinite slope), "temperature" the slope alone (Guo et al. 2017), "isotonic" any
    ascending steps (Zadrozny and Elkan 2002; wants hundreds of pairs), kept away from 0 and 1 by 1 / (n + 2).
    ``scorer`` names the scorer whose log-odds it is fitted on: a Reranker refuses it for another one.

    ``fit`` returns a fitted copy, with a ``report``. Fitting needs scikit-learn (extra "local"), using it does not.

    >>> Calibrator.from_dict({"method": "temperature", "parameters": {"slope": 0.5}}).probability(0.0)
    0.5
    """

    method: Method = "platt"
    scorer: str | None = None
    curve: Line | Steps | None = None
    report: CalibrationReport | None = None

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise BadSetting(f'no calibration method is called "{self.method}"; known: {", ".join(get_args(Method))}')
        if self.scorer is not None and not isinstance(self.scorer, str):
            raise BadSetting(f"scorer is {self.scorer!r}; it must be the name of a scorer, or None")

    def fit(self, log_odds: Sequence[float], labels: Sequence[bool]) -> "Calibrator":
        """A fitted copy, from one log-odds and one label (relevant or not) for each (query, passage) pair.

        Raises BadInput when lengths differ, a number is not finite, a label is neither true nor false, there are fewer
        than five pairs of either class, or higher scores are not more often relevant. Raises MissingExtra without
        scikit-learn.
        """
        scores, relevant = checked_pairs(log_odds, labels)
        curve = fitted_curve(self.method, scores, relevant)
        before = np.array([sigmoid(score) for score in scores])
        after = cross_fitted(self.method, scores, relevant)
        report = CalibrationReport(
            n_pairs=len(scores),
            n_relevant=int(relevant.sum()),
            ece_before=calibration_error(before, relevant),
            ece_after=None if after is None else calibration_error(after, relevant),
            brier_before=brier_score(before, relevant),
            brier_after=None if after is None else brier_score(after, relevant),
        )
        return replace(self, curve=curve, report=report)

    def probability(self, log_odds: float) -> float:
        """P(relevant) for these log-odds, in [0, 1]. Raises NotFitted before ``fit``, BadInput for NaN and infinity."""
        if not math.isfinite(log_odds):
            raise BadInput(f"the log-odds are {log_odds}; a calibrator takes finite numbers")
        return self.fitted().probability(float(log_odds))

    def probabilities(self, log_odds: Sequence[float]) -> list[float]:
        """``probability`` of each, in order."""
        return [self.probability(one) for one in log_odds]

    def fitted(self) -> Line | Steps:
        """The fitted curve. Raises NotFitted before ``fit``."""
        if self.curve is None:
            raise NotFitted(
                f"the {self.method} calibrator is not fitted: call fit() with log-odds and labels and use what it "
                "returns, or load() a saved one"
            )
        return self.curve

    def to_dict(self) -> dict[str, Any]:
        """The fitted calibrator as JSON. Raises NotFitted before ``fit``."""
        curve = self.fitted()._asdict()
        if self.method == "temperature":
            curve.pop("intercept", None)
        return {
            "method": self.method,
            "scorer": self.scorer,
            "parameters": {name: list(value) if isinstance(value, tuple) else value for name, value in curve.items()},
            "report": None if self.report is None else asdict(self.report),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Calibrator":
        """What ``to_dict`` wrote. Raises BadInput for anything else."""
        try:
            method = content["method"]
            curve = curve_from(method, content["parameters"])
            report = content.get("report")
            return cls(method, content.get("scorer"), curve, None if report is None else CalibrationReport(**report))
        except BadSetting as error:
            raise BadInput(f"this is not a fitted calibrator: {error}") from error
        except KeyError as error:
            raise BadInput(f"this is not a fitted calibrator: {error} is missing") from error
        except (AttributeError, TypeError, ValueError) as error:
            raise BadInput(f"this is not a fitted calibrator: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the fitted calibrator as JSON, whole or not at all. Raises NotFitted before ``fit``."""
        write_saved(path, KIND, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Calibrator":
        """A saved calibrator. Raises BadInput, naming the file, for anything that is none."""
        content = read_saved(path, KIND)
        try:
            return cls.from_dict(content)
        except BadInput as error:
            raise BadInput(f'"{path}": {error}') from error


def curve_from(method: str, parameters: Mapping[str, Any]) -> Line | Steps:
    """A curve from its JSON form. Raises KeyError, TypeError or ValueError for anything else."""
    if method != "isotonic":
        line = Line(float(parameters["slope"]), float(parameters.get("intercept", 0.0)))
        if not (math.isfinite(line.slope) and line.slope > 0 and math.isfinite(line.intercept)):
            raise ValueError(f"the slope is {line.slope}, the intercept {line.intercept}; a slope must be above 0")
        return line
    steps = Steps(tuple(map(float, parameters["log_odds"])), tuple(map(float, parameters["probabilities"])))
    at, values = np.array(steps.log_odds), np.array(steps.probabilities)
    if len(at) == 0 or len(at) != len(values):
        raise ValueError(f"{len(at)} knots have {len(values)} probabilities")
    if not np.isfinite(at).all() or (np.diff(at) < 0).any() or (np.diff(values) < 0).any():
        raise ValueError("the knots must ascend, and so must their probabilities")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a knot's probability lies outside [0, 1]")
    return steps


def checked_pairs(log_odds: Sequence[float], labels: Sequence[bool]) -> tuple[Vector, Vector]:
    """Log-odds and labels as arrays of shape (n,), labels 0.0 or 1.0. Raises BadInput as ``Calibrator.fit`` says."""
    if len(log_odds) != len(labels):
        raise BadInput(f"{len(log_odds)} log-odds for {len(labels)} labels; there must be one label for each")
    try:
        scores, relevant = np.asarray(log_odds, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"log-odds and labels must be numbers; leave pairs that were not scored out: {error}") from error
    if not np.isfinite(scores).all():
        wrong = scores[~np.isfinite(scores)][0]
        raise BadInput(f"the log-odds {wrong} are not a finite number; leave pairs that were not scored out")
    if not np.isin(relevant, (0.0, 1.0)).all():
        raise BadInput(f"the label {relevant[~np.isin(relevant, (0.0, 1.0))][0]} is neither 0 (irrelevant) nor 1")
    good = int(relevant.sum())
    if min(good, len(relevant) - good) < FEWEST_OF_A_CLASS:
        raise BadInput(
            f"{good} relevant and {len(relevant) - good} irrelevant pairs; a calibrator needs at least "
            f"{FEWEST_OF_A_CLASS} of each"
        )
    return scores, relevant


def fitted_curve(method: Method, scores: Vector, relevant: Vector) -> Line | Steps:
    """The curve of that method, fitted with scikit-learn."""
    return isotonic_steps(scores, relevant) if method == "isotonic" else line_fit(method, scores, relevant)


def line_fit(method: Method, scores: Vector, relevant: Vector) -> Line:
    """Slope and intercept ("temperature": no intercept) of greatest likelihood under Platt's smoothed targets."""
    try:
        from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("fitting a calibrator", extra="local") from error

    good = relevant.sum()
    target = np.where(relevant == 1.0, (good + 1) / (good + 2), 1 / (len(relevant) - good + 2))
    # A target between the classes is both classes with its weight. The scale keeps the solver's steps sensible.
    scale = float(np.abs(scores).max()) or 1.0
    model = LogisticRegression(
        C=np.inf, fit_intercept=method == "platt", solver="newton-cholesky", tol=1e-8, max_iter=1000
    )
    model.fit(
        np.concatenate([scores, scores])[:, None] / scale,
        np.repeat([1, 0], len(scores)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    # Log-odds that are next to nothing want a slope beyond all numbers; an infinite one has no probability for 0.
    slope = min(float(model.coef_[0, 0]) / scale, sys.float_info.max)
    line = Line(slope, float(np.ravel(model.intercept_)[0]) if method == "platt" else 0.0)
    if not line.slope > 0:
        raise BadInput(
            f"passages with higher log-odds are not more often relevant (fitted slope {line.slope:.3g}): "
            "are the labels swapped, or are these not scores of relevance?"
        )
    return line


def isotonic_steps(scores: Vector, relevant: Vector) -> Steps:
    """Ascending steps of least squares, kept in [1 / (n + 2), 1 - 1 / (n + 2)]."""
    try:
        from sklearn.isotonic import IsotonicRegression  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("fitting a calibrator", extra="local") from error

    edge = 1 / (len(scores) + 2)
    model = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(scores, relevant)
    steps = Steps(tuple(model.X_thresholds_.tolist()), tuple(model.y_thresholds_.tolist()))
    if steps.probabilities[0] == steps.probabilities[-1]:
        raise BadInput(
            "passages with higher log-odds are not more often relevant (all fall into one step): "
            "are the labels swapped, or are these not scores of relevance?"
        )
    return steps


def cross_fitted(method: Method, scores: Vector, relevant: Vector) -> Vector | None:
    """The probability of each pair by a curve fitted on the other folds; every fold has its share of both classes.

    None, with a warning in the log, where those of one fold left out cannot be fitted.
    """
    fold = np.empty(len(scores), dtype=int)
    for label in (0.0, 1.0):
        members = np.flatnonzero(relevant == label)
        fold[members] = np.arange(len(members)) % FOLDS
    after = np.empty(len(scores))
    for number in range(FOLDS):
        held_out = fold == number
        try:
            curve = fitted_curve(method, scores[~held_out], relevant[~held_out])
        except BadInput as error:
            logger.warning(
                "the calibrator is fitted on all %d pairs, how well it holds is not known: without a fifth of them %s",
                len(scores),
                error,
            )
            return None
        after[held_out] = [curve.probability(score) for score in scores[held_out]]
    return after
