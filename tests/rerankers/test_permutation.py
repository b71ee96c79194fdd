"""A permutation is read from where a model gave it, and from nowhere else in what it wrote."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.rerankers.listwise.permutation import parsed


@given(st.text(alphabet="[]0123456789 >,.ab\n", max_size=60), st.integers(1, 12))
def test_whatever_is_written_becomes_a_permutation_or_nothing(text: str, count: int) -> None:
    found = parsed(text, count)
    if found.order is not None:
        assert sorted(found.order) == list(range(count))
        assert 0 <= found.omitted < count
    else:
        assert found.omitted == count


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("[2] > [1] > [3]", (1, 0, 2)),
        ("[3]>[2]", (2, 1, 0)),
        ("The order is: [ 2 ] > [1], as 3 of them differ.", (1, 0, 2)),
        ("2 > 3 > 1", (1, 2, 0)),
        ("ranking 3 > 1, I think", (2, 0, 1)),
        ("2, 3, 1", (1, 2, 0)),
        ("[3] [1]; [2].", (2, 0, 1)),
        ("[2]", (1, 0, 2)),
        ("1.\n2.\n3.", (0, 1, 2)),
        ("[0] [4] [5]", None),
        ("Passage 2 is best", None),
        ("12345, 3", None),
        ("", None),
        ("[" * 5000, None),
    ],
)
def test_forms_of_a_permutation(text: str, order: tuple[int, ...] | None) -> None:
    assert parsed(text, 3).order == order


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("Passages [1] and [2] are off topic. [3] > [4] > [1] > [2]", (2, 3, 0, 1)),
        ("[1] > [2] is plain to see, so: [4] > [1] > [2] > [3]. Mind that [3] > [2] was close.", (3, 0, 1, 2)),
        ("First I had [1] > [2] > [3] > [4], and now [4] > [3] > [2] > [1]", (3, 2, 1, 0)),
        ("In 2024 > 2019 terms: [2] > [1]", (1, 0, 2, 3)),
        ("None of [1], [2] and [3] helps; [4] answers it.", None),
        ("[1] is wrong", None),
        ("1. [3] 2. [1]", None),
    ],
)
def test_ids_in_running_text_are_no_order(text: str, order: tuple[int, ...] | None) -> None:
    assert parsed(text, 4).order == order


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("<think>[1] > [2] > [3]? No.</think>\n[3] > [1]", (2, 0, 1)),
        ("<think>[1] looks relevant.</think>[3], [2], [1]", (2, 1, 0)),
        ("the prompt began the thought: [1] > [2] > [3]</think>[3] > [1]", (2, 0, 1)),
        ("[3] > [1]<think>or [1] > [2] > [3]?</think>", (2, 0, 1)),
        ("<Thinking>[1] > [2]</Thinking>[2] > [3] > [1]<think>[1] > [2] > [3] > [", (1, 2, 0)),
        ("<think>[1] > [2] > [3], or was it", None),
        ("<think>[1] > [2] > [3]</think>", None),
    ],
)
def test_what_was_thought_is_not_the_answer(text: str, order: tuple[int, ...] | None) -> None:
    assert parsed(text, 3).order == order


@pytest.mark.parametrize("piece", ["[", "[1", "[ ", "1 ", "1 > ", "[1] ", "<think>", "</think>", "<"])
def test_long_texts_are_read_in_time(piece: str) -> None:
    started = time.monotonic()
    parsed(piece * 50_000, 20)
    assert time.monotonic() - started < 5.0
