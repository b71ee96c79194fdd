"""Passages compared with relevant documents by their texts: by hand, and with ragas where it is installed."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadSetting, MissingExtra
from tamis.eval.attacks.attack import Attacked
from tamis.eval.case import Case, Document
from tamis.eval.metrics.context_similarity_likeness import likeness
from tamis.eval.metrics.context_similarity_precision import ContextSimilarityPrecision, average_precision
from tamis.eval.metrics.context_similarity_recall import ContextSimilarityRecall
from tamis.eval.metrics.metric import Observed
from tamis.eval.metrics.reference_contexts import NO_REFERENCE, reference_contexts
from tamis.eval.outcome import Scored, Unscored
from tamis.eval.trace import Passage, Step, Trace
from tamis.eval.variant import CLEAN

PRECISION, RECALL = "context_similarity_precision [context]", "context_similarity_recall [context]"
texts = st.lists(st.text("abcd", min_size=1, max_size=8), min_size=1, max_size=4)


def seen(retrieved: list[str], relevant: list[str]) -> Observed:
    documents = tuple(Document(f"g{place}", Content(text)) for place, text in enumerate(relevant))
    case = Case("1", Content("q"), documents, {one.id: 1 for one in documents})
    passages = tuple(Passage(f"r{place}", Content(text)) for place, text in enumerate(retrieved))
    return Observed(case, CLEAN, Attacked(case.query), Trace((Step("retrieve", passages),)))


@pytest.fixture
def rapidfuzz() -> None:
    pytest.importorskip("rapidfuzz", reason="rapidfuzz is not installed: make test-ragas")


@pytest.mark.usefixtures("rapidfuzz")
class TestByHand:
    def test_at_the_threshold_it_counts_for_precision_and_not_for_recall(self) -> None:
        half = seen(["zzzz", "abzz"], ["abcd"])
        assert ContextSimilarityPrecision().score(half)[PRECISION] == Scored(0.5)
        assert ContextSimilarityRecall().score(half)[RECALL] == Scored(0.0)
        assert ContextSimilarityRecall(threshold=0.49).score(half)[RECALL] == Scored(1.0)

    def test_one_passage_serves_for_two_documents_and_counts_twice_where_it_comes_twice(self) -> None:
        both = seen(["abcd", "zzzz", "abcd"], ["abcd", "abce", "wxyz"])
        assert ContextSimilarityPrecision().score(both)[PRECISION] == Scored((1 + 2 / 3) / 2)
        assert ContextSimilarityRecall().score(both)[RECALL] == Scored(2 / 3)

    @pytest.mark.parametrize("threshold", [0.1, 0.3, 0.7, 0.9])
    def test_a_threshold_that_is_no_binary_fraction_is_met_by_what_is_at_it(self, threshold: float) -> None:
        same = round(10 * threshold)
        at = seen(["a" * same + "z" * (10 - same)], ["a" * 10])
        assert ContextSimilarityPrecision(threshold).score(at)[PRECISION] == Scored(1.0)

    @given(st.text("ab", max_size=8), st.text("ab", max_size=8), st.floats(0, 1))
    def test_what_is_given_up_early_is_below_the_threshold(self, a: str, b: str, threshold: float) -> None:
        whole, early = likeness(a, b, 0.0), likeness(a, b, threshold)
        assert early == whole or (early == 0.0 and whole < threshold)


def test_average_precision_by_hand() -> None:
    assert average_precision([]) == 0.0
    assert average_precision([False, True, True]) == (1 / 2 + 2 / 3) / 2


def test_what_is_not_known_is_unscored() -> None:
    for metric, figure in ((ContextSimilarityPrecision(), PRECISION), (ContextSimilarityRecall(), RECALL)):
        assert metric.score(seen(["abcd"], []))[figure] == NO_REFERENCE
    partly = Case("1", Content("q"), (Document("a", Content("x")),), {"a": 1, "b": 1})
    assert reference_contexts(partly) == NO_REFERENCE
    assert reference_contexts(Case("1", Content("q"), extra={"reference_contexts": ["x", "y"]})) == ("x", "y")


@pytest.mark.usefixtures("rapidfuzz")
def test_a_step_that_gave_nothing_is_unscored() -> None:
    assert isinstance(ContextSimilarityRecall().score(seen([], ["abcd"]))[RECALL], Unscored)
    assert isinstance(ContextSimilarityPrecision().score(seen([], ["abcd"]))[PRECISION], Unscored)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan, True, "0.5"])
def test_a_threshold_is_a_share(threshold: float) -> None:
    with pytest.raises(BadSetting, match="threshold must be"):
        ContextSimilarityPrecision(threshold)
    with pytest.raises(BadSetting, match="threshold must be"):
        ContextSimilarityRecall(threshold)


@given(texts, texts)
@examples(max_examples=40)
def test_the_same_numbers_as_ragas(retrieved: list[str], relevant: list[str]) -> None:
    from tamis.eval.bridges.ragas_door import from_ragas

    try:
        precision = from_ragas("ragas.metrics._context_precision").NonLLMContextPrecisionWithReference()
        recall = from_ragas("ragas.metrics._context_recall").NonLLMContextRecall()
    except MissingExtra as error:
        pytest.skip(f"{error}: make test-ragas")
    sample = from_ragas("ragas.dataset_schema").SingleTurnSample(
        retrieved_contexts=retrieved, reference_contexts=relevant
    )
    one = seen(retrieved, relevant)
    for ours, theirs in (
        (ContextSimilarityPrecision().score(one)[PRECISION], precision),
        (ContextSimilarityRecall().score(one)[RECALL], recall),
    ):
        assert isinstance(ours, Scored)
        assert ours.value == pytest.approx(asyncio.run(theirs.single_turn_ascore(sample)), abs=1e-9)
