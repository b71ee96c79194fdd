"""Each assertion about a postprocessor's settings and data fails for a component that breaks just it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from pydantic import Field, PrivateAttr

from tamis.core.errors import ScorerError
from tamis.testing import FakeReranker, check_postprocessor, configuration, data_contract

Nodes = list[NodeWithScore]


class Borrowed:
    """Works, but is no postprocessor."""

    def postprocess_nodes(self, nodes: Nodes, query_bundle: QueryBundle | None = None) -> Nodes:
        return nodes


class Nameless(FakeReranker):
    @classmethod
    def class_name(cls) -> str:
        return "BaseNodePostprocessor"


class Forgetful(FakeReranker):
    bonus: float = Field(default=0.0, exclude=True)

    def one(self, each: NodeWithScore, query: str) -> float | None:
        return (super().one(each, query) or 0.0) + self.bonus


class Heavy(FakeReranker):
    _weights: Any = PrivateAttr(default_factory=lambda: np.zeros(2**20))


class Telltale(FakeReranker):
    cloud_api_key: str = "sesame"


class Unpicklable(FakeReranker):
    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("cannot pickle it")


class Stubborn(FakeReranker):
    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, CallbackManager):
            value = CallbackManager(value.handlers)
        super().__setattr__(name, value)


class PromptHider(FakeReranker):
    def _get_prompts(self) -> dict[str, Any]:
        return {"judge": "is it relevant?"}


class Tuple(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        return tuple(super().rank(nodes, bundle))  # type: ignore[return-value]


class Numpy(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        found = super().rank(nodes, bundle)
        for each in found:
            each.score = np.float64(each.score)
        return found


class NotANumber(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        found = super().rank(nodes, bundle)
        if len({each.score for each in found}) == 1 < len(found):
            for each in found:
                each.score = float("nan")
        return found


class Unwritable(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        found = super().rank(nodes, bundle)
        for each in found:
            each.node = each.node.model_copy(update={"metadata": {"judge": object()}})
        return found


class ListSorter(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        found = super().rank(nodes, bundle)
        nodes.clear()
        return found


class InPlace(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        if self.error:
            raise ScorerError(self.error)
        for each in nodes:
            each.score = self.one(each, bundle.query_str)
        return sorted(nodes, key=self.key)


class Scribbler(FakeReranker):
    def one(self, each: NodeWithScore, query: str) -> float | None:
        each.node.metadata["retrieval_score"] = each.score
        return super().one(each, query)


class QueryScribbler(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        bundle.embedding = [0.0]
        return super().rank(nodes, bundle)


class Inventor(FakeReranker):
    def nothing(self) -> Nodes:
        return [NodeWithScore(node=TextNode(text="nothing found"), score=0.0)]


class Queryless(FakeReranker):
    def checked(self, query_bundle: QueryBundle | None) -> QueryBundle:
        return query_bundle or QueryBundle("")


class Undecided(FakeReranker):
    def postprocess_nodes(
        self, nodes: Nodes, query_bundle: QueryBundle | None = None, query_str: str | None = None
    ) -> Nodes:
        return super().postprocess_nodes(nodes, query_bundle, None if query_bundle else query_str)

    async def apostprocess_nodes(
        self, nodes: Nodes, query_bundle: QueryBundle | None = None, query_str: str | None = None
    ) -> Nodes:
        return await super().apostprocess_nodes(nodes, query_bundle, None if query_bundle else query_str)


class StringDeaf(FakeReranker):
    async def apostprocess_nodes(
        self, nodes: Nodes, query_bundle: QueryBundle | None = None, query_str: str | None = None
    ) -> Nodes:
        return await super().apostprocess_nodes(nodes, query_bundle, None if query_str is None else "picnic")


class TextOnly(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        return super().rank([each for each in nodes if isinstance(each.node, TextNode)], bundle)


class Ascii(FakeReranker):
    def one(self, each: NodeWithScore, query: str) -> float | None:
        each.node.get_content().encode("ascii")
        return super().one(each, query)


class FirstLetter(FakeReranker):
    def one(self, each: NodeWithScore, query: str) -> float | None:
        return (super().one(each, query) or 0.0) + 0.0 * ord(each.node.get_content()[0])


class Spread(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        1 / (len(nodes) - 1)
        return super().rank(nodes, bundle)


class Prior(FakeReranker):
    def one(self, each: NodeWithScore, query: str) -> float | None:
        return (super().one(each, query) or 0.0) + 0.0 * each.score  # type: ignore[operator]


class ById(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        return list({each.node.node_id: each for each in super().rank(nodes, bundle)}.values())


class QueryLength(FakeReranker):
    def one(self, each: NodeWithScore, query: str) -> float | None:
        return (super().one(each, query) or 0.0) + 0.0 / len(query)


BROKEN: list[tuple[str, Callable[[], Any]]] = [
    ("is a BaseNodePostprocessor", Borrowed),
    ("class_name() is its own", Nameless),
    ("to_dict and from_dict round trip", lambda: Forgetful(bonus=1.0)),
    ("a round trip loads no weights", Heavy),
    ("its settings show no secrets", Telltale),
    ("pickles and unpickles", Unpicklable),
    ("callback_manager can be assigned", Stubborn),
    ("prompts can be reached", PromptHider),
    ("returns a list of NodeWithScore", Tuple),
    ("scores are Python floats", Numpy),
    ("scores are finite", NotANumber),
    ("nodes can be written as JSON", Unwritable),
    ("the input list is not changed", ListSorter),
    ("the caller's scores are not changed", InPlace),
    ("the caller's nodes and metadata are not changed", Scribbler),
    ("the query bundle is not changed", QueryScribbler),
    ("an empty list gives an empty list", Inventor),
    ("a missing query raises ValueError", Queryless),
    ("two queries raise ValueError", Undecided),
    ("query_str is a query bundle without more", StringDeaf),
    ("takes every kind of node", TextOnly),
    ("takes unicode", Ascii),
    ("takes empty and very long texts", FirstLetter),
    ("takes a single node", Spread),
    ("takes nodes without scores", Prior),
    ("takes duplicate node ids", ById),
    ("takes an empty query", QueryLength),
]


@pytest.mark.parametrize(("assertion", "make"), BROKEN, ids=[name for name, _ in BROKEN])
def test_a_component_that_breaks_one_assertion_fails_just_that_one(assertion: str, make: Callable[[], Any]) -> None:
    report = check_postprocessor(make, "reranker", failing=FakeReranker(error="no answer"))

    assert [finding.assertion for finding in report.failures] == [assertion], report.failures
    assert report[assertion].reason


def test_every_assertion_about_settings_and_data_has_a_component_that_breaks_it() -> None:
    names = configuration.assertion.names() + data_contract.assertion.names()

    assert names == [assertion for assertion, _ in BROKEN]
