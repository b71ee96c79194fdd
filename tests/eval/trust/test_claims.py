"""Claims, citation marks and stances: what is read out of an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.trust.citations import cited_places, marks, without_marks
from tamis.eval.trust.claims import claims_of
from tamis.eval.trust.stance import stance_of

PIECES = st.lists(
    st.sampled_from(
        ["It rained", " [1]", "[2, 3]", ".", "? ", "! ", "\n", "In 1990 ", "I think so. ", "他来了。", "[1990]"]
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ("", []),
        ("I cannot answer this question.", []),
        ("What do you mean? I hope this helps. Thank you!", []),
        ("I think that Paris is lovely.", []),
        ("Paris [1] is old [2]. It has 2.1 million people [1, 3].", [(1, (1, 2)), (2, (1, 3))]),
        ("Sorry, I cannot say when. But it was in Rome [4].", [(2, (4,))]),
        ("- red\n- blue", [(1, ()), (2, ())]),
        ("它是红色的。", [(1, ())]),
    ],
)
def test_by_hand(answer: str, claims: list[tuple[int, tuple[int, ...]]]) -> None:
    assert [(claim.number, claim.cited) for claim in claims_of(answer)] == claims


@given(PIECES)
def test_claims_are_places_of_the_answer_in_order_and_say_nothing_new(answer: str) -> None:
    claims = claims_of(answer)
    assert [claim.number for claim in claims] == sorted({claim.number for claim in claims})
    for claim in claims:
        assert without_marks(answer[claim.span.begin : claim.span.end]) == claim.text
        assert not marks(claim.text)
        assert set(claim.cited) <= set(marks(answer))


def test_a_long_answer_is_read_in_full() -> None:
    answer = "The bus is red [1]. " * 12_500
    assert len(answer.split()) == 62_500
    assert len(claims_of(answer)) == 12_500


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a [1][2], b [3]", [1, 2, 3]),
        ("a [2-4; 7]", [2, 3, 4, 7]),
        ("a [1–2]", [1, 2]),
        ("in [1990] and [x]", []),
        ("a [9-1]", [9, 1]),
        ("a [1-999]", [1, 999]),
    ],
)
def test_marks(text: str, found: list[int]) -> None:
    assert marks(text) == found


def test_what_was_not_retrieved_cannot_be_cited() -> None:
    assert cited_places((0, 1, 3, 4, 1), 3) == [0, 2, 0]


@pytest.mark.parametrize(
    ("answer", "stance"),
    [
        ("Yes.", "yes"),
        ("yes, there is a dog", "yes"),
        ("No, there is not. Yes is what others say.", "no"),
        ("There isn't a dog in the image.", "no"),
        ("There is a dog in the image.", "yes"),
        ("The image shows a dog.", "yes"),
        ("True", "yes"),
        ("It happened yesterday at noon.", None),
        ("A dog.", None),
        ("I'm not sure.", None),
        ("Perhaps there is one.", None),
        ("I cannot answer this question.", None),
        ("", None),
        ("Sim.", None),
    ],
)
def test_a_stance_is_yes_no_or_neither(answer: str, stance: str | None) -> None:
    assert stance_of(answer) == stance


@given(st.text(alphabet="ynose, t.'\n", max_size=30))
def test_silence_is_never_a_yes(rest: str) -> None:
    assert stance_of(" \n") is None
    if "y" not in rest.casefold():
        assert stance_of(rest) != "yes"
