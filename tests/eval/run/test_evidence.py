"""What a reader gets to see: cut, marked, and no image that was not allowed."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.eval.case import Case
from tamis.eval.run.evidence import Thumbnails, cut, evidence
from tamis.eval.trace import Passage, Step, Trace


def png(width: int = 800, height: int = 400) -> bytes:
    buffer = BytesIO()
    PIL.Image.new("RGB", (width, height), "red").save(buffer, "PNG")
    return buffer.getvalue()


def shown(policy: MediaPolicy, *images: Image) -> dict[str, Any]:
    passages = tuple(Passage(f"i{number}", Content("", (image,))) for number, image in enumerate(images))
    return evidence(Case("c", Content("q")), Content("q"), Trace((Step("retrieve", passages),)), Thumbnails(policy))


def test_an_image_is_shown_small_where_the_policy_allows_it(tmp_path: Path) -> None:
    (tmp_path / "bus.png").write_bytes(png())
    on_disk = Image(path=str(tmp_path / "bus.png"))
    allowed = shown(MediaPolicy(roots=(str(tmp_path),)), on_disk, Image(data=png()))
    assert set(allowed["thumbnails"]) == {"i0", "i1"}
    data = base64.b64decode(allowed["thumbnails"]["i0"])
    with PIL.Image.open(BytesIO(data)) as small:
        assert (small.format, small.size) == ("JPEG", (112, 56))
    refused = shown(MediaPolicy(), on_disk, Image(data=b"no image"), Image(url="http://localhost/x.png"))
    assert "thumbnails" not in refused
    assert [one["images"] for one in refused["steps"][0]["passages"]] == [1, 1, 1]


def test_thumbnails_are_few_and_each_image_is_made_small_once() -> None:
    image = Image(data=png(20, 20))
    made = shown(MediaPolicy(), *[image] * 30)
    assert len(made["thumbnails"]) == 8
    small = Thumbnails(MediaPolicy())
    assert small(image) is small(image)


@pytest.mark.parametrize(
    ("text", "expected"), [("abc", "abc"), ("abcdef", "abc… [3 more characters]"), ("a\udc80", "a?")]
)
def test_texts_are_cut(text: str, expected: str) -> None:
    assert cut(text, 3) == expected
