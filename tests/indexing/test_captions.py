"""Captions beside images."""

import json
from pathlib import Path

import pytest

from tamis.indexing.captions import LONGEST_CAPTION, find_captions


@pytest.mark.parametrize("name", ["photo.txt", "photo.jpg.txt", "photo.md", "photo.jpg.md"])
def test_a_text_beside_the_image_is_its_caption(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(" A red barn \n")
    caption = find_captions(tmp_path, ["photo.jpg"])["photo.jpg"]
    assert (caption.text, caption.files) == ("A red barn", (name,))


def test_a_json_file_with_a_caption_field_is_one_and_any_other_is_not(tmp_path: Path) -> None:
    for name, content in {
        "a.json": {"caption": "A sea"},
        "b.json": {"title": "x"},
        "c.json": ["x"],
        "d.json": {"caption": 5},
    }.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "e.json").write_text("{broken")
    found = find_captions(tmp_path, ["a.png", "b.png", "c.png", "d.png", "e.png"])
    assert {image: caption.text for image, caption in found.items()} == {"a.png": "A sea"}


def test_the_full_name_captions_one_image_and_the_stem_all_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg.txt").write_text("the jpg")
    (tmp_path / "photo.txt").write_text("both")
    found = find_captions(tmp_path, ["photo.jpg", "photo.png"])
    assert found["photo.jpg"].text == "the jpg\nboth"
    assert found["photo.png"].text == "both"


def test_a_long_text_of_the_same_name_is_a_document_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("x" * (LONGEST_CAPTION + 1))
    assert find_captions(tmp_path, ["README.png"]) == {}


def test_a_binary_or_linked_side_car_is_no_caption(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\0\1\2")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "b.txt").symlink_to(tmp_path / "secret")
    assert find_captions(tmp_path, ["a.png", "b.png"]) == {}
