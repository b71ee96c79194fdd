"""Fits the default scorer's handful of weights: a conditional logit that ranks, then a logistic that gives odds."""

from collections.abc import Sequence

import numpy as np
from evidence_cases import CaseEvidence, Vector
from scipy.optimize import minimize

from tamis.models.evidence import LogisticModel
from tamis.models.evidence_features import RANKING_FEATURES, margins

_RIDGE = 3e-3


def fit_ranking(cases: Sequence[CaseEvidence]) -> Vector:
    """Weights for RANKING_FEATURES that make the gold candidates of each case most likely (McFadden 1974).

    Comparing candidates of one question with each other keeps what differs between data sets out of the weights.
    """
    answered = [case for case in cases if case.relevant.any()]
    features = np.concatenate([case.features for case in answered])
    gold = np.concatenate([case.relevant for case in answered]).astype(float)
    starts = np.r_[0, np.cumsum([len(case.relevant) for case in answered])[:-1]]
    owner = np.repeat(np.arange(len(answered)), [len(case.relevant) for case in answered])
    share = gold / np.add.reduceat(gold, starts)[owner]
    scale = features.std(axis=0)

    def loss(weights: Vector) -> tuple[float, Vector]:
        scores = features @ (weights / scale)
        scores -= np.maximum.reduceat(scores, starts)[owner]
        exponents = np.exp(scores)
        totals = np.add.reduceat(exponents, starts)
        likelihood = share @ scores - np.log(totals).sum()
        gradient = (features / scale).T @ (share - exponents / totals[owner])
        count = len(answered)
        return -likelihood / count + _RIDGE * weights @ weights, -gradient / count + 2 * _RIDGE * weights

    weights: Vector = minimize(loss, np.zeros(len(RANKING_FEATURES)), jac=True, method="L-BFGS-B").x / scale
    return weights


def fit_model(cases: Sequence[CaseEvidence], *, use_cosine_level: bool = True) -> LogisticModel:
    """All weights from cases with their gold; every case counts the same, however many candidates it has."""
    ranking = fit_ranking(cases)
    scores = [case.features @ ranking for case in cases]
    lengths = [len(score) for score in scores]
    level = [case.cosines.max() if use_cosine_level else 0.0 for case in cases]
    rows = np.column_stack(
        [np.concatenate(scores), np.concatenate([margins(score) for score in scores]), np.repeat(level, lengths)]
    )
    gold = np.concatenate([case.relevant for case in cases]).astype(float)
    centre, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-9)
    scaled = (rows - centre) / scale

    def loss(weights: Vector) -> tuple[float, Vector]:
        odds = weights[0] + scaled @ weights[1:]
        error = 1 / (1 + np.exp(-odds)) - gold
        value = (np.logaddexp(0, odds) - gold * odds).sum()
        count = len(cases)
        gradient = np.r_[error.sum(), scaled.T @ error + 2 * _RIDGE * count * weights[1:]]
        return (value + _RIDGE * count * weights[1:] @ weights[1:]) / count, gradient / count

    # None may be negative but the intercept: the odds must order candidates as their rank scores do, and a better
    # match must not make an answer less likely.
    bounds = [(None, None)] + [(0.0, None)] * 3
    fitted = minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds).x
    plain = fitted[1:] / scale
    intercept = float(fitted[0] - centre @ plain)
    return LogisticModel(ranking, intercept, *(float(weight) for weight in plain))
