"""FakeChooser: what it says, and how it misbehaves when told to."""

import asyncio
import pickle
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting, ScorerError
from tamis.core.image import Image
from tamis.models.chooser import Chooser, Writer
from tamis.models.template import Part, Prompt
from tamis.testing.fake_chooser import LEAST, FakeChooser, passages_in

PROMPT = Prompt(
    (
        Part("Query: "),
        Part("a red bus", owner="query"),
        *(part for text in ("red", "a bus", "a tram", "b") for part in (Part(" - "), Part(text, owner="passage"))),
    )
)
LABELS = ("A", "B", "C", "D")


def test_it_is_a_chooser_and_a_writer() -> None:
    assert isinstance(FakeChooser(), Chooser)
    assert isinstance(FakeChooser(), Writer)


def test_both_ways_and_a_copy_say_the_same() -> None:
    chooser = FakeChooser({"b": 5.0, "red": 1.0})
    expected = chooser.choose([PROMPT], [LABELS])
    assert expected[0][3] == 5.0
    assert expected[0][1] is not None
    assert expected[0][2] is not None
    assert expected[0][1] > expected[0][2] > LEAST
    assert asyncio.run(chooser.achoose([PROMPT], [LABELS])) == expected
    assert asyncio.run(chooser.awrite([PROMPT])) == chooser.write([PROMPT])
    copy = pickle.loads(pickle.dumps(chooser))  # noqa: S301 - made on the same line
    assert copy == chooser
    assert copy.choose([PROMPT], [LABELS]) == expected


def test_a_passage_is_a_run_of_its_parts() -> None:
    picture = Image(path="bus.png")
    prompt = Prompt(
        (Part(image=picture, owner="passage"), Part("a bus", owner="passage"), Part("|"), Part("x", owner="passage"))
    )
    assert passages_in(prompt) == [Content("a bus", (picture,)), Content("x")]
    alone = Prompt((Part(image=picture, owner="passage"),))
    assert FakeChooser({picture.describe(): 2.0}).choose([alone], [["A"]]) == [[2.0]]


@pytest.mark.parametrize(
    ("misbehave", "choice", "text"),
    [
        ("none", [None] * 4, None),
        ("few", [1.0, 2.0, 3.0, None], None),
        ("short", [1.0, 2.0, 3.0], None),
        ("long", [1.0, 2.0, 3.0, 0.5, 0.0], None),
        ("omits", None, "[3] > [2] > [1]"),
        ("repeats", None, "[3] > [2] > [3] > [2] > [1] > [4]"),
        ("unknown", None, "[0] > [3] > [11] > [2] > [1] > [4]"),
        ("garbage", None, "I am sorry, but none of these can be compared."),
    ],
)
def test_it_misbehaves_as_told_and_as_often(misbehave: Any, choice: Any, text: str | None) -> None:
    worth = {"red": 1.0, "a bus": 2.0, "a tram": 3.0, "b": 0.5}
    good: list[float | None] = [1.0, 2.0, 3.0, 0.5]
    if choice is not None:
        chooser = FakeChooser(worth, misbehave=misbehave, every=2)
        assert chooser.choose([PROMPT] * 4, [LABELS] * 4) == [good, choice, good, choice]
    if text is not None:
        assert FakeChooser(worth, misbehave=misbehave).write([PROMPT]) == [text]


def test_errors_come_every_so_often() -> None:
    chooser = FakeChooser(misbehave="error", every=2)
    chooser.choose([PROMPT], [LABELS])
    with pytest.raises(ScorerError):
        chooser.write([PROMPT])
    assert chooser.calls == [1, 1]


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(BadSetting, match="misbehave"):
        FakeChooser(misbehave="nope")  # type: ignore[arg-type]
    with pytest.raises(BadSetting, match="every is 0"):
        FakeChooser(every=0)
