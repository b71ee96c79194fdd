"""A MediaPolicy is checked when it is made, written as JSON, and the only door to bytes."""

import base64
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadSetting, MediaBroken, MediaError, MediaRefused, MediaTooLarge
from tamis.core.image import Image
from tamis.core.media import MediaPolicy

_WATCHED = ("socket.__new__", "socket.connect", "socket.getaddrinfo", "open", "subprocess.Popen")
_seen: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is not None and event in _WATCHED:
        _seen.append(event)


sys.addaudithook(_watch)


@pytest.fixture
def doings() -> Any:
    """Every file opened, socket made and name looked up during the test, as the interpreter itself reports them."""
    global _seen
    _seen = []
    yield _seen
    _seen = None


@pytest.mark.parametrize(
    "settings",
    [
        {"roots": "/data"},
        {"roots": ("",)},
        {"roots": (3,)},
        {"roots": 3},
        {"roots": {"images": True}},
        {"urls": 1},
        {"urls": "no"},
        {"max_bytes": 0},
        {"max_bytes": -1},
        {"max_bytes": 1.5},
        {"max_bytes": True},
        {"max_pixels": 0},
        {"max_pixels": "many"},
    ],
)
def test_a_bad_setting_is_named_when_it_is_set(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSetting, match=next(iter(settings))):
        MediaPolicy(**settings)


@given(
    roots=st.lists(st.text("abc/", min_size=1, max_size=5), max_size=3).map(tuple),
    urls=st.booleans(),
    max_bytes=st.integers(1, 2**40),
    max_pixels=st.integers(1, 2**40),
)
def test_a_policy_survives_json_and_pickle(roots: tuple[str, ...], urls: bool, max_bytes: int, max_pixels: int) -> None:
    policy = MediaPolicy(roots, urls, max_bytes, max_pixels)
    assert MediaPolicy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301
    assert hash(policy) == hash(MediaPolicy.from_dict(policy.to_dict()))


def test_an_unknown_setting_is_named_with_those_that_exist() -> None:
    with pytest.raises(BadSetting, match=r"no setting url; known: roots, urls"):
        MediaPolicy.from_dict({"url": True})


def test_roots_may_be_path_objects(tmp_path: Path) -> None:
    assert MediaPolicy(roots=(tmp_path,)).roots == (str(tmp_path),)  # type: ignore[arg-type]


def test_inline_bytes_are_allowed_and_bounded() -> None:
    assert MediaPolicy(max_bytes=3).read(Image(data=b"abc")) == b"abc"
    with pytest.raises(MediaTooLarge, match=r"inline image of 4 bytes.*max_bytes is 3"):
        MediaPolicy(max_bytes=3).read(Image(data=b"abcd"))


def test_nothing_at_all_is_broken(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    policy = MediaPolicy(roots=(str(tmp_path),))
    for image in (Image(data=b""), Image(path=str(tmp_path / "empty.png")), Image(url="data:image/png;base64,")):
        with pytest.raises(MediaBroken, match="is empty"):
            policy.read(image)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.png",
        "HTTPS://example.org/a.png",
        "file:///etc/passwd",
        "ftp://example.org/a.png",
        "gopher://example.org/",
        "/etc/passwd",
        "//example.org/a.png",
        "javascript:alert(1)",
        "file:///etc/passwd#http://example.org",
        "http+unix://socket/",
    ],
)
def test_urls_are_refused_by_default_before_anything_is_opened(url: str, doings: list[str]) -> None:
    image, policy = Image(url=url), MediaPolicy()
    with pytest.raises(MediaRefused):
        policy.read(image)
    assert doings == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/a.png", "/etc/passwd", "ftps://x/", "x"])
def test_other_schemes_than_http_stay_refused_where_urls_are_allowed(url: str, doings: list[str]) -> None:
    image, policy = Image(url=url), MediaPolicy(urls=True, roots=("/",))
    with pytest.raises(MediaRefused):
        policy.read(image)
    assert doings == []


def test_a_data_url_needs_no_permission() -> None:
    encoded = base64.b64encode(bytes(range(256))).decode()
    assert MediaPolicy().read(Image(url=f"data:image/png;base64,{encoded}")) == bytes(range(256))
    assert MediaPolicy().read(Image(url=f" DATA:image/png;BASE64,{encoded}")) == bytes(range(256))


@given(st.binary(min_size=1), st.booleans(), st.sampled_from(["", "\n", "%20"]))
def test_any_bytes_come_back_from_a_data_url(data: bytes, padded: bool, gap: str) -> None:
    encoded = base64.b64encode(data).decode()
    if not padded:
        encoded = encoded.rstrip("=")
    image = Image(url=f"data:;base64,{encoded[:7]}{gap}{encoded[7:]}")
    assert MediaPolicy().read(image) == data


@given(st.integers(1, 200), st.integers(1, 200))
def test_a_data_url_keeps_the_bound_exactly(size: int, bound: int) -> None:
    image = Image(url="data:;base64," + base64.b64encode(b"x" * size).decode())
    policy = MediaPolicy(max_bytes=bound)
    if size <= bound:
        assert policy.read(image) == b"x" * size
    else:
        with pytest.raises(MediaTooLarge, match="max_bytes"):
            policy.read(image)


@given(st.text(max_size=30))
def test_no_data_url_raises_anything_but_a_media_error(text: str) -> None:
    try:
        MediaPolicy(max_bytes=50).read(Image(url=f"data:{text}"))
    except MediaError:
        return


@pytest.mark.parametrize(
    "url", ["data:image/png;base64", "data:;base64,a", "data:;base64,ab*c", "data:;base64,äöü", "data:,a\ud800"]
)
def test_a_broken_data_url_is_a_typed_error(url: str) -> None:
    with pytest.raises(MediaBroken, match="data"):
        MediaPolicy().read(Image(url=url))


def test_a_long_data_url_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(MediaTooLarge):
        MediaPolicy(max_bytes=10).read(Image(url="data:;base64," + "A" * 10_000))
    with pytest.raises(MediaTooLarge):
        MediaPolicy(max_bytes=10).read(Image(url="data:," + "A" * 10_000))
