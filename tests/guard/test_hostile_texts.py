"""Long texts made to take time: what reads passages, answers and queries takes time in proportion to their length."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tamis.guard.claims import nothing_to_check, said
from tamis.models.judges.dates import dates_in
from tamis.models.judges.names import names_in
from tamis.models.judges.quantities import numbers_in
from tamis.models.judges.replies import declines_to_argue, is_refusal, label_in
from tamis.models.no_answer import abstains
from tamis.models.refusal import answer_class
from tamis.models.screens.words import words
from tamis.models.sentences import sentences
from tamis.rerankers.exclusion import parse_exclusion

READERS: dict[str, Callable[[str], Any]] = {
    "sentences": sentences,
    "dates": dates_in,
    "numbers": numbers_in,
    "names": names_in,
    "words": lambda text: list(words(text)),
    "said": said,
    "nothing to check": nothing_to_check,
    "nothing to check in a row": lambda text: nothing_to_check("| a | b |", text),
    "exclusion": parse_exclusion,
    "answer class": answer_class,
    "abstains": abstains,
    "label": lambda text: label_in(text, ["YES", "NO"], "BBBBB"),
    "refusal": lambda text: (is_refusal(text), declines_to_argue(text)),
}
SHAPES: dict[str, Callable[[int], str]] = {
    "marks": lambda n: "." * n + "x",
    "marks between words": lambda n: "a" + "." * n + "b",
    "closers": lambda n: "." + ")" * n + "x",
    "marks and quotes": lambda n: "a" + ".'" * (n // 2) + "b",
    "blanks": lambda n: "a" + " " * n + "b",
    "tabs": lambda n: "a" + "\t" * n + "b",
    "lines": lambda n: "a" + " \n" * (n // 2) + "b",
    "blanks behind a month": lambda n: "1 March" + " " * n + "x",
    "blanks behind an exception": lambda n: "a except" + " " * n,
    "commas": lambda n: "," * n + "x",
    "commas and blanks": lambda n: "a" + " ," * (n // 2) + "b",
    "citations": lambda n: "a. [1" + " ,1" * (n // 3),
    "items": lambda n: "- " * (n // 2) + "x",
    "dashes": lambda n: "|" + "-" * n + "x",
    "openings": lambda n: "based on the given " * (n // 19),
    "buts": lambda n: "but " * (n // 4),
    "wide closers": lambda n: "。" + "」" * n + "と",
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_text_takes_no_sixteen_times_the_time(reader: str, shape: str) -> None:
    def spent(characters: int) -> float:
        text = SHAPES[shape](characters)
        start = time.process_time()
        READERS[reader](text)
        return time.process_time() - start

    # Of a few milliseconds nothing can be told, and of two measurements one may have collected garbage.
    assert min(spent(40_000), spent(40_000)) < 8 * max(spent(10_000), 0.05)
