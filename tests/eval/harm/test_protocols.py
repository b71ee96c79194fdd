"""Memes, twins, taxonomies over a corpus, and reliance on a modality: worked out by hand, and on planted answerers."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.image import Image
from tamis.eval.case import Case, Document
from tamis.eval.datasets import load
from tamis.eval.harm import (
    Twin,
    flip_rates,
    hatecheck_twins,
    importance_by_query,
    load_memes,
    meme_scores,
    permuted_images,
    reliance,
    scan,
    yes_no,
)
from tamis.models.screens import Category, TaxonomyScreen

from .conftest import WordScreen

PICTURE = Image(data=b"one")


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ("Yes", True),
        ("yes, it is", True),
        ('"No." It shows yes, clearly', False),
        ("Answer: no", False),
        ("Yesterday", None),
        ("Nobody", None),
        ("I'm sorry, I can't help with that.", None),
        ("", None),
        ("The answer is yes", None),
    ],
)
def test_yes_and_no_are_read_from_the_first_word(answer: str, read: bool | None) -> None:
    assert yes_no(answer) is read


def memes(tmp_path: Path) -> list[Case]:
    rows = [
        {
            "id": "a",
            "image": "a.png",
            "text": "one",
            "labels": {"harmful": True, "hateful": True},
            "target": "community",
        },
        {"id": "b", "image": "b.png", "labels": {"harmful": False}},
        {"id": "c", "image": "c.png", "labels": {"harmful": True}, "target": "society"},
        {"id": "d", "image": "d.png", "labels": {"harmful": False, "hateful": False}},
    ]
    file = tmp_path / "memes.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    return list(load_memes(file))


def test_memes_are_scored_by_task_with_refusals_apart(tmp_path: Path) -> None:
    cases = memes(tmp_path)
    assert [case.id for case in cases] == ["a-hateful", "a-harmful", "b-harmful", "c-harmful", "d-hateful", "d-harmful"]
    assert cases[0].query.images[0].path == str(tmp_path / "a.png")
    answers = ["Yes", "Yes", "No", "No", "I'm sorry, I can't help with that.", "maybe"]
    found = meme_scores(cases, answers, {"a": "community", "c": "community"})
    harmful = found.tasks["harmful"]
    assert (harmful.n, harmful.scored, harmful.refused, harmful.unparsable) == (4, 3, 0, 1)
    assert harmful.balanced_accuracy is not None
    assert harmful.balanced_accuracy.mean == 0.75
    assert harmful.macro_f1 == pytest.approx(2 / 3)
    assert found.tasks["hateful"].refused == 1
    assert found.tasks["hateful"].balanced_accuracy is None
    # Only "a" was harmful and called so.
    assert (found.target_macro_f1, found.targets_scored) == (1.0, 1)


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_an_engine_with_one_answer_is_worth_a_coin(tmp_path: Path, answer: str) -> None:
    cases = memes(tmp_path)
    found = meme_scores(cases, [answer] * len(cases)).tasks["harmful"]
    assert found.balanced_accuracy is not None
    assert found.balanced_accuracy.mean == 0.5


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"labels": {}}, '"image"'),
        ({"image": "a", "labels": {"rude": True}}, 'no task "rude"'),
        ({"image": "a", "labels": {"harmful": 1}}, "true or false"),
        ({"image": "a", "labels": {"harmful": True}, "target": "nobody"}, '"target"'),
        ({"image": "a", "labels": {"harmful": False}, "target": "society"}, "harmful meme only"),
    ],
)
def test_labels_outside_the_scheme_are_refused(row: dict[str, object], said: str, tmp_path: Path) -> None:
    (tmp_path / "memes.jsonl").write_text(json.dumps(row))
    with pytest.raises(BadInput, match=said):
        list(load_memes(tmp_path / "memes.jsonl"))


def test_a_screen_with_a_shortcut_fails_the_twins(word_screen: WordScreen) -> None:
    other = Image(data=b"two")
    twins = [
        Twin(Content("a zorblat", (PICTURE,)), Content("a garden", (PICTURE,)), "text"),
        # The harm is in the picture here, and the screen holds on to the word.
        Twin(Content("about zorblat", (PICTURE,)), Content("about zorblat", (other,)), "image"),
        Twin(Content("unseen harm"), Content("no harm"), "text"),
        Twin(Content("zorblat so"), Content("so zorblat"), None),
        Twin(Content("zorblat"), Content("Z O R B L A T"), None),
    ]
    found = flip_rates(word_screen, twins)
    assert {name: rate.rate.mean for name, rate in found.flips.items() if rate.rate} == {"text": 1.0, "image": 0.0}
    assert found.false_flips is not None
    assert found.false_flips.rate is not None
    assert found.false_flips.rate.mean == 0.5
    assert found.missed.rate is not None
    assert found.missed.rate.mean == pytest.approx(1 / 3)
    with pytest.raises(BadInput, match="twin 1"):
        flip_rates(word_screen, [Twin(Content("a", (PICTURE,)), Content("b"), "text")])


def test_hatecheck_has_twins_of_its_own(data: Path) -> None:
    cases = list(load(data / "hatecheck").cases())
    twins = hatecheck_twins(cases)
    assert len(twins) > 200
    assert all(twin.harmful.text != twin.neutral.text for twin in twins)


def test_a_scan_always_has_a_false_positive_rate() -> None:
    screen = TaxonomyScreen([Category("fees", terms=("restocking fee",)), Category("lock-in", terms=("auto renew",))])
    documents = [
        Document("1", Content("Fine. A Restocking-Fee applies; you auto renew.")),
        Document("2", Content("A fee for restocking? No.")),
    ]
    with pytest.raises(BadInput, match="harmless"):
        scan(screen, documents, [])
    found = scan(screen, documents, [Content("We have no restocking fee."), Content("Nothing here.")])
    assert {name: (one.documents.mean, one.false_positives.mean) for name, one in found.rates.items()} == {
        "fees": (0.5, 0.5),
        "lock-in": (0.5, 0.0),
        "any": (0.5, 0.5),
    }
    assert [(one.document, one.category) for one in found.found] == [("1", "fees"), ("1", "lock-in")]


def pairs(count: int) -> list[Case]:
    """The right answer is in the text where the number is even, in the image where it is odd."""
    return [
        Case(f"{n}", Content(f"text says {n if n % 2 == 0 else 'nothing'}", (Image(data=b"%d" % n),)), extra={"n": n})
        for n in range(count)
    ]


def reads_text(case: Case) -> bool:
    return f"says {case.extra['n']}" in case.query.text


def reads_both(case: Case) -> bool:
    return reads_text(case) or (case.extra["n"] % 2 == 1 and Image(data=b"%d" % case.extra["n"]) in case.query.images)


def test_reliance_finds_what_is_used() -> None:
    cases = pairs(40)
    both = reliance(cases, reads_both, seeds=[1, 2])
    assert {name: one.mean for name, one in both.accuracy.items()} == {
        "text+image": 1.0,
        "text": 0.5,
        "image": 0.5,
        "neither": 0.0,
    }
    assert (both.without_text.mean, both.without_image.mean) == (0.5, 0.5)
    assert both.permuted_images is not None
    assert both.permuted_images.mean == 0.5
    blind = reliance(cases, reads_text, seeds=[1])
    assert (blind.without_image.mean, blind.without_text.mean) == (0.0, 0.5)
    assert blind.permuted_images is not None
    assert blind.permuted_images.mean == 0.0
    with pytest.raises(BadInput, match="text and image"):
        reliance([Case("x", Content("text"))], reads_text)
    with pytest.raises(BadInput, match="no case"):
        reliance(cases, lambda case: None)


def test_importance_by_query_recovers_planted_answerers() -> None:
    both, text, image = ("text", "image"), ("text",), ("image",)
    found = importance_by_query(
        {
            "reads text": {both: True, text: True, image: False},
            "needs both": {both: True, text: False, image: False},
            "knows": {both: True, text: True, image: True},
            "not scored": {both: True, text: None, image: True},
        }
    )
    assert {name: one.kind for name, one in found.items()} == {
        "reads text": "text-biased",
        "needs both": "complementary",
        "knows": "agnostic, correct",
    }


@given(st.integers(2, 30), st.integers(0, 50))
def test_permuted_images_are_all_there_and_none_in_its_place(count: int, seed: int) -> None:
    cases = pairs(count)
    moved = permuted_images(cases, seed)
    assert [case.query.text for case in moved] == [case.query.text for case in cases]
    assert all(one.query.images != other.query.images for one, other in zip(cases, moved, strict=True))
    assert {case.query.images for case in moved} == {case.query.images for case in cases}
