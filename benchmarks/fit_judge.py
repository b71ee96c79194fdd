"""Fits the weights of the offline judges on public data, and writes them with provenance and held-out numbers.

    python benchmarks/fit_judge.py [--output plugin/tamis/models/judges/logistic.json]

Fitted on half of BEGIN dev and HaluEval (by evidence), with near-negatives made of their supported claims; measured by
cross-validation there, on the other half, and with one set left out. Every weight keeps its sign: what speaks against a
claim may never speak for it.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from judge_pairs import SETS, Labelled, RememberingEmbedder, is_held_out, others_of
from numpy.typing import NDArray
from scipy.optimize import minimize

from tamis.eval.judges.near_negatives import NearNegative, near_negatives
from tamis.models.judges.features import evidence_of, features_of
from tamis.models.judges.logistic import COSINES, cosines
from tamis.models.judges.text_vectors import TextVectors

SHIPPED = Path(__file__).resolve().parents[1] / "plugin" / "tamis" / "models" / "judges" / "logistic.json"
FOR = ("coverage", "window", "bigrams", "order", *COSINES)
FACTS = ("numbers_missing", "dates_missing", "names_missing", "conflicts", "negations", "opposites")
WORDING = ("coverage", "window", "bigrams", "order", "missing", "personal", "question")
MODELS = {
    "agreement": FACTS,
    "coverage": WORDING,
    "facts": (*WORDING, *FACTS),
    "embedding": COSINES,
    "combined": (*WORDING, *FACTS, *COSINES),
}
FOLDS = 5
PENALTY = 10.0
"""Of 0.3 to 30, which hardly differ by cross-validation, one that leaves P least extreme at the same Brier score."""
NEAR_SHARE = 0.35
"""The share of the weight of unsupported claims that near-negatives have."""


class Row(NamedTuple):
    """The features of one claim, whether it is supported, its set ("begin", "begin near", ...) and its group."""

    features: dict[str, float]
    supported: bool
    source: str
    group: str
    fitted_on: bool


def rows_of(source: str, pairs: list[Labelled]) -> list[Row]:
    """Features of all pairs and of the near-negatives of the supported ones."""
    entries: list[tuple[Labelled, str]] = [(pair, source) for pair in pairs]
    for pair in pairs:
        if pair.supported:
            twins = near_negatives(pair.claim, pair.evidence, others=others_of(pair, pairs))
            entries += [
                (pair._replace(claim=twin.claim, supported=False), f"{source} near")
                for _, twin in twins
                if isinstance(twin, NearNegative)
            ]
    known = [evidence_of(pair.evidence) for pair, _ in entries]
    near = cosines([pair.claim for pair, _ in entries], known, TextVectors(RememberingEmbedder()))
    rows = []
    for (pair, kind), evidence, close in zip(entries, known, near, strict=True):
        features = features_of(pair.claim, evidence)
        if features is not None:
            values = {**features._asdict(), **close}
            rows.append(Row(values, pair.supported, kind, pair.group, not is_held_out(pair)))
    return rows


def weights_of(rows: list[Row]) -> NDArray[np.float64]:
    """Equal weight for supported and not; within each, for each set, with their share for near-negatives."""
    sums: dict[tuple[str, bool], int] = {}
    for row in rows:
        sums[row.source, row.supported] = sums.get((row.source, row.supported), 0) + 1
    share = {}
    for source, supported in sums:
        is_near = source.endswith("near")
        alike = sum(1 for other, side in sums if side == supported and other.endswith("near") == is_near)
        part = 1.0 if supported else (NEAR_SHARE if is_near else 1 - NEAR_SHARE)
        share[source, supported] = part / alike / sums[source, supported]
    return np.array([share[row.source, row.supported] for row in rows])


def fit(rows: list[Row], names: tuple[str, ...]) -> dict[str, Any]:
    """A logistic model by weighted maximum likelihood with an L2 penalty on standardised weights, signs kept."""
    table = np.array([[row.features[name] for name in names] for row in rows])
    labels = np.array([1.0 if row.supported else -1.0 for row in rows])
    weights = weights_of(rows)
    mean = np.average(table, axis=0, weights=weights)
    spread = np.sqrt(np.average((table - mean) ** 2, axis=0, weights=weights)) + 1e-9
    scaled = (table - mean) / spread

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = labels * (scaled @ parameters[1:] + parameters[0])
        slope = -labels * weights / (1 + np.exp(np.clip(margin, -500, 500)))
        penalty = PENALTY / len(rows) * parameters[1:]
        value = float(weights @ np.logaddexp(0, -margin) + 0.5 * penalty @ parameters[1:])
        return value, np.concatenate([[slope.sum()], scaled.T @ slope + penalty])

    bounds = [(None, None), *(((0.0, None) if name in FOR else (None, 0.0)) for name in names)]
    found = minimize(loss, np.zeros(len(names) + 1), jac=True, bounds=bounds, method="L-BFGS-B").x
    of = found[1:] / spread
    return {
        "intercept": round(float(found[0] - of @ mean), 6),
        "weights": {name: round(float(value), 6) for name, value in zip(names, of, strict=True)},
        "usual": {name: round(float(value), 6) for name, value in zip(names, mean, strict=True)},
    }


def probabilities(model: dict[str, Any], rows: list[Row]) -> list[float]:
    """P(supported) of each row."""
    return [
        1
        / (
            1
            + math.exp(-max(-500.0, model["intercept"] + sum(w * row.features[n] for n, w in model["weights"].items())))
        )
        for row in rows
    ]


def measured(found: list[float], rows: list[Row]) -> dict[str, float]:
    """Balanced accuracy at 0.5 and AUROC."""
    good = [p for p, row in zip(found, rows, strict=True) if row.supported]
    bad = [p for p, row in zip(found, rows, strict=True) if not row.supported]
    accuracy = (sum(p >= 0.5 for p in good) / len(good) + sum(p < 0.5 for p in bad) / len(bad)) / 2
    wins = sum((p > q) + 0.5 * (p == q) for p in good for q in bad)
    return {"n": len(rows), "balanced_accuracy": round(accuracy, 4), "auroc": round(wins / len(good) / len(bad), 4)}


def cross_validated(rows: list[Row], names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Numbers of claims judged by weights that had not seen their evidence, by set."""
    groups = list(dict.fromkeys(row.group for row in rows))
    fold = {group: at % FOLDS for at, group in enumerate(groups)}
    pairs: list[tuple[float, Row]] = []
    for at in range(FOLDS):
        model = fit([row for row in rows if fold[row.group] != at], names)
        held = [row for row in rows if fold[row.group] == at]
        pairs += zip(probabilities(model, held), held, strict=True)
    return {
        name: measured([p for p, row in pairs if row.source == name], [row for _, row in pairs if row.source == name])
        for name in SETS
    }


def main() -> None:
    """Fits all models, measures them, writes the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=SHIPPED)
    options = parser.parse_args()
    rows = [row for name, read in SETS.items() for row in rows_of(name, read())]
    seen = [row for row in rows if row.fitted_on]
    unseen = [row for row in rows if not row.fitted_on]
    models, report = {}, {}
    for name, features in MODELS.items():
        models[name] = fit(seen, features)
        report[name] = {"cross_validated": cross_validated(seen, features)}
        for part, model_of in (
            ("held_out_half", lambda _source, name=name: models[name]),
            (
                "left_out_set",
                lambda source, features=features: fit(
                    [row for row in rows if not row.source.startswith(source)], features
                ),
            ),
        ):
            report[name][part] = {}
            for source in SETS:
                held = [row for row in (unseen if part == "held_out_half" else rows) if row.source == source]
                report[name][part][source] = measured(probabilities(model_of(source), held), held)
        print(name, json.dumps(report[name]))
    written = {
        "format": 1,
        "provenance": {
            "command": "python benchmarks/fit_judge.py",
            "embedder": "all-MiniLM-L6-v2",
            "data": {
                "begin": "BEGIN dev, Dziri et al. 2022 (CC-BY-4.0, CDLA-Sharing-1.0), half of it by evidence",
                "halueval": "HaluEval qa, Li et al. 2023 (MIT), half of it by evidence",
            },
            "rows": {source: sum(row.source == source for row in seen) for source in sorted({r.source for r in seen})},
            "note": "P is at even prior odds: supported and unsupported claims have equal weight",
            "measured": report,
        },
        "models": models,
    }
    options.output.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {options.output}: {len(seen)} rows")


if __name__ == "__main__":
    main()
