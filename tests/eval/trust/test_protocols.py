"""HaluEval's and BEGIN's protocols on the real files, and CHAIR and POPE on real photos and their captions."""

from itertools import islice
from pathlib import Path

import pytest

from tamis.core.media import MediaPolicy
from tamis.eval import evaluate
from tamis.eval.datasets import load
from tamis.eval.metrics import metric_of
from tamis.eval.suite import Suite
from tamis.eval.target import Request
from tamis.eval.trust.captions import Described, chair
from tamis.eval.trust.described_photos import photo_descriptions
from tamis.eval.trust.objects import coco_objects
from tamis.eval.trust.protocols import LengthBaseline, both_judged, judged
from tamis.models.judge import Judge

from .engines import Engine


def test_halueval_pairs_and_the_length_that_gives_them_away(data: Path, words: Judge) -> None:
    cases = list(islice(load(data / "halueval" / "qa_one-turn_500.jsonl").cases(), 200))
    length = judged(cases, LengthBaseline())
    assert len(length.supported) == 200
    assert length.preferred is not None
    assert length.preferred > 0.85, "the made-up answer is longer in most pairs"
    found = judged(cases, words)
    assert (found.detection.n, found.coverage, len(found.pairs)) == (200, 1.0, 100)
    assert found.auroc is not None
    assert found.auroc > 0.5
    assert judged(cases, words, with_question=True).verdicts != found.verdicts


def test_begin_leaves_out_generic_responses_and_counts_each_source(data: Path, words: Judge, numbers: Judge) -> None:
    cases = list(load(data / "begin" / "begin_dev_cmu.tsv").cases())
    found = judged(cases, words)
    assert len(found.supported) == 59 + 278
    assert sum(found.supported) == 59
    assert set(found.by_group) == {"cmu"}
    assert found.auroc is not None
    assert found.auroc > 0.75
    both = both_judged(found, judged(cases, numbers))
    assert both.coverage is not None
    assert 0 < both.coverage < 1
    assert both.detection.unscored == len(both.supported) - both.detection.n


def test_captions_of_people_make_up_next_to_nothing(data: Path) -> None:
    photos = load(data / "coco_photos", "coco-photos")
    captions = list(photos.cases())
    cases = photo_descriptions(captions, photos.documents())
    assert len(cases) == 51
    present = {case.id: set(case.extra["objects"]) for case in cases}
    labels = {name: set(case.extra["objects"]) for case in captions for name in case.gold}
    words = coco_objects()
    own = [Described(words.mentions(case.query.text), present[next(iter(case.gold))]) for case in captions]
    assert chair(own)[:2] == (0.0, 0.0)
    by_labels = chair(
        [Described(one.mentions, labels[next(iter(case.gold))]) for one, case in zip(own, captions, strict=True)]
    )
    assert by_labels.chair_i is not None
    assert by_labels.chair_i < 0.12, "people name what the labels miss now and then"
    others = captions[5:] + captions[:5]
    wrong = chair(
        [Described(words.mentions(other.query.text), one.present) for one, other in zip(own, others, strict=True)]
    )
    assert wrong.chair_i is not None
    assert wrong.chair_i > 0.4, "captions of another photo are made up"


def test_ambers_scores_on_its_own_annotations(data: Path) -> None:
    """A description of exactly what is there, and one of exactly what people make up."""
    folder = data / "amber"
    cases = [case for case in islice(load(folder, "amber").cases(), 40) if case.extra["hallu"]]
    assert len(cases) > 20
    names = ("AMBER_CHAIR", "AMBER_Cover", "AMBER_Hal", "AMBER_Cog")
    suite = Suite("amber", tuple(metric_of({"name": name, "words": str(folder)}) for name in names))
    by_id = {case.id: case for case in cases}

    async def answers(request: Request) -> str:
        return ", ".join(by_id[request.case].extra[field])

    def figures() -> list[float | None]:
        report = evaluate(answers, cases, suite, workers=4).report
        return [report.estimate(name).mean for name in names]

    field = "truth"
    assert figures() == [0.0, 1.0, 0.0, 0.0]
    field = "hallu"
    chair_of, cover, hal, cog = figures()
    assert chair_of is not None
    assert cover is not None
    assert chair_of > 0.6
    assert cover < 0.4
    assert hal == pytest.approx(1, abs=0.1)
    assert cog is not None
    assert cog == pytest.approx(chair_of, abs=0.05)


def test_object_presence_on_real_photos_with_answerers_that_are_known(data: Path) -> None:
    questions = load(data / "coco_photos" / "object_presence_questions.jsonl")
    names = ("yes_no_correct", "said_yes", "yes_to_absent", "refused")
    suite = Suite("presence", tuple(map(metric_of, names)))
    cases = list(questions.cases())
    media = MediaPolicy()

    def figures(answer: str) -> list[float | None]:
        report = evaluate(Engine("e", lambda question, texts: answer), cases, suite, workers=4, media=media).report
        return [report.estimate(name).mean for name in names]

    assert figures("Yes.") == [pytest.approx(132 / 528), 1.0, 1.0, 0.0]
    assert figures("No, there is none.") == [pytest.approx(396 / 528), 0.0, 0.0, 0.0]
    assert figures("I cannot answer this question.") == [None, None, None, 1.0]
