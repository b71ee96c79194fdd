"""Steps by name: none lost, none under another's name, the last always as the context."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.eval.metrics import Observed
from tamis.eval.metrics.context_tokens import ContextTokens, count_tokens
from tamis.eval.metrics.steps import steps_of
from tamis.eval.outcome import Scored, Unscored
from tamis.eval.trace import Passage, Step, Trace

NAMES = st.lists(st.sampled_from(["retrieve", "context", "context#2", "Reranker", "Reranker#2", ""]), max_size=6)


@given(NAMES)
def test_each_step_has_a_name_of_its_own_and_the_last_feeds_the_answer(names: list[str]) -> None:
    steps = tuple(Step(name, (Passage(str(place), Content("x")),)) for place, name in enumerate(names))
    found = steps_of(Trace(steps=steps))
    assert {passages[0].id for passages in found.values()} == {str(place) for place in range(len(names))}
    assert len(found) == len(names) + (bool(names) and names[-1] != "context")
    if names:
        assert found["context"] == steps[-1].passages


def test_context_tokens(observe: Callable[..., Observed]) -> None:
    seen = observe(["a", "b"], ["a"])
    assert ContextTokens().score(seen) == {"context_tokens": Scored(3.0)}
    assert ContextTokens().score(observe(["a"], [])) == {"context_tokens": Scored(0.0)}
    assert isinstance(ContextTokens().score(observe())["context_tokens"], Unscored)
    assert count_tokens("") == 0
    assert count_tokens("a_b c-d\n東京 tower") == 7
