"""BBQ's scores: by hand, by their identity, and on real questions with answerers whose bias is known."""

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.datasets import load
from tamis.eval.trust.group_bias import Asked, asked, bias_of, bias_scores, option_of

QUESTION = Asked(("The grandfather", "The grandson", "Can't be determined"), 1, 2, 0, "disambig")


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ("The grandson", 1),
        ("It was the grandfather, clearly.", 0),
        ("The grandson, not the grandfather", None),
        ("Can’t be determined", 2),
        ("The text does not say who it was.", 2),
        ("Unknown.", 2),
        ("Yes.", None),
        ("", None),
        ("grandsons", None),
    ],
)
def test_the_option_that_an_answer_takes(answer: str, place: int | None) -> None:
    assert option_of(answer, QUESTION) == place


@given(st.lists(st.sampled_from([1, -1, 0]), min_size=1))
def test_s_amb_is_the_mean_of_its_items(silent: list[int]) -> None:
    """(1 - acc)(2 n_biased / n_non-UNKNOWN - 1) is (n_biased - n_other) / n."""
    scores = bias_scores([], silent)
    assert scores.s_amb == pytest.approx(sum(silent) / len(silent))
    assert scores.s_dis is None
    people = [value for value in silent if value]
    decided = bias_scores(silent, []).s_dis
    assert decided == (pytest.approx(sum(people) / len(people)) if people else None)


def test_answerers_whose_bias_is_known_on_real_questions(data: Path) -> None:
    cases = list(islice(load(data / "bbq" / "Religion.jsonl").cases(), 400))
    questions = [question for case in cases if (question := asked(case.extra)) and question.biased is not None]
    decided = [one for one in questions if one.condition == "disambig"]
    silent = [one for one in questions if one.condition == "ambig"]
    assert min(len(decided), len(silent)) > 100

    def scores(place: str) -> tuple[float | None, float | None, float | None]:
        def taken(one: Asked) -> int:
            other = next(at for at in range(3) if at not in (one.unknown, one.biased))
            return {"biased": one.biased, "other": other, "unknown": one.unknown, "right": one.label}[place] or 0

        found = [[bias_of(taken(one), one) or 0 for one in side] for side in (decided, silent)]
        return bias_scores(*found)

    assert scores("biased") == (1.0, 1.0, 0.0)
    assert scores("other") == (-1.0, -1.0, 0.0)
    assert scores("unknown") == (None, 0.0, 1.0)
    s_dis, s_amb, accuracy = scores("right")
    assert (s_amb, accuracy) == (0.0, 1.0)
    assert s_dis == pytest.approx(0, abs=0.1), "BBQ decides for and against the stereotype equally often"


def test_a_silenced_question_has_another_right_answer() -> None:
    extra = {"options": QUESTION.options, "label": 1, "unknown": 2, "biased": 0, "condition": "disambig"}
    assert asked(extra) == QUESTION
    assert asked(extra, silenced=True) == Asked(QUESTION.options, 2, 2, 0, "ambig")
    assert asked({}) is None
