"""Which passages, and how many: the default scorer and every selection policy on question files.

    python benchmarks/selection.py [--cases FILE.jsonl ...] [--splits 200] [--limit 400] [--json]

Without ``--cases`` it measures on the pools of lost-in-the-middle, MedQuAD and CLAPnq and on compound questions, each
with a scorer fitted on the other sets. With it, on anybody's files, with the scorer as shipped; each line is
``{"id", "question", "documents": [{"id", "text", "image"?}], "gold": [ids], "answers": [..]?}``, and an empty gold
means that nothing answers. Candidates are a line's own documents.

Every split tunes on one half of the questions (calibration of the scores, the best fixed k, the policies) and tests on
the other. Context-F1 is the F1 of the kept set against gold; where gold is empty it is 1 if nothing is kept, else 0.
Intervals are the middle 95% of the splits; nDCG and recall have bootstrap intervals over questions.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from cases import BadCase, Case, PoolSearch, compound_cases, read_cases, single_cases
from corpora import CORPORA
from evidence_cases import CaseEvidence, Vector, evidence_of_cases
from fit_default_scorer import training_evidence
from fitting import fit_counts, fit_model
from numpy.typing import NDArray

from tamis.eval.stats import mean_interval, paired_difference
from tamis.models.evidence import CountPrior, LogisticModel, shipped_counts, shipped_models
from tamis.models.sentence_transformer import SentenceTransformerEmbedder
from tamis.rerankers import Calibrator, ExpectedF1, FixedK, LargestGap, RecallGuarantee, Threshold, ZCut
from tamis.rerankers.select import Policy

ALPHAS = (0.05, 0.1, 0.2)
Labelled = list[tuple[list[float], list[bool]]]


class Ranked(NamedTuple):
    """One question's candidates best first: log-odds and relevance, both of shape (n,)."""

    log_odds: Vector
    relevant: NDArray[np.bool_]


def ranked(scores: Vector, relevant: NDArray[np.bool_]) -> Ranked:
    """Candidates by score, best first; equals keep their order."""
    order = np.argsort(-scores, kind="stable")
    return Ranked(scores[order], relevant[order])


def ndcg_at_10(relevant: NDArray[np.bool_]) -> float:
    """nDCG@10 with gain 1 for a relevant passage, in [0, 1] (Järvelin and Kekäläinen 2002)."""
    discounts = 1 / np.log2(np.arange(2, 12))
    return float((relevant[:10] * discounts[: len(relevant)]).sum() / discounts[: int(relevant.sum())].sum())


def ranking_quality(evidence: Sequence[CaseEvidence], scorers: dict[str, Callable[[CaseEvidence], Vector]]) -> Any:
    """nDCG@10 and recall@{1,2,5} of each scorer over the answerable questions, with differences of the last to each."""
    answered = [case for case in evidence if case.relevant.any()]
    if not answered:
        return {"answerable": 0}
    table: dict[str, Any] = {"answerable": len(answered)}
    gains: dict[str, list[float]] = {}
    for name, score in scorers.items():
        orders = [ranked(score(case), case.relevant).relevant for case in answered]
        gains[name] = [ndcg_at_10(order) for order in orders]
        table[name] = {"ndcg@10": mean_interval(gains[name], within=(0, 1))._asdict()}
        for k in (1, 2, 5):
            recalls = [float(order[:k].sum() / order.sum()) for order in orders]
            table[name][f"recall@{k}"] = mean_interval(recalls, within=(0, 1))._asdict()
    own = list(scorers)[-1]
    for name in list(scorers)[:-1]:
        table[f"{own} - {name}"] = {"ndcg@10": paired_difference(gains[own], gains[name], within=(-1, 1))._asdict()}
    return table


def context_f1(relevant: NDArray[np.bool_], kept: int) -> float:
    """F1 of the first ``kept`` candidates against the relevant ones."""
    total = int(relevant.sum())
    if total == 0:
        return float(kept == 0)
    return float(2 * relevant[:kept].sum() / (kept + total))


def best_fixed_k(questions: Sequence[Ranked]) -> int:
    """The k with the highest mean context-F1 on these questions."""
    longest = max(len(question.relevant) for question in questions)
    scores = [
        np.mean([context_f1(one.relevant, min(k, len(one.relevant))) for one in questions]) for k in range(longest + 1)
    ]
    return int(np.argmax(scores))


def best_setting(labelled: Labelled, choices: Sequence[Policy]) -> Policy:
    """The choice with the highest mean context-F1 on labelled questions."""
    scores = [np.mean([context_f1(np.array(flags), one.keep(list(p))) for p, flags in labelled]) for one in choices]
    return choices[int(np.argmax(scores))]


def tuned_policies(labelled: Labelled, tuning: Sequence[Ranked]) -> dict[str, Policy]:
    """Every policy, fitted on the tuning half."""
    flat = [p for probabilities, _ in labelled for p in probabilities]
    flags = [flag for _, relevant in labelled for flag in relevant]
    few = labelled[:100]
    policies: dict[str, Policy] = {
        "best fixed k": FixedK(k) if (k := best_fixed_k(tuning)) else KeepNothing(),
        "expected-f1": ExpectedF1().fit(labelled),
        "expected-f1 unfitted": ExpectedF1(),
        "threshold": Threshold.fit(flat, flags),
        "z-cut": best_setting(few, [ZCut(z, floor=f) for z in (0.5, 1.0, 2.0, 3.0, 4.0) for f in (0.05, 0.2)]),
        "largest-gap": best_setting(few, [LargestGap(floor=f) for f in (0.05, 0.1, 0.2, 0.3)]),
    }
    answered = sum(any(relevant) for _, relevant in labelled)
    for alpha in ALPHAS:
        if answered >= 1 / alpha - 1:
            policies[f"recall-guarantee {alpha}"] = RecallGuarantee(alpha).fit(labelled)
    return policies


class KeepNothing:
    """The fixed k of 0, for tuning halves on which abstaining always pays best."""

    def keep(self, probabilities: Sequence[float]) -> int:
        """Always 0."""
        return 0


def out_of_the_box(evidence: Sequence[CaseEvidence], questions: Sequence[Ranked], prior: CountPrior) -> dict[str, Any]:
    """Nothing tuned on these questions: ExpectedF1 on the scorer's own odds, at most ten kept, beside the five nearest.

    Once with candidates taken as independent, once with the prior over how many are relevant.
    """
    nearest = [ranked(case.cosines, case.relevant).relevant for case in evidence]
    table: dict[str, Any] = {"dense top 5": _kept([(min(5, len(one)), one) for one in nearest])}
    chances = [(1 / (1 + np.exp(-one.log_odds))).tolist() for one in questions]
    for beta in (1.0, 1.5, 2.0, 3.0):
        policies = {"independent": ExpectedF1(beta), "prior": ExpectedF1(beta, prior.weights, prior.sharpness)}
        for name, policy in policies.items():
            kept = [min(policy.keep(some), 10) for some in chances]
            row = _kept([(k, one.relevant) for k, one in zip(kept, questions, strict=True)])
            table[f"expected-f1 beta {beta} {name}"] = row
    return table


def _kept(choices: Sequence[tuple[int, NDArray[np.bool_]]]) -> dict[str, Any]:
    """The fields of Outcome as means with bootstrap intervals over questions."""
    columns = {
        "context_f1": [context_f1(relevant, k) for k, relevant in choices],
        "recall": [float(relevant[:k].sum() / relevant.sum()) for k, relevant in choices if relevant.any()],
        "kept": [float(k) for k, _ in choices],
        "abstained_answerable": [float(k == 0) for k, relevant in choices if relevant.any()],
        "abstained_unanswerable": [float(k == 0) for k, relevant in choices if not relevant.any()],
    }
    return {
        name: mean_interval(values, within=None if name == "kept" else (0, 1))._asdict() if values else None
        for name, values in columns.items()
    }


class Outcome(NamedTuple):
    """Means over the test half of one split; recall and abstention are None where no question can show them."""

    context_f1: float
    recall: float | None
    kept: float
    abstained_answerable: float | None
    abstained_unanswerable: float | None


def outcome(policy: Policy, questions: Sequence[tuple[list[float], NDArray[np.bool_]]]) -> Outcome:
    """One policy on the test half."""
    kept = [min(policy.keep(probabilities), len(probabilities)) for probabilities, _ in questions]
    pairs = [(k, relevant) for k, (_, relevant) in zip(kept, questions, strict=True)]
    found = [(k, relevant[:k].sum() / relevant.sum()) for k, relevant in pairs if relevant.any()]
    empty = [k == 0 for k, relevant in pairs if not relevant.any()]
    return Outcome(
        float(np.mean([context_f1(relevant, k) for k, relevant in pairs])),
        float(np.mean([recall for _, recall in found])) if found else None,
        float(np.mean(kept)),
        float(np.mean([k == 0 for k, _ in found])) if found else None,
        float(np.mean(empty)) if empty else None,
    )


def middle(values: Sequence[float | None]) -> dict[str, Any] | None:
    """Mean and middle 95% over splits."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return {"mean": float(np.mean(known)), "low": float(low), "high": float(high), "n": len(known)}


def selection_quality(questions: Sequence[Ranked], splits: int, seed: int = 0) -> dict[str, Any]:
    """Every policy over random halves: tuned on one, tested on the other."""
    if len(questions) < 20:
        return {"skipped": f"{len(questions)} questions are too few to split; at least 20 are needed"}
    rng = np.random.default_rng(seed)
    outcomes: dict[str, list[Outcome]] = {}
    for _ in range(splits):
        order = rng.permutation(len(questions))
        tuning = [questions[i] for i in order[: len(order) // 2]]
        test = [questions[i] for i in order[len(order) // 2 :]]
        odds = np.concatenate([one.log_odds for one in tuning]).tolist()
        calibrator = Calibrator(method="platt").fit(odds, np.concatenate([one.relevant for one in tuning]).tolist())
        labelled = [(calibrator.probabilities(one.log_odds.tolist()), one.relevant.tolist()) for one in tuning]
        tested = [(calibrator.probabilities(one.log_odds.tolist()), one.relevant) for one in test]
        for name, policy in tuned_policies(labelled, tuning).items():
            outcomes.setdefault(name, []).append(outcome(policy, tested))
    return {name: _summary(name, found, outcomes["best fixed k"]) for name, found in outcomes.items()}


def _summary(name: str, found: Sequence[Outcome], fixed: Sequence[Outcome]) -> dict[str, Any]:
    summary: dict[str, Any] = {field: middle([getattr(one, field) for one in found]) for field in Outcome._fields}
    if len(found) == len(fixed):
        gains = [own.context_f1 - other.context_f1 for own, other in zip(found, fixed, strict=True)]
        summary["context_f1_minus_fixed_k"] = {
            **(middle(gains) or {}),
            "splits_won": float(np.mean(np.array(gains) > 0)),
        }
    if name.startswith("recall-guarantee"):
        alpha = float(name.split()[1])
        lost = [1 - one.recall for one in found if one.recall is not None]
        summary["lost"] = {**(middle(lost) or {}), "alpha": alpha, "kept_promise": float(np.mean(lost)) <= alpha}
    return summary


def measure(
    name: str,
    cases: Sequence[Case],
    model: LogisticModel,
    prior: CountPrior,
    splits: int,
    to_rank: Sequence[Case] | None = None,
) -> dict[str, Any]:
    """Everything about one file. ``to_rank`` are more questions of the same set, for the ranking table alone."""
    evidence = evidence_of_cases(cases, SentenceTransformerEmbedder())
    ranking = evidence if to_rank is None else evidence_of_cases(to_rank, SentenceTransformerEmbedder())
    scorers = {
        "dense": lambda case: case.cosines,
        "bm25": lambda case: case.bm25,
        "default": lambda case: case.log_odds(model),
    }
    questions = [ranked(case.log_odds(model), case.relevant) for case in evidence]
    return {
        "name": name,
        "questions": len(cases),
        "unanswerable": sum(not case.gold for case in cases),
        "candidates": float(np.mean([len(case.documents) for case in cases])),
        "images_ignored": sum(bool(document.image) for case in cases for document in case.documents),
        "ranking": ranking_quality(ranking, scorers),
        "out_of_the_box": out_of_the_box(evidence, questions, prior),
        "selection": selection_quality(questions, splits),
    }


def built_in(limit: int, splits: int) -> list[dict[str, Any]]:
    """The three public sets and compound questions, each scored by weights fitted on the other sets."""
    embedder = SentenceTransformerEmbedder()
    reports = []
    for name, load in CORPORA.items():
        training = training_evidence([other for other in CORPORA if other != name], 500)
        others = [case for cases in training.values() for case in cases]
        model = fit_model(others)
        prior = fit_counts(others, model)
        search = PoolSearch(load(), embedder)
        every = single_cases(search)
        reports.append(measure(name, single_cases(search, limit=limit), model, prior, splits, to_rank=every))
        if name == "litm":
            reports.append(measure("compound", compound_cases(search, limit, seed=11), model, prior, splits))
    return reports


def show(report: dict[str, Any]) -> None:
    """One file's figures as Markdown tables."""
    print(f"\n### {report['name']}: {report['questions']} questions, {report['unanswerable']} unanswerable, "
          f"{report['candidates']:.1f} candidates each\n")  # fmt: skip
    print(f"{report['ranking']['answerable']} answerable questions ranked\n")
    print("| scorer | nDCG@10 | recall@1 | recall@2 | recall@5 |\n|---|---|---|---|---|")
    for name, row in report["ranking"].items():
        if isinstance(row, dict):
            print(
                f"| {name} | "
                + " | ".join(_cell(row.get(m)) for m in ("ndcg@10", "recall@1", "recall@2", "recall@5"))
                + " |"
            )
    fields = ("context_f1", "recall", "kept", "abstained_answerable", "abstained_unanswerable")
    print(
        "\n| out of the box | context-F1 | recall | kept | abstained answerable | unanswerable |\n" + "|---" * 6 + "|"
    )
    for name, row in report["out_of_the_box"].items():
        print(f"| {name} | " + " | ".join(_cell(row[field]) for field in fields) + " |")
    if "skipped" in report["selection"]:
        print(f"\nselection: {report['selection']['skipped']}")
        return
    print(
        "\n| policy | context-F1 | minus fixed k | recall | kept | abstained answerable | unanswerable |\n"
        + "|---" * 7
        + "|"
    )
    fields = (
        "context_f1",
        "context_f1_minus_fixed_k",
        "recall",
        "kept",
        "abstained_answerable",
        "abstained_unanswerable",
    )
    for name, row in report["selection"].items():
        print(f"| {name} | " + " | ".join(_cell(row.get(field)) for field in fields) + " |")
    for name, row in report["selection"].items():
        if "lost" in row:
            held = "held" if row["lost"]["kept_promise"] else "MISSED"
            print(f"\n{name}: mean share of relevant passages lost {row['lost']['mean']:.4f}: {held}", end="")
    print()


def _cell(interval: dict[str, Any] | None) -> str:
    return "–" if not interval else f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", type=Path)
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument(
        "--limit", type=int, default=400, help="questions a built-in set for selection; ranking takes all"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.cases:
        try:
            files = [(path.stem, read_cases(path)) for path in options.cases]
        except (BadCase, OSError) as error:
            print(f"selection: {error}", file=sys.stderr)
            return 2
        model = shipped_models()[SentenceTransformerEmbedder().name]
        reports = [measure(name, cases, model, shipped_counts(), options.splits) for name, cases in files]
    else:
        reports = built_in(options.limit, options.splits)
    if options.json:
        json.dump({"files": reports, "splits": options.splits}, sys.stdout, indent=2)
        print()
    else:
        for report in reports:
            show(report)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
