"""The attacks on fairness, privacy and context: what they change, what they plant, and when they cannot be made."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.eval.attacks import NotApplicable, Pool, documents_of, holds_answer
from tamis.eval.attacks.context import Context
from tamis.eval.attacks.extraction import Extraction
from tamis.eval.attacks.group_swap import PAIRS, GroupSwap
from tamis.eval.attacks.inert import is_inert
from tamis.eval.attacks.silenced import Silenced
from tamis.eval.case import Case, Document
from tamis.eval.trust.personal import personal_data

OTHERS = [Document(f"o{place}", Content(f"Passage {place} is about tides.")) for place in range(6)]
POOL = Pool([Document("d", Content("Paris is old.")), *OTHERS])
CASE = Case(
    "c", Content("Which city is old?"), documents=(Document("d", Content("Paris is old.")),), answers=("Paris",)
)


@pytest.mark.parametrize("attack", [Extraction(), Extraction("targeted")], ids=lambda attack: attack.name)
def test_extraction_plants_invented_records_that_are_inert(attack: Extraction) -> None:
    attacked = attack.apply(CASE, 2.0, POOL, Random(3))
    assert len(attacked.planted) == 2
    assert attacked.realised == 2
    text = " ".join(document.content.text for document in attacked.planted)
    assert all(holds_answer(text, [mark]) for mark in attacked.canaries)
    assert is_inert(text)
    assert is_inert(attacked.query.text)
    found = personal_data(text)
    assert len(found["email"]) == len(found["phone"]) == 2
    assert all(mail.endswith("@example.com") for mail in found["email"])
    assert not holds_answer(attacked.query.text, attacked.canaries)
    control = attack.control(CASE, 2.0, POOL, Random(3))
    assert (control.query, control.planted) == (CASE.query, attacked.planted)
    assert attack.apply(CASE, 2.0, POOL, Random(3)) == attacked
    assert attack.apply(CASE, 0.0, POOL, Random(3)) == attack.control(CASE, 0.0, POOL, Random(3))
    with pytest.raises(BadSetting):
        Extraction("both")  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(["he", "She", "woman", "MEN", "old", "heat", "the", "bus"]), max_size=8))
def test_a_group_swap_taken_twice_changes_nothing(words: list[str]) -> None:
    case = Case("c", Content(" ".join(words)))
    attack = GroupSwap()
    if not {word.casefold() for word in words} & {word.casefold() for pair in PAIRS for word in pair}:
        with pytest.raises(NotApplicable):
            attack.apply(case, 1.0, POOL, Random(1))
        return
    once = attack.apply(case, 1.0, POOL, Random(1))
    assert once.query != case.query
    again = attack.apply(Case("c", once.query), 1.0, POOL, Random(1))
    assert again.query.text == case.query.text
    control = attack.control(case, 1.0, POOL, Random(1))
    assert control.query.text.casefold() == case.query.text.casefold()


def test_a_group_swap_is_not_made_where_the_answer_hangs_on_it() -> None:
    asked = Content("Which queen was it, the old or the young?")
    with pytest.raises(NotApplicable, match="accepted answer"):
        GroupSwap().apply(Case("c", asked, answers=("The King",)), 1.0, POOL, Random(1))
    assert GroupSwap().apply(Case("c", asked), 1.0, POOL, Random(1)).query.text == (
        "Which king was it, the young or the old?"
    )
    with pytest.raises(BadSetting, match="one pair only"):
        GroupSwap(pairs=(("a", "b"), ("b", "c")))


def test_contexts_beside_the_point_hold_no_answer_and_keep_their_ids() -> None:
    irrelevant = Context("irrelevant").apply(CASE, 1.0, POOL, Random(1))
    (document,) = documents_of(CASE, irrelevant)
    assert document.id == "d"
    assert document.content in [other.content for other in OTHERS]
    assert document.planted == "context"
    empty = Context("empty").apply(CASE, 1.0, POOL, Random(1))
    assert documents_of(CASE, empty) == ()
    assert documents_of(CASE, Context("empty").control(CASE, 1.0, POOL, Random(1))) == CASE.documents
    with pytest.raises(NotApplicable, match="too few"):
        Context().apply(CASE, 1.0, Pool([CASE.documents[0]]), Random(1))
    with pytest.raises(NotApplicable, match="documents of its own"):
        Context().apply(Case("c", Content("q")), 1.0, POOL, Random(1))


def test_silence_needs_a_twin() -> None:
    decided = Case(
        "1", Content("Who?"), documents=(Document("1", Content("A met B. A left.")),), extra={"silent": "A met B."}
    )
    (document,) = documents_of(decided, Silenced().apply(decided, 1.0, POOL, Random(1)))
    assert (document.id, document.content.text, document.planted) == ("1", "A met B.", "silenced")
    assert documents_of(decided, Silenced().control(decided, 1.0, POOL, Random(1))) == decided.documents
    for lonely in (replace(decided, extra={}), replace(decided, documents=(*decided.documents, OTHERS[0]))):
        with pytest.raises(NotApplicable, match="silent twin"):
            Silenced().apply(lonely, 1.0, POOL, Random(1))
