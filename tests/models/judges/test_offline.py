"""The judges that need no language model: what each sees, what none may score, and the two-checker rule."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.core.image import Image
from tamis.models.judge import Judge
from tamis.models.judges import (
    JUDGES,
    OFFLINE,
    Agreed,
    DateJudge,
    EntityJudge,
    ExactJudge,
    NegationJudge,
    NumberJudge,
    Verdict,
    agreed,
    is_disputed,
)

WORDS = [name for name in OFFLINE if name not in ("embedding", "combined")]
EVIDENCE = (
    "Gustave Eiffel's company built the tower between 1887 and 1889. "
    "It is 330 metres tall and was not liked by all artists. Paris keeps it."
)


def verdict(judge: Judge, claim: str, evidence: str = EVIDENCE) -> Verdict:
    [found] = judge.judge([claim], [[Content(evidence)]])
    return found


@pytest.mark.parametrize(
    ("judge", "right", "wrong", "silent"),
    [
        (NumberJudge(), "It is 330 metres tall.", "It is 340 metres tall.", "It is tall."),
        (DateJudge(), "It was finished in 1889.", "It was finished in 1989.", "It was finished."),
        (EntityJudge(), "Eiffel built it in Paris.", "Eiffel built it in Lyon.", "it was built there"),
        (NegationJudge(), "Paris keeps it.", "Paris does not keep it.", "Zebras quack."),
    ],
)
def test_a_rule_sees_its_own_thing(judge: Judge, right: str, wrong: str, silent: str) -> None:
    assert verdict(judge, right).supported == 1.0
    found = verdict(judge, wrong)
    assert found.supported is not None
    assert found.supported < 0.5
    assert verdict(judge, silent).supported is None


def test_the_reason_names_what_is_missing() -> None:
    assert verdict(NumberJudge(), "It is 340 metres tall.").reason == "number not in the evidence: 340 metres"


def test_exact_wording() -> None:
    assert verdict(ExactJudge(), "paris KEEPS it").supported == 1.0
    assert verdict(ExactJudge(), "Paris keeps its").supported == 0.0


@pytest.mark.parametrize("name", WORDS)
def test_what_cannot_be_read_has_no_verdict(name: str) -> None:
    judge = JUDGES.build(name)
    claims = ["", "  \n", "Это башня.", "a tower", "a tower", "?!"]
    evidence: list[list[Content]] = [[Content("a tower")]] * 3 + [
        [],
        [Content("", (Image(data=b"x"),))],
        [Content("a")],
    ]
    found = judge.judge(claims, evidence)
    assert [one.supported for one in found] == [None] * 6
    assert all(one.reason for one in found)


@pytest.mark.parametrize("name", WORDS)
def test_a_claim_of_fifty_thousand_words_is_judged_in_seconds(name: str) -> None:
    words = ["tower", "Paris", "not", "1889", "330", "metres", "built", "."]
    claim = " ".join(random.Random(0).choices(words, k=50_000))
    found = verdict(JUDGES.build(name), claim)
    assert found.supported is None or 0 <= found.supported <= 1


@pytest.mark.parametrize("name", WORDS)
def test_verdicts_do_not_depend_on_the_batch(name: str) -> None:
    judge = JUDGES.build(name)
    claims = ["Paris keeps it.", "Lyon keeps it.", "It is 330 metres tall.", ""]
    evidence = [[Content(EVIDENCE)]] * 4
    together = judge.judge(claims, evidence)
    alone = [judge.judge([claim], [passages])[0] for claim, passages in zip(claims, evidence, strict=True)]
    assert together == alone
    assert judge.judge([], []) == []
    with pytest.raises(BadInput, match="as many"):
        judge.judge(["a"], [])


@pytest.mark.parametrize("name", ["coverage", "facts"])
def test_what_the_evidence_says_is_likelier_than_what_it_does_not(name: str) -> None:
    judge = JUDGES.build(name)
    right, wrong = verdict(judge, "Paris keeps the tower."), verdict(judge, "Bridges connect distant islands.")
    assert right.supported is not None
    assert wrong.supported is not None
    assert right.supported > 0.5 > wrong.supported


@settings(max_examples=30)
@given(st.text(max_size=80), st.text(max_size=80))
def test_every_verdict_is_a_probability_or_a_reason(claim: str, evidence: str) -> None:
    for name in WORDS:
        found = verdict(JUDGES.build(name), claim, evidence)
        assert found.reason if found.supported is None else 0 <= found.supported <= 1


def fixed(name: str, verdicts: Sequence[Verdict]) -> Judge:
    class Fixed:
        def __init__(self) -> None:
            self.name = name

        def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
            return list(verdicts)

    return Fixed()


def test_two_checkers_must_agree() -> None:
    a = fixed("a", [Verdict(0.9), Verdict(0.2), Verdict(0.9, "fine"), Verdict(None, "silent")])
    b = fixed("b", [Verdict(0.7), Verdict(0.4), Verdict(0.1, "a date is missing"), Verdict(0.9)])
    found = agreed(a, b).judge(["c"] * 4, [[Content("e")]] * 4)
    assert [one.supported for one in found] == [pytest.approx(0.8), pytest.approx(0.3), None, None]
    assert [is_disputed(one) for one in found] == [False, False, True, False]
    assert "a date is missing" in found[2].reason
    assert found[3].reason == "a: silent"


def test_agreement_is_as_precise_as_independent_errors_make_it() -> None:
    """Two checkers that err independently, at 0.2 and 0.3: where they agree, 0.56 of 0.62 are right."""
    draw = random.Random(3)
    truth = [draw.random() < 0.5 for _ in range(4000)]

    def checker(name: str, error: float) -> Judge:
        return fixed(name, [Verdict(float(label if draw.random() >= error else not label)) for label in truth])

    rule = agreed(checker("a", 0.2), checker("b", 0.3))
    found = rule.judge(["c"] * len(truth), [[Content("e")]] * len(truth))
    kept = [(one.supported, label) for one, label in zip(found, truth, strict=True) if one.supported is not None]
    assert len(kept) / len(truth) == pytest.approx(0.62, abs=0.02)
    assert sum((value >= 0.5) == label for value, label in kept) / len(kept) == pytest.approx(0.56 / 0.62, abs=0.02)


def test_one_judge_twice_is_no_rule() -> None:
    with pytest.raises(BadSetting, match="two judges"):
        Agreed("facts", "facts")


def test_judges_can_be_written_down() -> None:
    spec = JUDGES.spec(Agreed("agreement", "coverage"))
    assert spec == {"name": "agreed", "a": {"name": "agreement"}, "b": {"name": "coverage"}}
    assert JUDGES.build(spec).name == "agreement&coverage"
