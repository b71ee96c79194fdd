"""Edge-first order for k = 1..200: the published formula, Tamis's EdgesOrder and LlamaIndex's LongContextReorder.

    python benchmarks/order.py [--json]

The formula ("Long-Context LLMs Meet RAG", 2024): rank i goes to position (i + 1) / 2 if i is odd and to
(k + 1) - i / 2 if it is even. Both components get the same candidates, best first, three times: with scores that
fall, with equal scores, and without scores.
"""

import argparse
import json
import sys

from llama_index.core.postprocessor import LongContextReorder
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, TextNode

from tamis.rerankers import EdgesOrder

LARGEST_K = 200
SCORES = ("falling", "equal", "none")


def by_formula(k: int) -> list[int]:
    """The rank at each position, both from 1, straight from the formula."""
    ranks = [0] * k
    for rank in range(1, k + 1):
        position = (rank + 1) // 2 if rank % 2 else (k + 1) - rank // 2
        ranks[position - 1] = rank
    return ranks


def ordered(component: BaseNodePostprocessor, k: int, scores: str) -> list[int]:
    """The rank at each position after the component has ordered k candidates that came best first."""
    ranks = range(1, k + 1)
    given: dict[str, list[float | None]] = {
        "falling": [1 / rank for rank in ranks],
        "equal": [0.5] * k,
        "none": [None] * k,
    }
    nodes = [
        NodeWithScore(node=TextNode(id_=str(rank), text=""), score=score)
        for rank, score in zip(ranks, given[scores], strict=True)
    ]
    return [int(node.node_id) for node in component.postprocess_nodes(nodes)]


def main() -> int:
    """Prints for how many k each is the formula and has the best first; exit code 1 if EdgesOrder ever differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    components: dict[str, BaseNodePostprocessor] = {
        "tamis EdgesOrder": EdgesOrder(),
        "LlamaIndex LongContextReorder": LongContextReorder(),
    }
    rows = []
    for name, component in components.items():
        for scores in SCORES:
            found = {k: ordered(component, k, scores) for k in range(1, LARGEST_K + 1)}
            rows.append(
                {
                    "component": name,
                    "scores": scores,
                    "equal_to_formula": sum(ranks == by_formula(k) for k, ranks in found.items()),
                    "best_first": sum(ranks[0] == 1 for ranks in found.values()),
                    "best_at_an_edge": sum(1 in (ranks[0], ranks[-1]) for ranks in found.values()),
                    "k_4": found[4],
                    "k_5": found[5],
                }
            )
    exact = all(row["equal_to_formula"] == LARGEST_K for row in rows if row["component"] == "tamis EdgesOrder")
    if options.json:
        print(
            json.dumps(
                {"command": "python benchmarks/order.py", "k": LARGEST_K, "rows": rows, "exact": exact}, indent=2
            )
        )
    else:
        print(f"of {LARGEST_K} lengths, k = 1..{LARGEST_K}")
        print(
            f"{'component':31s}{'scores':9s}{'= formula':>10s}{'best first':>12s}{'best at edge':>14s}   k = 4, k = 5"
        )
        for row in rows:
            print(
                f"{row['component']:31s}{row['scores']:9s}{row['equal_to_formula']:10d}{row['best_first']:12d}"
                f"{row['best_at_an_edge']:14d}   {row['k_4']}, {row['k_5']}"
            )
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
