"""An Image names exactly one source, reads nothing, and says nothing that should stay secret."""

import os
from dataclasses import FrozenInstanceError
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tamis.core.errors import BadSetting, MediaRefused
from tamis.core.image import Image
from tamis.core.media import MediaPolicy


@pytest.mark.parametrize(
    "settings",
    [{}, {"data": b"x", "path": "x.png"}, {"path": "x", "url": "http://x"}, {"data": b"", "path": "p", "url": "u"}],
)
def test_anything_but_one_source_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSetting, match="exactly one of data, path and url"):
        Image(**settings)


@pytest.mark.parametrize("settings", [{"data": "text"}, {"path": b"x.png"}, {"path": 3}, {"url": b"http://x"}])
def test_a_source_of_the_wrong_type_is_refused_by_name(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSetting, match=f"{next(iter(settings))} must be"):
        Image(**settings)


@pytest.mark.parametrize("settings", [{"path": ""}, {"url": ""}])
def test_an_empty_path_or_url_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSetting, match="must not be empty"):
        Image(**settings)


def test_path_objects_and_byte_buffers_become_plain_values() -> None:
    assert Image(path=Path("a") / "b.png").path == os.path.join("a", "b.png")  # type: ignore[arg-type]
    assert Image(data=bytearray(b"abc")).data == b"abc"  # type: ignore[arg-type]
    assert Image(data=memoryview(b"abc")) == Image(data=b"abc")  # type: ignore[arg-type]


def test_making_one_reads_nothing(tmp_path: Path) -> None:
    missing = Image(path=str(tmp_path / "no such file"))
    with pytest.raises(MediaRefused):
        MediaPolicy().read(missing)


def test_it_is_frozen_hashable_and_compared_by_its_source() -> None:
    image = Image(path="a.png")
    with pytest.raises(FrozenInstanceError):
        image.path = "b.png"  # type: ignore[misc]
    assert {image, Image(path="a.png"), Image(url="http://a.png")} == {image, Image(url="http://a.png")}


def test_the_digest_is_of_the_bytes_however_they_are_reached(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"abc")
    policy = MediaPolicy(roots=(str(tmp_path),))
    expected = sha256(b"abc").hexdigest()
    for image in (Image(data=b"abc"), Image(path=str(tmp_path / "a.bin")), Image(url="data:;base64,YWJj")):
        assert image.digest(policy) == expected


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://user:hunter2@host.example/a.png", "hunter2"),
        ("https://host.example/a.png?signature=hunter2", "hunter2"),
        ("http://[half:hunter2@open", "hunter2"),
        ("data:image/png;base64,hunter2", "hunter2"),
        ("DATA:,hunter2", "hunter2"),
    ],
)
def test_what_is_shown_of_a_url_holds_no_secret(url: str, secret: str) -> None:
    image = Image(url=url)
    assert secret not in image.describe() + repr(image) + str(image)


def test_what_is_shown_is_short_and_holds_no_bytes() -> None:
    for image in (Image(data=b"\x89PNG" * 10_000), Image(path="x" * 10_000), Image(url="http://h/" + "x" * 10_000)):
        assert len(repr(image)) < 250
        assert str(image) == image.describe()
    assert "PNG" not in repr(Image(data=b"\x89PNG" * 10))
    assert "'/data/bus.png'" in str(Image(path="/data/bus.png"))
    assert str(Image(url="https://h.example/bus.png")) == "URL 'https://h.example/bus.png'"
