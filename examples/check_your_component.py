"""Does a component keep LlamaIndex's contract? The same checks that hold Tamis's own, for anybody's.

Prints:

    EdgesOrder: passed
    Alphabetical: failed
      class_name() is its own
      the input list is not changed
      takes every kind of node
      sync and async give the same result
    LongContextReorder: failed
      goes by the order it is given
"""

from llama_index.core.postprocessor import LongContextReorder
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

from tamis.rerankers import EdgesOrder
from tamis.testing import check_postprocessor


class Alphabetical(BaseNodePostprocessor):
    """An orderer with a mistake that is easily made: it sorts the caller's own list."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        nodes.sort(key=lambda node: node.text)
        return nodes


def main() -> None:
    """Checks three orderers and names what each of them breaks."""
    for component in (EdgesOrder(), Alphabetical(), LongContextReorder()):
        report = check_postprocessor(component, "orderer")
        print(f"{report.component}: {'passed' if report.passed else 'failed'}")
        for finding in report.failures:
            print(f"  {finding.assertion}")


if __name__ == "__main__":
    main()
