"""How often the offline judges and the two-checker rule are right: on public data, or on anybody's labelled pairs.

    python benchmarks/judges.py [--pairs FILE.jsonl] [--near 150] [--json]

A line of the file: {"id", "claim", "evidence", "supported": true or false, "image"?}. Without a file: the half of BEGIN
dev and of HaluEval qa whose evidence no weights were fitted on, and for near-negatives CLAPnq too, of which none was
seen. Intervals are 95%, over groups of claims with the same evidence. "right" is the share of verdicts that are right.
HaluEval's right answers are mostly words of the evidence and its made-up ones are not: "exact" alone tells them apart,
so that BEGIN is the test that counts. Vectors are kept on disk: a second run is quicker, and its times with embeddings
are not those of a first one.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from judge_pairs import RememberingEmbedder, begin, clapnq, halueval, is_held_out

from tamis.core.content import Content
from tamis.core.errors import TamisError
from tamis.eval.judges import Pair, read_pairs, twins
from tamis.eval.judges.accuracy import THRESHOLD, accuracy
from tamis.eval.stats import Interval, clustered_rate_interval, rate_interval
from tamis.models.judge import Judge
from tamis.models.judges import JUDGES as REGISTERED
from tamis.models.judges import OFFLINE, CombinedJudge, EmbeddingJudge, agreed, is_disputed

NEAR = 150
FIGURES = (
    "right",
    "balanced_accuracy",
    "auroc",
    "f1_unsupported",
    "precision_supported",
    "precision_unsupported",
)
HEADS = ("coverage", "right", "balanced acc.", "AUROC", "F1 unsupp.", "prec. supp.", "prec. unsupp.")


def judges() -> list[Judge]:
    """Every judge that needs no download, and two pairs of checkers."""
    embedder = RememberingEmbedder()
    own: dict[str, Judge] = {"embedding": EmbeddingJudge(embedder), "combined": CombinedJudge(embedder)}
    single = [own.get(name) or REGISTERED.build(name) for name in OFFLINE]
    by_name = {judge.name: judge for judge in single}
    return [*single, agreed(by_name["agreement"], by_name["coverage"]), agreed(by_name["facts"], by_name["embedding"])]


def public() -> dict[str, list[Pair]]:
    """The held-out halves of the public sets."""
    return {
        "BEGIN dev, held-out half": [_pair(one) for one in begin() if is_held_out(one)],
        "HaluEval qa, held-out half": [_pair(one) for one in halueval() if is_held_out(one)],
    }


def measured(judge: Judge, pairs: Sequence[Pair]) -> dict[str, Any]:
    """The figures of one judge on one set."""
    began = time.perf_counter()
    verdicts = judge.judge([pair.claim for pair in pairs], [pair.evidence for pair in pairs])
    took = time.perf_counter() - began
    known = [(pair, verdict) for pair, verdict in zip(pairs, verdicts, strict=True) if verdict.supported is not None]
    found: dict[str, Any] = {
        "judge": judge.name,
        "pairs": len(pairs),
        "disputed": sum(map(is_disputed, verdicts)),
        "coverage": _json(rate_interval(len(known), len(pairs))),
        "ms_a_claim": round(1000 * took / len(pairs), 3),
    }
    if known:
        values = accuracy(
            [float(verdict.supported or 0.0) for _, verdict in known],
            [bool(pair.supported) for pair, _ in known],
            [pair.group for pair, _ in known],
        )
        right = [((verdict.supported or 0.0) >= THRESHOLD) == pair.supported for pair, verdict in known]
        found["right"] = _json(clustered_rate_interval(right, [pair.group for pair, _ in known]))
        found |= {figure: _json(getattr(values, figure)) for figure in FIGURES if figure != "right"}
    return found


def near(judge: Judge, pairs: Sequence[Pair]) -> dict[str, Any]:
    """The win rates of one judge on every kind of near-negative."""
    found = twins(judge, pairs)
    kinds = {
        kind: {
            "pairs": one.pairs,
            "unjudged": one.unjudged,
            "ties": one.ties,
            "disputed": one.disputed,
            "win_rate": _json(one.rate),
        }
        for kind, one in found.items()
    }
    return {"judge": judge.name, "kinds": kinds}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=Path, help="your own labelled pairs in place of the public ones")
    parser.add_argument("--near", type=int, default=NEAR, help="supported claims of each set that twins are made of")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    options = parser.parse_args()
    if options.pairs:
        try:
            sets = {options.pairs.name: [one for one in read_pairs(options.pairs) if one.supported is not None]}
        except TamisError as error:
            parser.error(str(error))
        sources = dict(sets)
    else:
        sets = public()
        sources = {**sets, "CLAPnq, never seen": [_pair(one) for one in clapnq()]}
    all_judges = judges()
    document: dict[str, Any] = {"sets": {}, "near_negatives": {}}
    for name, pairs in sets.items():
        document["sets"][name] = [measured(judge, pairs) for judge in all_judges]
        if not options.json:
            _print_set(name, pairs, document["sets"][name])
    for name, pairs in sources.items():
        chosen = [pair for pair in pairs if pair.supported][: options.near]
        document["near_negatives"][name] = [near(judge, chosen) for judge in all_judges]
        if not options.json:
            _print_near(name, len(chosen), document["near_negatives"][name])
    if options.json:
        json.dump(document, sys.stdout, indent=1, allow_nan=False)
        sys.stdout.write("\n")


def _pair(one: Any) -> Pair:
    return Pair(one.id, one.claim, tuple(Content(text) for text in one.evidence), one.supported, one.group)


def _json(interval: Interval | None) -> dict[str, Any] | None:
    return None if interval is None else {"mean": interval.mean, "low": interval.low, "high": interval.high}


def _text(interval: dict[str, Any] | None) -> str:
    if interval is None:
        return "-"
    if interval["low"] is None:
        return f"{interval['mean']:.3f}"
    return f"{interval['mean']:.3f} [{interval['low']:.2f}, {interval['high']:.2f}]"


def _print_set(name: str, pairs: Sequence[Pair], rows: Sequence[dict[str, Any]]) -> None:
    supported = sum(bool(pair.supported) for pair in pairs)
    print(f"\n{name}: {len(pairs)} claims, {supported} supported")
    print(f"{'judge':20}" + "".join(f"{head:>21}" for head in HEADS) + f"{'disputed':>10}{'ms/claim':>10}")
    for row in rows:
        cells = [_text(row["coverage"]), *(_text(row.get(figure)) for figure in FIGURES)]
        print(f"{row['judge']:20}" + "".join(f"{one:>21}" for one in cells), end="")
        print(f"{row['disputed']:>10}{row['ms_a_claim']:>10.1f}")


def _print_near(name: str, count: int, rows: Sequence[dict[str, Any]]) -> None:
    kinds = list(rows[0]["kinds"])
    print(f"\nNear-negatives of {count} supported claims, {name}: how often the claim beats its twin (pairs judged)")
    print(f"{'judge':20}" + "".join(f"{kind:>28}" for kind in kinds))
    for row in rows:
        cells = []
        for kind in kinds:
            one = row["kinds"][kind]
            cells.append(f"{_text(one['win_rate'])} ({one['pairs'] - one['unjudged']}/{one['pairs']})")
        print(f"{row['judge']:20}" + "".join(f"{one:>28}" for one in cells))


if __name__ == "__main__":
    main()
