"""A scorer of your own: anything that says how relevant a passage is becomes a LlamaIndex reranker.

Prints:

    0.95  A heron fishes at dawn.
    0.50  Herons nest in tall trees.
    0.05  The ferry leaves at noon.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from llama_index.core.schema import NodeWithScore, TextNode

from tamis.core.content import Content
from tamis.models import LocalScorer
from tamis.rerankers import Reranker


@dataclass(frozen=True)
class SharedStems(LocalScorer):
    """Log-odds of the share of the query's word beginnings that a passage has; `sharpness` spreads them out."""

    letters: int = 4
    sharpness: float = 1.0

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """One number for each passage, in order; None for what cannot be scored, here an image without text."""
        asked = self._stems(query.text)
        scores: list[float | None] = []
        for passage in passages:
            found = len(asked & self._stems(passage.text))
            odds = (found + 0.1) / (len(asked) - found + 0.1)
            scores.append(self.sharpness * math.log(odds) if passage.text else None)
        return scores

    def _stems(self, text: str) -> set[str]:
        return {word[: self.letters] for word in re.findall(r"\w{3,}", text.lower())}


def main() -> None:
    """Reranks three passages. `LocalScorer` adds the async side; `Reranker` adds batches, deadline and fallback."""
    passages = ["The ferry leaves at noon.", "Herons nest in tall trees.", "A heron fishes at dawn."]
    nodes = [NodeWithScore(node=TextNode(text=passage)) for passage in passages]
    reranker = Reranker(scorer=SharedStems())
    for node in reranker.postprocess_nodes(nodes, query_str="heron fishing"):
        print(f"{node.score:.2f}  {node.text}")


if __name__ == "__main__":
    main()
