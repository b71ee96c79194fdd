"""Holds a postprocessor to LlamaIndex's contract and to the promise of its role."""

from collections.abc import Sequence
from typing import cast

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

from . import composition, configuration, data_contract, execution, promises
from .assertions import Assertions, named
from .report import ConformanceReport
from .samples import QUERY, texts
from .stage import Make, Role, Stage


def check_postprocessor(
    component: BaseNodePostprocessor | Make,
    role: Role,
    *,
    query: QueryBundle | str = QUERY,
    nodes: Sequence[NodeWithScore] | None = None,
    needs_query: bool | None = None,
    slow: BaseNodePostprocessor | Make | None = None,
    failing: BaseNodePostprocessor | Make | None = None,
) -> ConformanceReport:
    """Makes every assertion about a postprocessor, or about what a factory makes, and reports on each.

    ``role`` is the promise it is held to: a "reranker" keeps the set of nodes, scores each and returns best first;
    a "selector" keeps scores and order and drops some nodes; an "orderer" permutes, by place and not by score, and
    changes nothing else; "any" is held to none of these. Make it so that it can keep the promise: a reranker that
    also cuts off, with its cut at 10 or more. ``nodes`` (three or more, best first) replace the sample passages.
    ``needs_query`` says whether it has to refuse work without a query; by default a reranker has to. ``slow`` is
    the same component with work that takes 0.2 s or more: without it, blocking, overlap and cancellation cannot be
    seen where the component is quick. ``failing`` is the same component with work that raises, to see what it emits
    then.

    >>> from llama_index.core.postprocessor import LongContextReorder
    >>> for finding in check_postprocessor(LongContextReorder(), "orderer").failures:
    ...     print(finding.assertion)
    goes by the order it is given
    """
    make = _factory(component)
    subject = Stage(
        make=make,
        role=role,
        query=QueryBundle(query) if isinstance(query, str) else query,
        nodes=tuple(texts() if nodes is None else nodes),
        needs_query=role == "reranker" if needs_query is None else needs_query,
        slow=make if slow is None else _factory(slow),
        failing=make if failing is None else _factory(failing),
    )
    table: Assertions[Stage] = Assertions()
    for part in (configuration, data_contract, promises, execution, composition):
        table.checks.update(part.assertion.checks)
    return table.judge(named(make), subject)


def _factory(component: BaseNodePostprocessor | Make) -> Make:
    if callable(component) and (isinstance(component, type) or not hasattr(component, "postprocess_nodes")):
        return component
    found = cast(BaseNodePostprocessor, component)
    return lambda: found
