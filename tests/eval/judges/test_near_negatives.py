"""Near-negatives: they differ in the one thing they are named for, and the evidence does not have what they say."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadSetting
from tamis.eval.attacks.attack import NotApplicable
from tamis.eval.judges.near_negatives import KINDS, NearNegative, near_negative, near_negatives
from tamis.models.judges.dates import dates_in
from tamis.models.judges.features import evidence_of, facts_of
from tamis.models.judges.polarity import polarity_of
from tamis.models.judges.quantities import numbers_in

EVIDENCE = [
    "Marie Curie was a Polish physicist who won two Nobel Prizes before Pierre Curie died on 19 April 1906. "
    "Ernest Rutherford was born in 1871 in New Zealand. She had 2 daughters."
]
CLAIM = "Marie Curie was a Polish physicist who was born before Ernest Rutherford in 1867 and had 2 daughters."
OTHERS = ["Albert Einstein played the violin.", "Niels Bohr lived in Copenhagen."]


def made(kind: str, claim: str = CLAIM, seed: int = 0) -> NearNegative:
    return near_negative(kind, claim, EVIDENCE, Random(seed), others=OTHERS)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(8))
def test_another_number_that_the_evidence_lacks(seed: int) -> None:
    twin = made("number", seed=seed)
    [before], [after] = numbers_in(CLAIM, dates_in(CLAIM)), numbers_in(twin.claim, dates_in(twin.claim))
    assert before.value != after.value
    assert facts_of(twin.claim, evidence_of(tuple(EVIDENCE))).numbers_missing
    assert sum(one != other for one, other in zip(CLAIM.split(), twin.claim.split(), strict=True)) == 1


@pytest.mark.parametrize("seed", range(8))
def test_another_date_that_the_evidence_lacks(seed: int) -> None:
    twin = made("date", "Pierre Curie died on 19 April 1906.", seed)
    assert dates_in(twin.claim)[0][:3] != (1906, 4, 19)
    assert facts_of(twin.claim, evidence_of(tuple(EVIDENCE))).dates_missing


def test_another_name_that_the_evidence_lacks() -> None:
    twin = made("entity")
    assert twin.was in ("Marie Curie", "Polish", "Ernest Rutherford")
    assert twin.became in ("Albert Einstein", "Niels Bohr", "Copenhagen")


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("She was a physicist.", "She was not a physicist."),
        ("She was not a chemist.", "She was a chemist."),
        ("She didn't leave.", "She did leave."),
        ("Delhi", "not Delhi"),
    ],
)
def test_a_negation_more_or_less(claim: str, expected: str) -> None:
    assert made("negation", claim).claim == expected
    assert polarity_of(expected).negations != polarity_of(claim).negations


def test_names_change_places_or_a_relation_its_sense() -> None:
    assert made("relation", "Caesar defeated Pompey.").claim == "Pompey defeated Caesar."
    assert made("relation", "Caesar and Pompey came before noon.").claim == "Caesar and Pompey came after noon."


def test_another_attribute_of_the_same_kind() -> None:
    twin = made("attribute", "She was a Polish woman.")
    assert twin.was == "Polish"
    assert twin.became != "Polish"


def test_whole_other_claims() -> None:
    assert made("other answer").claim in OTHERS
    assert made("overlap").claim in (
        "Ernest Rutherford was a Polish physicist who won two Nobel Prizes before Pierre Curie died on 19 April 1906.",
        "Marie Curie was born in 1871 in New Zealand.",
    )


@pytest.mark.parametrize("kind", ["number", "date", "entity", "relation", "attribute"])
def test_what_cannot_be_made_says_why(kind: str) -> None:
    with pytest.raises(NotApplicable, match="the claim has no"):
        made(kind, "it sleeps")


def test_an_unknown_kind_is_named_with_those_there_are() -> None:
    with pytest.raises(BadSetting, match="other answer"):
        made("typo")


@given(st.text(max_size=60), st.text(max_size=60), st.integers(0, 5))
def test_the_same_seed_makes_the_same_twins_and_none_is_the_claim(claim: str, evidence: str, seed: int) -> None:
    one, other = (
        [(kind, str(twin)) for kind, twin in near_negatives(claim, [evidence], seed=seed, others=OTHERS)]
        for _ in range(2)
    )
    assert one == other
    assert [kind for kind, _ in one] == list(KINDS)
    for _, twin in near_negatives(claim, [evidence], seed=seed, others=OTHERS):
        assert isinstance(twin, NotApplicable) or twin.claim != claim
