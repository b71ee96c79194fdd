"""Two checkers that must agree: outcomes, the first unsupported sentence, and what agreement is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.eval.trust.attribution import attribute, citation_precision, citation_recall, entailment
from tamis.eval.trust.checkers import DEFAULT, checked
from tamis.eval.trust.claims import claims_of
from tamis.eval.trust.grounding import evidence_for, ground
from tamis.models.judge import Judge, Verdict

PASSAGES = [Content("The bus is red. It has 40 seats."), Content("The tram is blue.")]


@dataclass(frozen=True)
class Scripted:
    """Says what is in its table of claims, None where that has None, 1.0 for the rest."""

    name: str
    table: tuple[tuple[str, float | None], ...]

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        known = dict(self.table)
        return [Verdict(known.get(claim, 1.0), "scripted") for claim in claims]


def test_each_claim_has_its_standing() -> None:
    one = Scripted("one", (("Bees run.", 0.1), ("Cats run.", 0.1), ("Dogs run.", None)))
    other = Scripted("other", (("Bees run.", 0.2), ("Eels run.", 0.4)))
    found = ground("Ants run. Bees run. Cats run. Dogs run. Eels run. Fish run.", PASSAGES, (one, other))
    assert [checked.standing for checked in found.claims] == [
        "supported", "unsupported", "disagreed", "unknown", "disagreed", "supported",
    ]  # fmt: skip
    assert (found.coverage, found.faithfulness, found.first_unsupported) == (3 / 6, 2 / 3, 2)
    assert found.unsupported_after == 0.0


def test_what_follows_the_first_unsupported_sentence() -> None:
    judge = Scripted("one", (("Bees run.", 0.0), ("Cats run.", 0.0), ("Eels run.", 0.0)))
    found = ground(
        "Ants run. Bees run. Cats run. Dogs run. Eels run.", PASSAGES, (judge, Scripted("other", judge.table))
    )
    assert found.first_unsupported == 2
    assert found.unsupported_after == 2 / 3


def test_nothing_is_made_of_nothing() -> None:
    nobody = ground("", PASSAGES, (Scripted("a", ()), Scripted("b", ())))
    assert (nobody.coverage, nobody.faithfulness, nobody.first_unsupported, nobody.unsupported_after) == (None,) * 4
    blind = ground("Ants run. Bees run.", [], (Scripted("a", ()), Scripted("b", ())))
    assert [one.standing for one in blind.claims] == ["unknown", "unknown"]
    assert (blind.coverage, blind.faithfulness) == (0.0, None)


def test_planted_errors_are_found_by_two_cheap_checkers(words: Judge, numbers: Judge) -> None:
    found = ground("The bus is red [1]. It has 41 seats. Lions sleep in 77 caves.", PASSAGES, (words, numbers))
    assert [one.standing for one in found.claims] == ["supported", "disagreed", "unsupported"]


def test_agreement_is_as_precise_as_independence_says() -> None:
    """Two checkers, each right with 0.8, independently: where they agree, 0.64 / (0.64 + 0.04)."""
    rng = Random(5)
    truths = [rng.random() < 0.5 for _ in range(4_000)]
    texts = [f"Claim {place} holds." for place in range(len(truths))]
    tables = [
        tuple((text, float(truth == (rng.random() < 0.8))) for text, truth in zip(texts, truths, strict=True))
        for _ in range(2)
    ]
    found = ground(" ".join(texts), PASSAGES[:1], (Scripted("a", tables[0]), Scripted("b", tables[1])))
    right = [(one.standing == "supported") == truths[one.claim.number - 1] for one in found.agreed]
    alone = sum(bool(value) == truth for (_, value), truth in zip(tables[0], truths, strict=True)) / len(truths)
    assert found.coverage == pytest.approx(0.68, abs=0.03)
    assert sum(right) / len(right) == pytest.approx(0.64 / 0.68, abs=0.02)
    assert alone == pytest.approx(0.8, abs=0.03)


def test_evidence_is_what_shares_words_and_pictures_stay() -> None:
    assert evidence_for("The tram is blue.", PASSAGES, most=1) == (1,)
    assert evidence_for("Lions sleep.", PASSAGES, most=1) == (0,)
    assert evidence_for("他来了", PASSAGES) == (0, 1)


def test_checkers_must_be_two_and_differ() -> None:
    assert checked(DEFAULT) == DEFAULT
    with pytest.raises(BadSetting, match="differ"):
        checked((Scripted("a", ()), Scripted("a", (("x", 1.0),))))
    with pytest.raises(BadSetting, match="two checkers"):
        checked(("coverage",))  # type: ignore[arg-type]


def test_a_judge_that_loses_claims_is_no_judge() -> None:
    @dataclass(frozen=True)
    class Short:
        name: str = "short"

        def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
            return [Verdict(1.0)]

    with pytest.raises(BadInput, match="1 verdicts on 2 claims"):
        ground("Ants run. Bees run.", PASSAGES, (Short(), Scripted("b", ())))


FACTS = [Content("red"), Content("round"), Content("red round"), Content("nothing")]


@pytest.mark.parametrize(
    ("cited", "recall", "useful"),
    [
        ("", False, 0),
        ("[1]", False, 0),  # one half alone
        ("[3]", True, 1),
        ("[1][2]", True, 2),  # only together
        ("[1][3]", True, 1),  # 1 is irrelevant: 3 does it without it
        ("[1][2][3]", True, 1),  # 3 does it alone, and neither 1 nor 2 does while the others do
        ("[3][4]", True, 1),
        ("[4]", False, 0),
        ("[3][9]", False, 0),  # 9 was not retrieved
        ("[0]", False, 0),
    ],
)
def test_alce_by_hand(words: Judge, cited: str, recall: bool, useful: int) -> None:
    (claim,) = claims_of(f"red round {cited}.")

    def entails(passages: Sequence[Content], sentence: str) -> bool:
        return set(sentence.rstrip(".").split()) <= {word for one in passages for word in one.text.split()}

    found = attribute(claim, FACTS, entails)
    assert (found.recall, found.useful, found.cited) == (recall, useful, len(claim.cited))
    # A judge with a threshold comes to the same where it is as strict.
    assert attribute(claim, FACTS, entailment(words, threshold=0.99)) == found


def test_alce_over_sentences_and_without_a_verdict() -> None:
    claims = claims_of("Red [1]. Round [1]. Red round [3].")
    found = [
        attribute(claim, FACTS, lambda passages, text: text.casefold().rstrip(".") in passages[0].text)
        for claim in claims
    ]
    assert citation_recall(found) == 2 / 3
    assert citation_precision(found) == 2 / 3
    unknown = [attribute(claim, FACTS, lambda passages, text: None) for claim in claims]
    assert citation_recall(unknown) is citation_precision(unknown) is None
    uncited = [attribute(claim, FACTS, lambda passages, text: True) for claim in claims_of("Red. Round.")]
    assert (citation_recall(uncited), citation_precision(uncited)) == (0.0, None)
