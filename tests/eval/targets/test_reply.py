import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.eval.targets import BadReply, trace_of
from tamis.eval.trace import Passage, Step, Trace, Usage


def test_a_mapping_of_the_documented_form_is_taken_whole() -> None:
    trace = trace_of(
        {
            "answer": "red",
            "steps": [
                {"name": "retrieve", "passages": [{"id": "a", "text": "x", "score": 0.5}], "seconds": 0.25},
                {"name": "rerank", "passages": [{"id": 7, "text": "y", "images": ["data:image/gif;base64,R0lG"]}]},
            ],
            "prompt": "Say.",
            "usage": {"prompt_tokens": 3, "completion_tokens": 1, "cost": 0.5},
            "more": object(),
        }
    )
    assert trace == Trace(
        steps=(
            Step("retrieve", (Passage("a", Content("x"), 0.5),), 0.25),
            Step("rerank", (Passage("7", Content("y", (Image(url="data:image/gif;base64,R0lG"),))),)),
        ),
        answer=Content("red"),
        prompt="Say.",
        usage=Usage(3, 1, 0.5),
    )


def test_a_passage_without_an_id_gets_one_by_what_it_holds() -> None:
    first, second, third = trace_of({"passages": [{"text": "x"}, {"id": "", "text": "y"}, "x"]}).context
    assert first.id == third.id != second.id
    assert first.id.startswith("no-id-")


def test_a_score_that_is_no_number_is_unknown() -> None:
    passages = trace_of({"passages": [{"id": "a", "score": math.nan}, {"id": "b", "score": None}]}).context
    assert [one.score for one in passages] == [None, None]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({}, "none of answer, passages, steps; it has nothing at all"),
        ({"response": "x"}, "it has response"),
        ({"answer": 3}, "answer must be text or null, not a int"),
        ({"answer": "x", "passages": "y"}, "passages must be a list"),
        ({"passages": [3]}, r"passages\[0\] must be an object"),
        ({"passages": [{"id": "a", "text": 3}]}, r"passages\[0\].text"),
        ({"passages": [{"id": [], "text": "x"}]}, r"passages\[0\].id"),
        ({"passages": [{"id": "a", "score": "high"}]}, r"passages\[0\].score must be a number"),
        ({"passages": [{"id": "a", "images": ["http://x/y.png"]}]}, r"images\[0\] must be a data URL"),
        ({"steps": [{"passages": []}]}, r'steps\[0\] must be an object with a "name"'),
        ({"answer": "x", "usage": {"prompt_tokens": -1}}, "usage.prompt_tokens"),
        ({"answer": "x", "prompt": ["y"]}, "prompt must be text"),
    ],
)
def test_a_mapping_of_another_form_says_where(reply: dict[str, Any], said: str) -> None:
    with pytest.raises(BadReply, match=said):
        trace_of(reply)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["answer", "passages", "steps", "id", "text", "score", "name", "usage", "images", "cost"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=50)
@given(_JSON)
def test_any_json_is_a_trace_or_a_bad_reply(reply: object) -> None:
    try:
        trace = trace_of(reply)
    except BadReply:
        return
    for passage in (passage for step in trace.steps for passage in step.passages):
        assert passage.id
        assert passage.score is None or math.isfinite(passage.score)


def test_the_bound_on_an_answer_is_in_bytes() -> None:
    assert trace_of("é" * 50, max_answer_bytes=100).answer == Content("é" * 50)
    with pytest.raises(BadReply, match="102 bytes; at most 100"):
        trace_of("é" * 51, max_answer_bytes=100)
    with pytest.raises(BadReply, match="102 bytes"):
        trace_of(Trace(answer=Content("é" * 51)), max_answer_bytes=100)
