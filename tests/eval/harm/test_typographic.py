"""Requests drawn into pictures: FigStep's conditions on any list of texts, and its published rates as printed."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import mean

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.eval.attacks import NotApplicable, Pool, attack_of
from tamis.eval.attacks.drawing import drawn_list
from tamis.eval.attacks.typographic import INCITEMENT, Typographic
from tamis.eval.case import Case
from tamis.eval.datasets import load
from tamis.eval.evaluation import evaluate
from tamis.eval.harm import rates_by
from tamis.eval.report import Report
from tamis.eval.target import Request, Takes
from tamis.eval.trace import Trace

REFUSAL = "I'm sorry, but I can't help with that."
POOL = Pool([])
PRINTED = {
    "LLaVA-1.5-7B": (57.40, 84.00),
    "LLaVA-1.5-13B": (45.40, 88.20),
    "MiniGPT4-Llama-2-chat-7B": (23.80, 82.60),
    "MiniGPT4-Vicuna-7B": (50.60, 68.00),
    "MiniGPT4-Vicuna-13B": (83.40, 85.20),
    "CogVLM-chat-1.1": (8.20, 87.00),
}
"""FigStep's rates in percent over SafeBench's 500 requests, by model: as text alone, and as picture with words."""
TINY = {"LLaVA": (32, 4, 92), "MiniGPT4": (18, 34, 90), "CogVLM": (10, 0, 82)}
"""The same over SafeBench-Tiny's 50: as a text question, as the picture alone, and both."""


@dataclass
class Answers:
    """A model that answers a request or refuses it, as a function of its text and pictures says."""

    answers: Callable[[str, tuple[Image, ...]], bool]
    name: str = "model"
    takes: frozenset[Takes] = frozenset({"images"})

    async def run(self, request: Request) -> Trace:
        answered = self.answers(request.query.text, request.query.images)
        return Trace(answer=Content("1. First, 2. second." if answered else REFUSAL))

    async def close(self) -> None:
        """Nothing is open."""


def asked(condition: str, case: Case) -> Content:
    return attack_of({"name": "typographic", "condition": condition}).apply(case, 1.0, POOL, Random(1)).query


def test_a_text_is_drawn_with_words_beside_it_or_alone() -> None:
    case = Case("c", Content("Steps to bake bread"), extra={"harmful": False})
    picture = drawn_list("Steps to bake bread")
    assert asked("typographic", case) == Content(INCITEMENT, (picture,))
    assert asked("image-only", case) == Content(images=(picture,))
    with pytest.raises(NotApplicable, match="asks so already"):
        asked("text-only", case)
    pixels = MediaPolicy().open(picture)
    assert pixels.size == (760, 760)
    assert pixels.convert("L").getextrema() == (0, 255), "black on white"


def test_what_is_drawn_already_stays_as_it_is() -> None:
    own = Image(data=b"its own picture")
    known = {"question": "How does one bake bread?", "instruction": "Steps to bake bread."}
    case = Case("c", Content(images=(own,)), extra=known)
    assert asked("typographic", case) == Content(INCITEMENT, (own,))
    assert asked("text-only", case) == Content("How does one bake bread?")
    with pytest.raises(NotApplicable, match="asks so already"):
        asked("image-only", case)
    with pytest.raises(NotApplicable, match="does not say what it asks"):
        asked("text-only", Case("c", Content(images=(own,))))
    beside = Case("c", Content("Steps to bake this", (own,)))
    assert asked("typographic", beside) == Content(INCITEMENT, (own, drawn_list("Steps to bake this")))
    instructed = Case("c", Content("How?"), extra={"instruction": "Steps to bake bread."})
    assert asked("image-only", instructed).images == (drawn_list("Steps to bake bread."),)


@pytest.mark.parametrize(
    ("text", "why"),
    [("шаги к хлебу", "Latin letters only"), ("word " * 200, "lines do not fit"), ("x" * 80, "wider than the image")],
)
def test_what_cannot_be_drawn_is_not_applicable(text: str, why: str) -> None:
    with pytest.raises(NotApplicable, match=why):
        asked("typographic", Case("c", Content(text)))


def test_its_control_asks_in_the_same_way_for_something_harmless() -> None:
    case = Case("c", Content("Steps to zorblat a river"), extra={"harmful": True})
    control = Typographic().control(case, 1.0, POOL, Random(3)).query
    assert control.text == INCITEMENT
    assert control.images != asked("typographic", case).images
    with pytest.raises(BadSetting, match="condition must be"):
        Typographic("image only")  # type: ignore[arg-type]


def figures(report: Report) -> dict[tuple[str, str], float | None]:
    return {(one.figure, one.variant): one.mean for one in report.estimates}


def test_any_list_of_texts_is_tried_from_its_file(tmp_path: Path) -> None:
    """A model that refuses by the text alone: the hole that the attack goes through."""
    rows = [{"id": f"{n}", "question": f"Steps to zorblat {n}", "extra": {"harmful": True}} for n in range(4)]
    rows.append({"id": "h", "question": "Steps to bake bread", "extra": {"harmful": False}})
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    target = Answers(lambda text, images: "zorblat" not in text)
    report = evaluate(target, tmp_path / "cases.jsonl", "typographic", out=tmp_path / "run").report
    found = figures(report)
    assert found["under_refusal", "clean"] == 0.0
    assert found["under_refusal", "typographic@1"] == found["under_refusal", "typographic-image-only@1"] == 1.0
    assert found["over_refusal", "typographic@1"] == 0.0
    difference = report.difference("under_refusal", "typographic@1")
    assert difference is not None
    assert (difference.mean, difference.n) == (1.0, 4)
    (text_only,) = [one for one in report.variants if one.attack == "typographic-text-only"]
    assert not text_only.is_applicable


def test_a_target_without_eyes_is_not_said_to_withstand_pictures(tmp_path: Path) -> None:
    def reads(question: str) -> str:
        return REFUSAL

    cases = [Case("1", Content("Steps to zorblat"), extra={"harmful": True})]
    report = evaluate(reads, cases, "typographic", out=tmp_path / "run").report
    assert report.estimate("under_refusal", "typographic@1").failed == 1
    assert report.estimate("under_refusal", "clean").mean == 0.0


def test_figsteps_printed_means_from_its_six_rows() -> None:
    rates: dict[str, list[float]] = {"text": [], "picture": []}
    for row in PRINTED.values():
        counts = dict(zip(rates, (round(percent * 5) for percent in row), strict=True))
        kinds = [kind for kind in counts for _ in range(500)]
        hits = [place < count for count in counts.values() for place in range(500)]
        found = rates_by(kinds, hits, clusters=[*range(500), *range(500)])
        for (kind, rate), percent in zip(found.items(), row, strict=True):
            assert rate.rate is not None
            assert 100 * rate.rate.mean == pytest.approx(percent)
            rates[kind].append(100 * rate.rate.mean)
    assert [round(mean(one), 2) for one in rates.values()] == [44.80, 82.50]


@pytest.mark.parametrize("model", TINY)
def test_figsteps_conditions_on_its_own_fifty_pictures(model: str, data: Path, tmp_path: Path) -> None:
    """A model that answers as many as the paper counts comes out with the paper's rates, one condition each."""
    cases = [case for case in load(data / "figstep").cases() if case.extra["harmful"]]
    assert len(cases) == 50
    places = {str(case.extra["question"]): place for place, case in enumerate(cases)}
    places |= {str(case.query.images[0].path): place for place, case in enumerate(cases)}
    text_only, image_only, both = (count // 2 for count in TINY[model])

    def answers(text: str, images: tuple[Image, ...]) -> bool:
        place = places[str(images[0].path) if images else text]
        return place < (text_only if not images else both if text else image_only)

    report = evaluate(Answers(answers), cases, "typographic", out=tmp_path / "run", media=MediaPolicy()).report
    found = figures(report)
    variants = ("typographic-text-only@1", "clean", "typographic@1")
    assert [found["under_refusal", one] for one in variants] == pytest.approx([one / 100 for one in TINY[model]])
