"""Stand-in embedders, reports, and what importing tamis.testing costs."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tamis.testing
from tamis.core.content import Content
from tamis.core.errors import BadSetting, MediaBroken
from tamis.core.image import Image
from tamis.models import Embedder
from tamis.testing import ConformanceError, ConformanceReport, FakeEmbedder, FakeImageEmbedder, Finding
from tamis.testing.assertions import Assertions, CannotTell, Unmet
from tamis.testing.pictures import png


def test_importing_the_room_loads_neither_llama_index_nor_torch_nor_numpy() -> None:
    script = "import sys, tamis.testing; print({'llama_index', 'torch', 'numpy'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_no_stand_in_and_no_check_loads_torch() -> None:
    script = (
        "import sys, tamis.testing as room; [getattr(room, name) for name in room.__all__]; "
        "print('torch' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_every_public_name_is_there_and_no_other() -> None:
    for name in tamis.testing.__all__:
        assert getattr(tamis.testing, name).__name__ == name
    with pytest.raises(AttributeError, match="nope"):
        _ = tamis.testing.nope


@pytest.mark.parametrize("embedder", [FakeEmbedder(), FakeEmbedder(7), FakeImageEmbedder()])
def test_an_embedder_gives_one_unit_vector_for_each_content(embedder: Embedder) -> None:
    vectors = embedder.embed([Content("a river"), Content(), Content("河流 🏞️"), Content("red red blue")])

    assert isinstance(embedder, Embedder)
    assert vectors.shape == (4, embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert embedder.embed([]).shape == (0, embedder.dimensions)


@given(st.lists(st.text(max_size=20), max_size=4))
def test_an_embedding_does_not_depend_on_the_batch(texts: list[str]) -> None:
    contents = [Content(text) for text in texts]

    together = FakeEmbedder(16).embed(contents)

    for vector, content in zip(together, contents, strict=True):
        assert np.array_equal(vector, FakeEmbedder(16).embed([content])[0])


def test_an_embedding_is_the_same_in_another_process() -> None:
    script = (
        "from tamis.core.content import Content; from tamis.testing import FakeEmbedder; "
        "print(FakeEmbedder(4).embed([Content('a river')]).tolist())"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == str(FakeEmbedder(4).embed([Content("a river")]).tolist())


def test_a_colour_in_words_finds_the_picture_that_shows_it() -> None:
    colours = {"red": (250, 10, 10), "blue": (5, 5, 240), "white": (255, 255, 255), "yellow": (250, 250, 20)}
    pictures = [Content(images=(Image(data=png(*rgb)),)) for rgb in colours.values()]
    embedder = FakeImageEmbedder()

    nearness = embedder.embed([Content(f"something {name}") for name in colours]) @ embedder.embed(pictures).T

    assert nearness.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_a_picture_finds_the_caption_that_names_its_colour_and_itself() -> None:
    picture = Content(images=(Image(data=png(0, 0, 255)),))
    embedder = FakeImageEmbedder()

    asked, same, blue, red = embedder.embed([picture, picture, Content("a blue car"), Content("a red car")])

    assert float(asked @ same) == pytest.approx(1, abs=1e-5)
    assert asked @ blue > asked @ red


def test_a_picture_that_is_none_is_a_media_error() -> None:
    with pytest.raises(MediaBroken):
        FakeImageEmbedder().embed([Content(images=(Image(data=b"no picture"),))])


@pytest.mark.parametrize(("make", "dimensions"), [(FakeEmbedder, 0), (FakeImageEmbedder, 12)])
def test_too_few_dimensions_are_refused(make: type[FakeEmbedder] | type[FakeImageEmbedder], dimensions: int) -> None:
    with pytest.raises(BadSetting, match=str(dimensions)):
        make(dimensions)


def test_a_report_lists_every_failed_assertion_with_its_reason() -> None:
    findings = (Finding("a", "failed", "no a"), Finding("b", "passed"), Finding("c", "failed", "no c"))
    report = ConformanceReport("Thing", (*findings, Finding("d", "skipped", "no d")))

    with pytest.raises(ConformanceError, match=r"(?s)Thing fails 2 of 4 assertions:.*- a: no a.*- c: no c"):
        report.raise_if_failed()
    assert issubclass(ConformanceError, AssertionError)
    assert [finding.assertion for finding in report.skipped] == ["d"]
    assert report["b"].status == "passed"
    assert report.to_dict()["findings"][0] == {"assertion": "a", "status": "failed", "reason": "no a"}
    with pytest.raises(KeyError):
        report["e"]


def test_each_assertion_is_judged_by_itself_and_an_error_is_a_failure() -> None:
    table: Assertions[int] = Assertions()

    @table("holds")
    def _holds(subject: int) -> None:
        return

    @table("does not hold")
    def _does_not(subject: int) -> None:
        raise Unmet(f"it is {subject}")

    @table("cannot be seen")
    def _unseen(subject: int) -> None:
        raise CannotTell("too dark")

    @table("goes wrong")
    def _wrong(subject: int) -> None:
        raise ZeroDivisionError

    assert table.judge("Five", 5).findings == (
        Finding("holds", "passed"),
        Finding("does not hold", "failed", "it is 5"),
        Finding("cannot be seen", "skipped", "too dark"),
        Finding("goes wrong", "failed", "it raised ZeroDivisionError"),
    )


def test_where_the_first_assertion_fails_the_others_are_not_made() -> None:
    table: Assertions[int] = Assertions()

    @table("is even")
    def _even(subject: int) -> None:
        if subject % 2:
            raise Unmet("it is odd")

    @table("can be halved")
    def _halved(subject: int) -> None:
        raise ZeroDivisionError

    assert [finding.status for finding in table.judge("Five", 5)] == ["failed", "skipped"]
