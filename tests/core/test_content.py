"""Content is text with images, frozen and comparable; nothing in it is opened by making it."""

from dataclasses import FrozenInstanceError

import pytest

from tamis.core.content import Content
from tamis.core.image import Image


def test_content_is_something_when_it_has_text_or_an_image() -> None:
    assert Content("a")
    assert Content(images=(Image(path="no such file.png"),))
    assert not Content()
    assert not Content(" \n\t")


def test_content_is_frozen_hashable_and_compared_by_value() -> None:
    content = Content("a", (Image(data=b"x"),))
    assert content == Content("a", (Image(data=b"x"),))
    assert len({content, Content("a", (Image(data=b"x"),)), Content("a")}) == 2
    with pytest.raises(FrozenInstanceError):
        content.text = "b"  # type: ignore[misc]
