"""Images that are broken, forbidden, tiny, huge, or not what their header says."""

import weakref
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers import Qwen2VLModel

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.models.counting import counted
from tamis.models.mllm import TransformersScorer
from tamis.models.mllm.pictures import Picture, Pixels
from tamis.models.template import Part, Prompt

QUERY = Content("which colour is the bus?")


def encoded(image: PIL.Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


@pytest.mark.parametrize("family", ["qwen2-vl", "llava", "idefics3"])
def test_broken_images_cost_their_own_passage_only(
    family: str, checkpoint: Any, picture: Any, caplog: pytest.LogCaptureFixture
) -> None:
    good = picture(1)
    assert good.data is not None
    huge = encoded(PIL.Image.new("1", (20_000, 20_000)))
    bad = [
        Image(data=good.data[: len(good.data) // 2]),
        Image(data=b"no image at all"),
        Image(data=huge),
        Image(path="/etc/hostname"),
        Image(url="http://127.0.0.1:9/x.png"),
    ]
    scorer = TransformersScorer(checkpoint(family))
    whole = Content("fine", (good,))
    passages = [whole, *(Content("text", (image,)) for image in bad), Content("two", (good, bad[0])), Content("plain")]
    alone = scorer.score(QUERY, [whole, Content("plain")])
    with counted() as counts:
        scores = scorer.score(QUERY, passages)
    assert [score is None for score in scores] == [False, *([True] * 6), False]
    assert [scores[0], scores[-1]] == pytest.approx(alone, abs=1e-3)
    assert counts.to_dict()["failures"] == 6
    assert counts.to_dict()["pairs"] == 2
    assert "20000 x 20000" in caplog.text


@pytest.mark.parametrize("family", ["qwen2-vl", "qwen3-vl", "llava", "idefics3", "smolvlm"])
def test_an_image_of_one_pixel_is_scored(family: str, checkpoint: Any, reference: Any) -> None:
    passage = Content("dot", (Image(data=encoded(PIL.Image.new("RGB", (1, 1), "red"))),))
    scorer = TransformersScorer(checkpoint(family))
    assert scorer.score(QUERY, [passage]) == pytest.approx([reference(family).log_odds(QUERY, passage)], abs=1e-3)


def test_an_image_too_thin_for_the_model_is_not_scored(checkpoint: Any) -> None:
    thin = Image(data=encoded(PIL.Image.new("RGB", (3_000, 2))))
    assert TransformersScorer(checkpoint("qwen2-vl")).score(QUERY, [Content("", (thin,)), Content("x")])[0] is None


def test_a_broken_image_in_the_query_leaves_all_unscored(checkpoint: Any, caplog: pytest.LogCaptureFixture) -> None:
    query = Content("like this", (Image(data=b"broken"),))
    scorer = TransformersScorer(checkpoint("qwen2-vl"))
    assert scorer.score(query, [Content("a"), Content("b")]) == [None, None]
    assert "inline image of 6 bytes" in caplog.text


def test_files_are_read_where_the_policy_allows_it(checkpoint: Any, picture: Any, tmp_path: Path) -> None:
    image = picture(3)
    (tmp_path / "a.png").write_bytes(image.data or b"")
    by_path = Content("text", (Image(path=str(tmp_path / "a.png")),))
    allowed = TransformersScorer(checkpoint("qwen2-vl"), media=MediaPolicy(roots=(str(tmp_path),)))
    expected = allowed.score(QUERY, [Content("text", (image,))])
    assert allowed.score(QUERY, [by_path]) == pytest.approx(expected, abs=1e-3)
    assert TransformersScorer(checkpoint("qwen2-vl")).score(QUERY, [by_path]) == [None]


def test_a_photograph_that_lies_on_its_side_is_turned_before_it_is_measured(checkpoint: Any, reference: Any) -> None:
    image = PIL.Image.new("RGB", (160, 60), "blue")
    image.paste((250, 20, 20), (0, 0, 50, 60))
    exif = image.getexif()
    exif[0x0112] = 6
    turned = Image(data=encoded(image.transpose(PIL.Image.Transpose.ROTATE_270)))
    for kind in ("JPEG", "PNG"):
        sideways = Image(data=encoded(image, kind, exif=exif))
        scorer = TransformersScorer(checkpoint("qwen2-vl"))
        expected = reference("qwen2-vl").log_odds(QUERY, Content("", (turned,)))
        within = 0.3 if kind == "JPEG" else 1e-3
        assert scorer.score(QUERY, [Content("", (sideways,))]) == pytest.approx([expected], abs=within)


def test_an_orientation_behind_the_pixels_is_found_out_when_they_are_decoded(checkpoint: Any, reference: Any) -> None:
    image = PIL.Image.new("RGB", (160, 60), "blue")
    image.paste((250, 20, 20), (0, 0, 50, 60))
    exif = image.getexif()
    exif[0x0112] = 6
    data = encoded(image, exif=exif)
    at = data.index(b"eXIf") - 4
    length = int.from_bytes(data[at : at + 4], "big") + 12
    end = data.index(b"IEND") - 4
    moved = data[:at] + data[at + length : end] + data[at : at + length] + data[end:]
    turned = Image(data=encoded(image.transpose(PIL.Image.Transpose.ROTATE_270)))
    scorer = TransformersScorer(checkpoint("qwen2-vl"))
    expected = reference("qwen2-vl").log_odds(QUERY, Content("", (turned,)))
    passages = [Content("", (Image(data=moved),)), Content("another")]
    for _ in range(2):
        assert scorer.score(QUERY, passages)[0] == pytest.approx(expected, abs=1e-3)


def test_a_model_of_text_alone_refuses_images_by_name(checkpoint: Any, picture: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen3"))
    with pytest.raises(BadInput, match=r"qwen3.*reads text only"):
        scorer.score(QUERY, [Content("text", (picture(1),)), Content("text")])
    assert scorer.modalities == {"text"}


def test_a_checkpoint_without_an_image_processor_says_so(own_folder: Any, picture: Any) -> None:
    folder = own_folder("qwen2-vl")
    (folder / "preprocessor_config.json").unlink()
    (folder / "video_preprocessor_config.json").unlink()
    scorer = TransformersScorer(str(folder))
    assert scorer.score(QUERY, [Content("text")])[0] is not None
    with pytest.raises(BadInput, match="has no image processor"):
        scorer.score(QUERY, [Content("text", (picture(1),))])


class Odd:
    """An image processor that does to one size of image what it is told, and to all others what it should."""

    def __init__(self, processor: Any, size: tuple[int, int], instead: Callable[[PIL.Image.Image], Any]) -> None:
        self.processor, self.size, self.instead = processor, size, instead

    def __call__(self, images: list[PIL.Image.Image], return_tensors: str) -> Any:
        shown = [self.instead(image) if image.size == self.size else image for image in images]
        return self.processor(images=shown, return_tensors=return_tensors)


def failed(_: PIL.Image.Image) -> Any:
    raise MemoryError


@pytest.mark.parametrize(
    ("instead", "reason"),
    [
        (failed, "cannot be prepared for the model: MemoryError"),
        (lambda image: "no image", "cannot be prepared for the model"),
        (lambda image: image.resize((280, 280)), "visual tokens where"),
    ],
)
def test_an_image_that_a_processor_fails_on_costs_its_own_passage_only(
    instead: Any, reason: str, checkpoint: Any, picture: Any, caplog: pytest.LogCaptureFixture
) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"), canary=False, kv_cache=0)
    passages = [Content("a", (picture(1),)), Content("b", (picture(2, 140, 60),)), Content("c")]
    expected = TransformersScorer(checkpoint("qwen2-vl"), canary=False).score(QUERY, passages)
    pictures = scorer.load().engine.pictures
    pictures.processor = Odd(pictures.processor, (140, 60), instead)
    scores = scorer.score(QUERY, passages)
    assert scores[1] is None
    assert [scores[0], scores[2]] == pytest.approx([expected[0], expected[2]], abs=1e-4)
    assert reason in caplog.text
    write = [Prompt((Part(image=passage.images[0]), Part("what?"))) for passage in passages[:2]]
    assert [text is None for text in scorer.write(write, 2)] == [False, True]


def test_pixels_are_let_go_when_the_model_has_seen_them(checkpoint: Any, picture: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"), canary=False, pixel_cache=0, token_budget=64)
    pictures = scorer.load().engine.pictures
    processed = pictures.processed
    made: list[weakref.ref[Pixels]] = []
    alive: list[int] = []

    def noted(picture: Picture) -> Pixels:
        pixels = processed(picture)
        made.append(weakref.ref(pixels))
        return pixels

    def look(module: torch.nn.Module, inputs: Any) -> None:
        if isinstance(module, Qwen2VLModel):
            alive.append(sum(one() is not None for one in made))

    pictures.processed = noted  # type: ignore[method-assign]
    handle = register_module_forward_pre_hook(look)
    try:
        scorer.score(QUERY, [Content("a bus", (picture(number),)) for number in range(16)])
    finally:
        handle.remove()
    assert len(made) == 16
    assert len(alive) >= 8
    assert max(alive) <= 8
