"""A policy of your own: how many passages to keep, from their probabilities alone.

Prints:

    likely 0.9 0.85 0.4: keeps 2
    likely 0.4 0.3 0.1: keeps 0
    [0.9, 0.85]
"""

from collections.abc import Sequence
from dataclasses import dataclass

from llama_index.core.schema import NodeWithScore, TextNode

from tamis.rerankers import AdaptiveTopK


@dataclass(frozen=True)
class EnoughEvidence:
    """Keeps the fewest passages that hold a relevant one with this probability; none if all together do not."""

    sure: float = 0.95

    def keep(self, probabilities: Sequence[float]) -> int:
        """How many of the passages, which come best first."""
        none_relevant = 1.0
        for k, probability in enumerate(probabilities, start=1):
            none_relevant *= 1 - probability
            if 1 - none_relevant >= self.sure:
                return k
        return 0


def main() -> None:
    """Asks the policy itself, then lets it select among LlamaIndex nodes."""
    policy = EnoughEvidence()
    for probabilities in ([0.9, 0.85, 0.4], [0.4, 0.3, 0.1]):
        print("likely", *probabilities, end=": ")
        print("keeps", policy.keep(probabilities))

    nodes = [NodeWithScore(node=TextNode(text=f"passage {p}"), score=p) for p in (0.9, 0.85, 0.4)]
    print([node.score for node in AdaptiveTopK(policy=policy).postprocess_nodes(nodes)])


if __name__ == "__main__":
    main()
