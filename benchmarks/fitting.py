"""Fits the default scorer's handful of weights: a conditional logit that ranks, then a logistic that gives odds."""

from collections.abc import Sequence

import numpy as np
from evidence_cases import CaseEvidence, Vector
from scipy.optimize import minimize

from tamis.models.evidence import CountPrior, LogisticModel, Odds
from tamis.models.evidence_features import RANKING_FEATURES, margins
from tamis.rerankers.select.relevance_counts import Query, fit_relevance_counts

_RIDGE = 3e-3
UNANSWERABLE = 0.1
"""The share of questions that nothing answers which the odds take for granted, whatever the share among the cases."""


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
    """All weights from cases with their gold; unanswerable ones count as UNANSWERABLE of them."""
    ranking = fit_ranking(cases)
    scores = [case.features @ ranking for case in cases]
    lengths = [len(score) for score in scores]
    level = np.repeat([case.cosines.max() if use_cosine_level else 0.0 for case in cases], lengths)
    leads = np.concatenate([margins(score) for score in scores])
    odds_of = np.column_stack([np.ones(sum(lengths)), np.concatenate(scores), leads, level])
    long = np.repeat([case.longness for case in cases], lengths)[:, None]
    rows = np.hstack([odds_of * (1 - long), odds_of * long])
    answered = np.array([case.relevant.any() for case in cases])
    share = np.where(answered, (1 - UNANSWERABLE) / answered.mean(), UNANSWERABLE / max(1 - answered.mean(), 1e-9))
    weight = np.repeat(share, lengths)
    gold = np.concatenate([case.relevant for case in cases]).astype(float)
    scale = np.maximum(rows.std(axis=0), 1e-9)
    scaled = rows / scale
    penalty = _RIDGE * len(cases) * np.array([0, 1, 1, 1] * 2)

    def loss(weights: Vector) -> tuple[float, Vector]:
        odds = scaled @ weights
        error = weight * (1 / (1 + np.exp(-odds)) - gold)
        value = weight @ (np.logaddexp(0, odds) - gold * odds) + penalty @ weights**2
        return value / len(cases), (scaled.T @ error + 2 * penalty * weights) / len(cases)

    bounds = [(None, None), (0.0, None), (0.0, None), (0.0, None)] * 2
    fitted = minimize(loss, np.zeros(8), jac=True, method="L-BFGS-B", bounds=bounds).x / scale
    short, long_odds = (Odds(*half.tolist()) for half in np.split(fitted, 2))
    return LogisticModel(ranking, short, long_odds)


def fit_counts(cases: Sequence[CaseEvidence], model: LogisticModel, seed: int = 0) -> CountPrior:
    """How many passages of a question are relevant, given the log-odds; UNANSWERABLE of the questions have none.

    No case has more than a few gold passages. What is learnt of the largest number goes for all larger ones: that these
    sets have none says nothing about other people's.
    """
    answered = [case for case in cases if case.relevant.any()]
    unanswered = [case for case in cases if not case.relevant.any()]
    wanted = min(len(unanswered), round(len(answered) * UNANSWERABLE / (1 - UNANSWERABLE)))
    chosen = np.random.default_rng(seed).permutation(len(unanswered))[:wanted]
    queries = []
    for case in answered + [unanswered[i] for i in chosen]:
        odds = case.log_odds(model)
        order = np.argsort(-odds, kind="stable")
        queries.append(Query(1 / (1 + np.exp(-odds[order])), case.relevant[order]))
    learnt = fit_relevance_counts(queries)
    return CountPrior((*learnt.weights[:-1], learnt.weights[-2]), learnt.sharpness)
