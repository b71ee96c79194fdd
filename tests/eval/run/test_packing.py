"""Evidence in the journal: written once, read back the same."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.run.packing import packed, unpacked

TEXTS = st.sampled_from(["a red bus", "a blue boat", "", "é\u2028"])
PASSAGES = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["d1", "d2", "1", "true"]),
        "score": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "planted": st.none() | st.just("poison"),
        "text": TEXTS,
        "images": st.integers(0, 2),
        "gold": st.booleans(),
    }
)
STEPS = st.fixed_dictionaries(
    {"name": TEXTS, "passages": st.lists(PASSAGES, max_size=5)}, optional={"left_out": st.integers(1, 9)}
)


@given(st.fixed_dictionaries({"query": TEXTS, "steps": st.lists(STEPS, max_size=4)}))
def test_what_is_packed_is_read_back_through_json(evidence: dict[str, Any]) -> None:
    again = unpacked(json.loads(json.dumps(packed(evidence))))
    assert json.dumps(again, sort_keys=True) == json.dumps(evidence, sort_keys=True)


@given(st.dictionaries(st.text(max_size=3), st.recursive(st.none() | st.text(max_size=3), st.lists, max_leaves=4)))
def test_evidence_of_another_shape_is_kept_as_it_is(evidence: dict[str, Any]) -> None:
    assert packed(evidence) == evidence


def test_a_text_is_written_once_and_not_again_at_each_step() -> None:
    passage = {"id": "d1", "score": 0.5, "planted": None, "text": "x" * 600, "images": 0, "gold": True}
    steps = [{"name": str(at), "passages": [{**passage, "score": at / 10}]} for at in range(7)]
    assert len(json.dumps(packed({"steps": steps}))) < 1200
    [one, *others] = [step["passages"][0]["text"] for step in unpacked(packed({"steps": steps}))["steps"]]
    assert all(other is one for other in others)


def test_one_id_with_two_texts_is_two_passages() -> None:
    steps = [{"name": name, "passages": [{"id": "d1", "score": 1.0, "text": name}]} for name in ("before", "after")]
    assert unpacked(packed({"steps": steps})) == {"steps": steps}
    assert len(packed({"steps": steps})["passages"]) == 2
