"""Every component of the room is held to the contract that is shipped for other people's components."""

import pytest

from tamis.rerankers import (
    AdaptiveTopK,
    DocumentOrder,
    DuplicateFilter,
    EdgesOrder,
    FixedK,
    LargestGap,
    RankOrder,
    RecallGuarantee,
    Reranker,
    ReverseOrder,
    Threshold,
    ZCut,
)
from tamis.testing import FakeScorer, check_postprocessor

SELECTORS = [
    AdaptiveTopK(),
    AdaptiveTopK(RecallGuarantee(0.1, threshold=0.4, n_queries=30)),
    AdaptiveTopK(Threshold()),
    AdaptiveTopK(ZCut()),
    AdaptiveTopK(LargestGap()),
    AdaptiveTopK(FixedK(3)),
    DuplicateFilter(),
]


def test_reranker() -> None:
    report = check_postprocessor(
        Reranker(FakeScorer()),
        "reranker",
        slow=Reranker(FakeScorer(delay_s=0.2)),
        failing=Reranker(FakeScorer(error="down")),
    )
    assert report.failures == []


@pytest.mark.parametrize("selector", SELECTORS, ids=str)
def test_selectors(selector: AdaptiveTopK) -> None:
    assert check_postprocessor(selector, "selector").failures == []


@pytest.mark.parametrize("order", [EdgesOrder(), RankOrder(), ReverseOrder(), DocumentOrder()], ids=str)
def test_orders(order: EdgesOrder) -> None:
    assert check_postprocessor(order, "orderer").failures == []
