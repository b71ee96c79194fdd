"""Numbers, dates, names, negations: what is found, and what counts as the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.models.judges import dates, quantities
from tamis.models.judges.dates import dates_in
from tamis.models.judges.features import evidence_of, facts_of, features_of, in_order
from tamis.models.judges.names import names_in
from tamis.models.judges.polarity import conflicts, opposed, polarity_of
from tamis.models.judges.quantities import numbers_in


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("twenty-five and one hundred and five", [25, 105]),
        ("two million three hundred thousand", [2_300_000]),
        ("$5m, 3.5 billion, 1,204", [5e6, 3.5e9, 1204]),
        ("5m wide, 5 km", [5, 5]),
        ("one of them", []),
        ("the third and the 3rd", [3, 3]),
        ("7,000 and 5,6", [7000, 5, 6]),
        ("它长999公里，价格是3.5元。", [999, 3.5]),
        ("3000円です", [3000]),
        ("Room A12, x5, v2.10", []),
    ],
)
def test_numbers_in_digits_and_words(text: str, values: list[float]) -> None:
    assert [number.value for number in numbers_in(text)] == values


@pytest.mark.parametrize(
    ("claim", "evidence", "is_met"),
    [
        ("three wheels", "3 wheels", True),
        ("50%", "50 percent", True),
        ("50%", "50 people", False),
        ("5 km", "5 miles", False),
        ("about 3.5 million", "3,512,000", True),
        ("3.5 million", "3,612,000", False),
        ("12 years", "120 years", False),
        ("9", "1990", False),
    ],
)
def test_which_number_is_which(claim: str, evidence: str, is_met: bool) -> None:
    [number] = numbers_in(claim)
    assert quantities.is_met(number, numbers_in(evidence)) is is_met


@pytest.mark.parametrize(
    ("claim", "evidence", "is_met"),
    [
        ("March 2, 1991", "on 2 March 1991", True),
        ("March 2, 1991", "in March 1991", False),
        ("1991", "2 Mar. 1991", True),
        ("the 1990s", "in 1994", True),
        ("1994", "the 1990s", False),
        ("2003-04-05", "5 April 2003", True),
        ("1846", "1844–46", True),
        ("in May", "on 8 May 2003", True),
    ],
)
def test_which_date_is_which(claim: str, evidence: str, is_met: bool) -> None:
    [date] = dates_in(claim)
    assert dates.is_met(date, dates_in(evidence)) is is_met


@pytest.mark.parametrize("text", ["2000 people", "$1999", "version 1.2000"])
def test_what_is_no_date(text: str) -> None:
    assert dates_in(text) == []


def test_numbers_of_dates_are_not_counted_twice() -> None:
    facts = facts_of("It has 3 doors and was built on March 2, 1991.", evidence_of(("3 doors; built in 1991",)))
    assert [number.value for number in facts.numbers] == [3]
    assert len(facts.dates_missing) == 1
    assert not facts.numbers_missing


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Delhi", ["Delhi"]),
        ("The Oberoi Group is in Delhi.", ["Oberoi Group", "Delhi"]),
        ("Cats are nice. And cats eat.", []),
        ("However, Queen Elizabeth of England came in May.", ["Queen Elizabeth of England"]),
        ("THIS IS ALL LOUD", []),
        ("all is small", []),
        ("Goertz's song", ["Goertz"]),
        ("Based on the passages, it is open.", []),
        ("Therefore, it closes.", []),
        ("Sure! It is open. Certainly. Additionally, it is free.", []),
        ("Great question. Note that it is open. Hope that helps.", []),
        ("Great Britain is an island. Hope Solo plays.", ["Great Britain", "Hope Solo"]),
        ("According to Smith, it is open.", ["Smith"]),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    assert [name.text for name in names_in(text)] == names


@pytest.mark.parametrize(
    ("claim", "evidence", "number"),
    [
        ("It was not built in Rome.", "It was built in Rome.", 2),
        ("It was built in Rome.", "It was never built in Rome.", 2),
        ("It was not built in Rome.", "It wasn't built in Rome.", 0),
        ("It was not built.", "They painted it.", 0),
        ("It was not only built in Rome.", "It was built in Rome.", 0),
    ],
)
def test_a_negation_that_only_one_has(claim: str, evidence: str, number: int) -> None:
    assert conflicts(polarity_of(claim), polarity_of(evidence)) == number


def test_an_opposite_counts_only_where_the_evidence_lacks_the_word() -> None:
    assert opposed(["older"], frozenset({"younger"})) == ["older"]
    assert opposed(["older"], frozenset({"younger", "older"})) == []


def test_order_is_seen() -> None:
    evidence = evidence_of(("Caesar beat Pompey.",))
    right, wrong = features_of("Caesar beat Pompey.", evidence), features_of("Pompey beat Caesar.", evidence)
    assert right is not None
    assert wrong is not None
    assert right.coverage == wrong.coverage == 1
    assert right.order > wrong.order
    assert right.bigrams > wrong.bigrams


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_the_longest_common_sequence_is_that_of_the_plain_table(one: list[str], other: list[str]) -> None:
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, x in enumerate(one):
        for j, y in enumerate(other):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    assert in_order(one, other) == table[-1][-1]


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    facts_of(text, evidence_of((text,)))
    features = features_of(text, evidence_of((text,)))
    assert features is None or features.coverage == 1


@given(st.integers(min_value=0, max_value=10**12))
def test_a_number_is_found_with_and_without_separators(value: int) -> None:
    [number] = numbers_in(f"{value}")
    assert number.value == value
    assert quantities.is_met(number, numbers_in(f"{value:,}"))
