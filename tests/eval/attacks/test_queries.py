"""Typos and paraphrases, worked out by hand."""

import re
from dataclasses import replace
from difflib import SequenceMatcher
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.eval.attacks import NotApplicable, Pool
from tamis.eval.attacks.paraphrase import Paraphrase
from tamis.eval.attacks.typos import Typos
from tamis.eval.case import Case

NOTHING = Pool([])


def asking(text: str) -> Case:
    return Case("q", Content(text))


class TestTypos:
    @given(
        st.lists(st.text("abcdefgh", min_size=4, max_size=9), min_size=1, max_size=12),
        st.sampled_from([0.1, 0.3, 0.5, 1.0]),
        st.integers(),
    )
    def test_the_share_of_words_is_changed_each_by_one_slip(self, words: list[str], share: float, seed: int) -> None:
        attacked = Typos().apply(asking(" ".join(words)), share, NOTHING, Random(seed))
        after = attacked.query.text.split(" ")
        assert len(after) == len(words)
        changed = [(a, b) for a, b in zip(words, after, strict=True) if a != b]
        assert len(changed) == max(1, int(share * len(words) + 0.5 + 1e-9))
        assert attacked.realised == len(changed) / len(words)
        for before, now in changed:
            assert before[0] == now[0]
            assert abs(len(before) - len(now)) <= 1
            kept = sum(block.size for block in SequenceMatcher(None, before, now, autojunk=False).get_matching_blocks())
            assert kept >= len(before) - 2

    @given(st.integers())
    def test_more_strength_makes_the_slips_of_less_and_others(self, seed: int) -> None:
        case = asking("which keeper lived beside the lighthouse during winter")
        little, much = (Typos().apply(case, share, NOTHING, Random(seed)).query.text.split() for share in (0.3, 0.6))
        original = case.query.text.split()
        assert all(b == a for o, a, b in zip(original, little, much, strict=True) if a != o)

    def test_numbers_short_words_and_images_stay(self) -> None:
        case = replace(asking("in the US of 1874 and 12345 lights"), id="n")
        text = Typos().apply(case, 1.0, NOTHING, Random(0)).query.text
        assert text.startswith("in the US of 1874 and 12345 l")
        assert text != case.query.text

    @given(st.text(max_size=40), st.integers())
    def test_the_control_keeps_every_letter(self, text: str, seed: int) -> None:
        try:
            control = Typos().control(asking(text), 1.0, NOTHING, Random(seed)).query.text
        except NotApplicable:
            return
        assert control != text
        assert re.sub(r"\s", "", control).casefold() == re.sub(r"\s", "", text).casefold()

    def test_a_query_without_words_is_said(self) -> None:
        with pytest.raises(NotApplicable, match="four letters"):
            Typos().apply(asking("1874?"), 0.5, NOTHING, Random(0))


class TestParaphrase:
    def test_one_rewriting_is_one_of_three(self) -> None:
        case = asking("What is the tallest tower built in 1990?")
        one = {Paraphrase().apply(case, 1.0, NOTHING, Random(seed)).query.text for seed in range(60)}
        plain = {text for text in one if text in ("What's the tallest tower built in 1990?", MOVED)}
        assert plain == {"What's the tallest tower built in 1990?", MOVED}
        assert all(case.query.text in text for text in one - plain), "the rest are frames around it"
        assert len(one - plain) == 6

    def test_three_rewritings_are_all_of_them(self) -> None:
        case = asking("What is the tallest tower built in 1990?")
        for seed in range(10):
            attacked = Paraphrase().apply(case, 3.0, NOTHING, Random(seed))
            assert attacked.realised == 3.0
            assert "In 1990, what's the tallest tower built?" in attacked.query.text
            assert len(attacked.query.text) > len(MOVED)

    def test_where_fewer_rules_apply_it_is_rewritten_less(self) -> None:
        attacked = Paraphrase().apply(asking("Name the keeper"), 2.0, NOTHING, Random(0))
        assert attacked.realised == 1.0
        assert "Name the keeper" in attacked.query.text

    def test_the_control_frames_it_plainly(self) -> None:
        control = Paraphrase().control(asking("Name the keeper"), 1.0, NOTHING, Random(0))
        assert control.query.text.endswith(": Name the keeper")
        assert control.realised == 1.0

    def test_a_question_in_another_script_is_left(self) -> None:
        with pytest.raises(NotApplicable, match="no Latin letters"):
            Paraphrase().apply(asking("首都はどこ?"), 1.0, NOTHING, Random(0))


MOVED = "In 1990, what is the tallest tower built?"
