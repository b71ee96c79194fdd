"""What a run came to, as figures and as a table."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from tamis.eval.stats import Interval, mean_interval, paired_difference, paired_rate_difference, rate_interval
from toy_mllm.claims import KINDS
from toy_mllm.comparison import Plan, Seed, Side
from toy_mllm.lists import HARD, LENGTH
from toy_mllm.measures import CHANCE


class Pooled(NamedTuple):
    """The lists of all seeds: ``clusters`` says which values the bootstrap draws together."""

    vlm: list[float]
    bi: list[float]
    clusters: list[int]


def figures(seeds: Sequence[Seed], plan: Plan) -> dict[str, Any]:
    """Everything measured, as JSON.

    With several seeds an interval is one over seeds (whole seeds are drawn). With one it is over that seed's lists, and
    that of recall@1, which is 0 or 1 for a list, is the exact one of a rate.
    """
    found: dict[str, Any] = {
        "seeds": [one.seed for one in seeds],
        "lists_a_seed": plan.lists,
        "candidates": LENGTH,
        "hard_negatives": HARD,
        "chance_recall@1": CHANCE,
        "vlm": _side([one.vlm for one in seeds]),
        "bi_encoder": _side([one.bi for one in seeds]),
        "difference": {},
        "by_kind": {},
        "threshold": _threshold(seeds),
    }
    for measure, name in (("ndcg", "ndcg@10"), ("recall", "recall@1")):
        both = pooled(seeds, measure)
        ours, theirs, difference = intervals(both, is_rate=measure == "recall" and len(seeds) == 1)
        found["vlm"][name], found["bi_encoder"][name], found["difference"][name] = ours, theirs, difference
    for kind in KINDS:
        ours, theirs, difference = intervals(pooled(seeds, "recall", kind), is_rate=len(seeds) == 1)
        found["by_kind"][kind] = {"vlm": ours, "bi_encoder": theirs, "difference": difference}
    return found


def intervals(both: Pooled, is_rate: bool) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The VLM's, the bi-encoder's, and that of the paired difference."""
    if is_rate:
        ours, theirs = ([value == 1 for value in side] for side in (both.vlm, both.bi))
        found = [rate_interval(sum(side), len(side)) for side in (ours, theirs)]
        return found[0]._asdict(), found[1]._asdict(), paired_rate_difference(ours, theirs)._asdict()
    found = [mean_interval(side, clusters=both.clusters, within=(0, 1)) for side in (both.vlm, both.bi)]
    difference = paired_difference(both.vlm, both.bi, clusters=both.clusters, within=(-1, 1))
    return found[0]._asdict(), found[1]._asdict(), difference._asdict()


def pooled(seeds: Sequence[Seed], measure: str, kind: str | None = None) -> Pooled:
    """One measure of every list (of one kind) on both sides, in the same order."""
    found = Pooled([], [], [])
    for one in seeds:
        for ours, theirs in zip(one.vlm.rankings, one.bi.rankings, strict=True):
            if kind in (None, ours.kind):
                found.vlm.append(getattr(ours, measure))
                found.bi.append(getattr(theirs, measure))
                found.clusters.append(one.seed if len(seeds) > 1 else len(found.clusters))
    return found


def _side(sides: Sequence[Side]) -> dict[str, Any]:
    return {
        "parameters": sides[0].parameters,
        "steps": [side.steps for side in sides],
        "pairs": [side.pairs for side in sides],
        "seconds": [round(side.seconds, 1) for side in sides],
    }


def _threshold(seeds: Sequence[Seed]) -> dict[str, Any]:
    found: dict[str, Any] = {"eta": [one.eta for one in seeds], "fixed_k": [one.fixed for one in seeds]}
    clusters = [one.seed if len(seeds) > 1 else at for one in seeds for at in range(len(_f1(one, "eta fitted")))]
    values = {name: [value for one in seeds for value in _f1(one, name)] for name in seeds[0].cuts}
    for name, f1 in values.items():
        cuts = [one.cuts[name] for one in seeds]
        found[name] = {
            "context_f1": mean_interval(f1, clusters=clusters, within=(0, 1))._asdict(),
            "recall": sum(one.recall for one in cuts) / len(cuts),
            "kept": sum(one.kept for one in cuts) / len(cuts),
        }
        if name != "eta fitted":
            difference = paired_difference(values["eta fitted"], f1, clusters=clusters, within=(-1, 1))
            found[f"eta fitted - {name}"] = difference._asdict()
    return found


def _f1(seed: Seed, name: str) -> list[float]:
    return seed.cuts[name].context_f1


def table(found: dict[str, Any]) -> str:
    """The figures for people."""
    vlm, bi = found["vlm"], found["bi_encoder"]
    lines = [
        f"{found['lists_a_seed']} test lists a seed, {found['candidates']} pictures each: 1 relevant, "
        f"{found['hard_negatives']} differ from it in one attribute. Seeds: {', '.join(map(str, found['seeds']))}",
        "",
        f"{'':30}{'nDCG@10':>24}{'recall@1':>24}{'parameters':>12}{'steps':>8}{'seconds':>9}",
    ]
    for name, one in (("VLM, through MLLMReranker", vlm), ("bi-encoder", bi)):
        cells = f"{shown(one['ndcg@10']):>24}{shown(one['recall@1']):>24}"
        lines.append(f"{name:30}{cells}{one['parameters']:>12,}{mean(one['steps']):>8.0f}{mean(one['seconds']):>9.0f}")
    difference = found["difference"]
    lines.append(f"{'difference':30}{shown(difference['ndcg@10']):>24}{shown(difference['recall@1']):>24}")
    lines.append(f"{'a random order':30}{'':26}{found['chance_recall@1']:.3f}")
    lines += ["", f"{'recall@1 by kind':30}{'VLM':>22}{'bi-encoder':>22}{'difference':>24}"]
    for kind, row in found["by_kind"].items():
        cells = f"{shown(row['vlm']):>22}{shown(row['bi_encoder']):>22}{shown(row['difference']):>24}"
        lines.append(f"{kind:30}{cells}")
    lines += [
        "",
        f"{'lists with 0 to 4 relevant':30}{'context-F1':>22}{'recall':>8}{'kept':>7}{'eta fitted, minus this':>25}",
    ]
    cut = found["threshold"]
    details = {"eta fitted": f" ({_range(cut['eta'], '.2f')})", "best fixed k": f" ({_range(cut['fixed_k'], '.0f')})"}
    for name in ("eta fitted", "eta 0.5", "best fixed k"):
        row, less = cut[name], cut.get(f"eta fitted - {name}")
        cells = (
            f"{shown(row['context_f1']):>22}{row['recall']:>8.3f}{row['kept']:>7.2f}{shown(less) if less else '':>25}"
        )
        lines.append(f"{name + details.get(name, ''):30}{cells}")
    return "\n".join(lines)


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


def shown(interval: dict[str, Any]) -> str:
    """Mean and ends of an interval."""
    one = Interval(**interval)
    if one.low is None or one.high is None:
        return f"{one.mean:.3f}"
    return f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _range(values: Sequence[float], style: str) -> str:
    low, high = f"{min(values):{style}}", f"{max(values):{style}}"
    return low if low == high else f"{low} to {high}"
