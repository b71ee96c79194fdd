"""Training: the stated false-positive rate is kept on new texts, and what cannot be trained on says why."""

import json
import math
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.models.screens import Example, ProbeScreen, Trained, load_screen, read_examples, screen_of, train_screen
from tamis.models.screens.saved import save_screen
from tamis.models.screens.training import folds, platt, threshold_at
from tamis.testing import FakeEmbedder

from .conftest import made


def test_the_report_is_of_examples_that_the_screen_had_not_seen(trained: Trained) -> None:
    report = trained.report
    assert (report.harmful, report.harmless) == (150, 150)
    assert report.true_positives >= 140
    assert report.false_positives <= 3
    assert 0 <= report.brier < 0.1
    assert report.threshold == trained.screen.threshold


def test_new_harmless_texts_are_stopped_about_as_rarely_as_was_asked_for(trained: Trained) -> None:
    new = [example for example in made(400, seed=9) if not example.harmful]
    stopped = sum((one.harmful or 0) >= trained.screen.threshold for one in trained.screen.screen([x[0] for x in new]))
    assert stopped / len(new) <= 0.02


def test_labels_that_words_do_not_tell_make_no_screen_that_finds_them() -> None:
    shuffled = [example._replace(harmful=number % 4 < 2) for number, example in enumerate(made(60))]
    for seed in range(3):
        found = 0.0
        with suppress(BadInput):
            report = train_screen(shuffled, "ss3", rate=0.05, seed=seed).report
            found = report.true_positives / report.harmful_scored
        assert found < 0.4


@given(st.lists(st.floats(-30, 30), min_size=99, max_size=300), st.sampled_from([0.01, 0.05, 0.2]))
def test_no_more_than_the_rate_of_the_harmless_lie_above_the_threshold(raws: list[float], rate: float) -> None:
    threshold = threshold_at(raws, 1.0, 0.0, rate)
    above = sum(1 / (1 + math.exp(-raw)) >= threshold for raw in raws)
    assert above <= rate * (len(raws) + 1)


def test_platt_recovers_what_made_the_labels() -> None:
    import random

    rng = random.Random(3)
    raws = [rng.uniform(-4, 4) for _ in range(6_000)]
    labels = [rng.random() < 1 / (1 + math.exp(-(1.5 * raw - 0.5))) for raw in raws]
    slope, offset = platt(raws, labels)
    assert slope == pytest.approx(1.5, abs=0.1)
    assert offset == pytest.approx(-0.5, abs=0.1)
    with pytest.raises(BadInput, match="do not tell"):
        platt([-raw for raw in raws], labels)


def test_folds_never_split_a_group_or_equal_texts() -> None:
    examples = [example._replace(group=f"{number // 6}") for number, example in enumerate(made(60))]
    examples += [Example(Content("The  same\ntext"), True), Example(Content("the same text"), False)] * 3
    fold_of = folds(examples, seed=1)
    for start in range(0, 120, 6):
        assert len(set(fold_of[start : start + 6])) == 1
    assert len(set(fold_of[120:])) == 1
    assert set(fold_of) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        ([example for example in made(60) if example.harmful], "none of 60 examples is harmless"),
        ([example for example in made(60) if not example.harmful], "none of 60 examples is harmful"),
        (made(10), "10 examples are harmful; at least 20"),
        (made(40), "a false-positive rate of 0.01 cannot be promised from 40 harmless"),
        ([example._replace(group="one") for example in made(60)], "of 1 groups or texts"),
        ([*made(150), Example(Content(), True)], "example 301 has no text"),
    ],
)
def test_what_cannot_be_trained_on_says_why(examples: list[Example], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        train_screen(examples, "ss3")


def test_a_rate_and_a_kind_that_are_none_are_refused(examples: list[Example]) -> None:
    with pytest.raises(BadSetting, match="rate"):
        train_screen(examples, "ss3", rate=0)
    with pytest.raises(BadSetting, match="nope"):
        train_screen(examples, "nope")  # type: ignore[arg-type]


def test_background_holds_the_threshold_on_other_text(examples: list[Example]) -> None:
    # The corpus uses one of the telling words in a harmless sense.
    corpus = [Content(f"chapter {number} on zorblat and its history. " * 3) for number in range(150)]
    without = train_screen(examples, "ss3").screen
    trained = train_screen(examples, "ss3", background=corpus)
    new = [Content(f"part {number} on zorblat and its history. " * 3) for number in range(100)]
    stopped = [
        sum((one.harmful or 0) >= screen.threshold for one in screen.screen(new))
        for screen in (without, trained.screen)
    ]
    assert stopped[0] == 100
    assert stopped[1] <= 2
    assert trained.report.background == 150
    assert trained.report.background_false_positives <= 3
    assert trained.report.harmful == 150


def test_probe_learns_saves_and_comes_back(examples: list[Example], tmp_path: Path) -> None:
    embedder = FakeEmbedder(dimensions=64)
    trained = train_screen(examples, "probe", embedder=embedder)
    assert trained.report.true_positives > trained.report.harmful * 0.5
    assert trained.report.false_positives <= 4
    save_screen(tmp_path / "screen.json", trained.screen, trained.report.to_dict())
    again = load_screen(tmp_path / "screen.json")
    assert isinstance(again, ProbeScreen)
    contents = [example.content for example in examples[:20]]
    assert again.screen(contents) == trained.screen.screen(contents)
    assert "zorblat" not in (tmp_path / "screen.json").read_text()
    with pytest.raises(BadInput, match="use the embedder that it was trained on"):
        load_screen(tmp_path / "screen.json", FakeEmbedder(dimensions=32))


def test_a_saved_screen_is_found_by_its_file_and_nothing_else_is_taken_for_one(
    trained: Trained, tmp_path: Path
) -> None:
    file = tmp_path / "screen.json"
    save_screen(file, trained.screen, trained.report.to_dict())
    assert screen_of(str(file)) == screen_of({"file": str(file)}) == load_screen(file) == trained.screen
    assert screen_of(trained.screen) is trained.screen
    with pytest.raises(BadInput, match="there is no screen"):
        load_screen(tmp_path / "none.json")
    for text in (
        "",
        "[]",
        "{}",
        '{"format": "tamis-screen", "version": 9}',
        '{"format": "tamis-screen", "version": 1}',
    ):
        file.write_text(text)
        with pytest.raises(BadInput, match=r"screen\.json"):
            load_screen(file)
    with pytest.raises(UnknownComponent, match="ss3"):
        screen_of("nope")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "is not JSON"),
        ("[1]", "is no JSON object"),
        ('{"harmful": true}', 'neither "text" nor "image"'),
        ('{"text": "secret words"}', '"harmful" is missing'),
        ('{"text": "secret words", "harmful": 1}', '"harmful" must be true or false, not int'),
        ('{"text": 3, "harmful": true}', '"text" must be a text'),
    ],
)
def test_a_faulty_line_is_named_and_its_text_is_not(line: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_text('{"text": "fine", "harmful": false}\n\n' + line)
    with pytest.raises(BadInput, match=said) as error:
        read_examples(file)
    assert "line 3" in str(error.value)
    assert "secret words" not in str(error.value)


def test_images_are_read_by_ocr(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    file = tmp_path / "data.jsonl"
    file.write_text(json.dumps({"text": "above", "image": "a.png", "harmful": True, "group": 7}) + "\n")
    [example] = read_examples(file, ocr=lambda picture: f"{picture.size[0]} wide")
    assert example == Example(Content("above\n8 wide"), True, None, "7")
    [unread] = read_examples(file)
    assert len(unread.content.images) == 1
    file.write_text('{"image": "../a.png", "harmful": true}\n')
    with pytest.raises(BadInput, match="line 1"):
        read_examples(file, ocr=lambda picture: "never read")
