"""Faithfulness and citations as metrics: what is scored, what is not, and in whose name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.eval.metrics import Metric, Observed, metric_of
from tamis.eval.metrics.citations import CitationPrecision, CitationRecall, CitationsValid, CitedGold, EvidenceShown
from tamis.eval.metrics.faithfulness import (
    ClaimsAgreed,
    Faithfulness,
    FirstUnsupported,
    Hallucinated,
    UnsupportedAfter,
)
from tamis.eval.metrics.key_facts import KeyFactsPrecision, KeyFactsRecall, key_facts
from tamis.eval.outcome import Outcome, Scored, Unscored
from tamis.models.judge import Verdict

Observe = Callable[..., Observed]


@dataclass(frozen=True)
class Holds:
    """Supports a claim whose every word of more than ``longest`` letters stands in one passage; None for "?"."""

    name: str = "holds"
    longest: int = 2

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        found = []
        for claim, passages in zip(claims, evidence, strict=True):
            words = {word.strip(".,") for word in claim.casefold().split() if len(word.strip(".,")) > self.longest}
            held = [words <= set(one.text.casefold().replace(".", " ").split()) for one in passages]
            found.append(Verdict(None, "refused") if "dunno" in claim else Verdict(float(any(held))))
        return found


PAIR = (Holds(), Holds("strict", 0))
TEXTS = ["The bus is red.", "A bus has 40 seats."]


@pytest.fixture
def seen(observe: Observe) -> Callable[[str], Observed]:
    def made(answer: str) -> Observed:
        found = observe(["a", "b"], answer=answer, relevance={"b": 1})
        passages = tuple(
            replace(one, content=Content(text)) for one, text in zip(found.trace.context, TEXTS, strict=True)
        )
        step = replace(found.trace.steps[0], passages=passages)
        return replace(found, trace=replace(found.trace, steps=(step,)))

    return made


@pytest.mark.parametrize(
    ("answer", "faithful", "agreed", "hallucinated", "first", "after"),
    [
        ("The bus is red.", 1.0, 1.0, 0.0, None, None),
        ("The bus is green. A bus has 40 seats. It is blue.", 1 / 3, 1.0, 1.0, 1.0, 0.5),
        ("The bus is red. Or red is the bus.", 1.0, 0.5, 0.0, None, None),
        ("The bus is red. Cats purr.", 0.5, 1.0, 1.0, 2.0, None),
        ("Some dunno claim.", None, 0.0, None, None, None),
        ("What is it?", None, None, None, None, None),
        ("", None, None, None, None, None),
        ("I cannot answer this question.", None, None, None, None, None),
    ],
)
def test_by_hand(
    seen: Callable[[str], Observed],
    answer: str,
    faithful: float | None,
    agreed: float | None,
    hallucinated: float | None,
    first: float | None,
    after: float | None,
) -> None:
    metrics: list[Metric] = [
        Faithfulness(PAIR),
        ClaimsAgreed(PAIR),
        Hallucinated(PAIR),
        FirstUnsupported(PAIR),
        UnsupportedAfter(PAIR),
    ]
    for metric, value in zip(metrics, (faithful, agreed, hallucinated, first, after), strict=True):
        outcome = metric.score(seen(answer))[metric.name]
        if value is None:
            assert isinstance(outcome, Unscored), metric.name
        else:
            assert outcome == Scored(value), metric.name


def test_without_passages_nothing_is_checked(observe: Observe) -> None:
    for metric in (Faithfulness(PAIR), CitationRecall(PAIR[0]), EvidenceShown()):
        assert isinstance(metric.score(observe(answer="The bus is red [1]."))[metric.name], Unscored)


@pytest.mark.parametrize(
    ("answer", "recall", "precision", "valid", "shown", "gold"),
    [
        ("The bus is red [1]. A bus has 40 seats [2].", 1.0, 1.0, 1.0, 1.0, 2 / 3),
        ("The bus is red [1][2].", 1.0, 0.5, 1.0, 1.0, 2 / 3),
        ("A bus has 40 seats [2].", 1.0, 1.0, 1.0, 1.0, 1.0),
        ("The bus is red [2]. A bus has 40 seats.", 0.0, 0.0, 1.0, 0.5, 1.0),
        ("The bus is red [1][7].", 0.0, 0.0, 0.5, 1.0, 0.0),
        ("The bus is red.", 0.0, None, None, 0.0, 0.0),
        ("Some dunno claim [1].", None, None, 1.0, 1.0, 0.0),
        ("", None, None, None, None, None),
    ],
)
def test_citations_by_hand(
    seen: Callable[[str], Observed],
    answer: str,
    recall: float | None,
    precision: float | None,
    valid: float | None,
    shown: float | None,
    gold: float | None,
) -> None:
    metrics: list[Metric] = [
        CitationRecall(PAIR[0]),
        CitationPrecision(PAIR[0]),
        CitationsValid(),
        EvidenceShown(),
        CitedGold(),
    ]
    for metric, value in zip(metrics, (recall, precision, valid, shown, gold), strict=True):
        outcome = metric.score(seen(answer))[metric.name]
        assert (outcome == Scored(value)) if value is not None else isinstance(outcome, Unscored), (
            metric.name,
            outcome,
        )


def test_key_facts_by_hand(observe: Observe) -> None:
    facts = ("The bus is red.", "A bus has 40 seats.")

    def scores(answer: str, **extra: object) -> list[Outcome]:
        found = observe(["a"], answer=answer, extra=extra or {"key_facts": facts})
        return [metric.score(found)[metric.name] for metric in (KeyFactsRecall(PAIR[0]), KeyFactsPrecision(PAIR[0]))]

    assert scores("The bus is red [1]. Cats purr.") == [Scored(0.5), Scored(0.5)]
    assert scores("The bus is red.") == [Scored(0.5), Scored(1.0)]
    assert scores("Cats purr.") == [Scored(0.0), Scored(0.0)]
    assert all(isinstance(one, Unscored) for one in (*scores(""), *scores("Cats purr.", key_facts=())))
    assert all(isinstance(one, Unscored) for one in scores("Cats purr.", key_facts="one text"))
    marked = observe(answer="x", extra={"selected_sentences": [["a b", "a b", " "], ["c"]]})
    assert key_facts(marked.case) == ["a b"]


def test_checkers_come_from_names_too_and_must_differ() -> None:
    assert metric_of({"name": "faithfulness", "checkers": ["coverage", "agreement"]}).name == "faithfulness"
    with pytest.raises(BadSetting, match="differ"):
        metric_of({"name": "faithfulness", "checkers": ["coverage", "coverage"]})
