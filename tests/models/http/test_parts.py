"""The parts of HttpScorer that decide and do no I/O: breaker, concurrency, retries, fleet, text made plain, images."""

import re
from io import BytesIO

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadSetting, MediaBroken, MediaRefused, MediaTooLarge
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.models.http.images import data_uri
from tamis.models.http.neutral import SPECIAL, plain
from tamis.models.http.settings import checked_headers, checked_urls, redacted

PIECES = ["<|", "|>", "im_end", "<", ">", "|", " ", "[INST]", "</s>", "<｜", "｜>"]


class TestPlain:
    @pytest.mark.parametrize(
        "token",
        [
            *SPECIAL,
            "<|im_start|>",
            "<|vision_start|>",
            "<|image_pad|>",
            "<|anything at all|>",
            "<｜User｜>",
            "<unused7>",
        ],
    )
    def test_no_special_token_is_left(self, token: str) -> None:
        for text in (token, f"a{token}b{token}", token[:3] + token + token[3:], token[:-1] + token + token[-1:]):
            assert token not in plain(text)

    def test_markers_of_the_template_are_broken_and_other_text_is_kept(self) -> None:
        assert plain("Query: x [1] a<b and <p>", ["Query:"]) == "Q uery: x [1] a<b and <p>"

    @given(
        st.lists(
            st.sampled_from(["<|", "|>", "im_end", "<", ">", "|", " ", "[INST]", "</s>", "<｜", "｜>"]), max_size=12
        )
    )
    def test_whatever_is_put_together(self, pieces: list[str]) -> None:

        text = plain("".join(pieces))
        assert not re.search(r"<\|[^<>]{0,100}\|>|<｜[^<>]{0,100}｜>|\[INST\]|</s>", text)
        assert plain(text) == text


def picture(kind: str, size: tuple[int, int] = (4, 3)) -> bytes:
    file = BytesIO()
    PIL.Image.new("RGB", size, "red").save(file, kind)
    return file.getvalue()


class TestImages:
    @pytest.mark.parametrize(
        ("kind", "media"), [("PNG", "png"), ("JPEG", "jpeg"), ("GIF", "gif"), ("WEBP", "webp"), ("BMP", "bmp")]
    )
    def test_the_type_is_found_in_the_bytes(self, kind: str, media: str) -> None:
        assert data_uri(Image(data=picture(kind)), MediaPolicy()).startswith(f"data:image/{media};base64,")

    def test_what_the_policy_forbids_is_not_read(self) -> None:
        with pytest.raises(MediaRefused):
            data_uri(Image(path="/etc/hostname"), MediaPolicy())

    def test_pixels_are_bounded_by_the_header(self) -> None:
        with pytest.raises(MediaTooLarge, match="400 pixels; max_pixels is 100"):
            data_uri(Image(data=picture("PNG", (20, 20))), MediaPolicy(max_pixels=100))

    @pytest.mark.parametrize("data", [b"no picture", b"\x89PNG\r\n\x1a\nrubbish", picture("JPEG")[:20]])
    def test_broken_images_are_not_sent(self, data: bytes) -> None:
        with pytest.raises(MediaBroken):
            data_uri(Image(data=data), MediaPolicy())


class TestSettings:
    @pytest.mark.parametrize(
        "url",
        ["", "host:8000", "ftp://host", "http://", "http://h/#x", "http://h:99999", "http://a b", [], ["http://a"] * 2],
    )
    def test_bad_urls(self, url: str | list[str]) -> None:
        with pytest.raises(BadSetting):
            checked_urls(url)

    @pytest.mark.parametrize("url", ["http://me:hunter22@host/v1", "https://host/v1?api_key=hunter22"])
    def test_a_url_with_a_secret_is_refused_without_showing_it(self, url: str) -> None:
        with pytest.raises(BadSetting, match="carries a secret") as caught:
            checked_urls(url)
        assert "hunter22" not in str(caught.value)

    def test_headers_are_checked_without_showing_their_values(self) -> None:
        with pytest.raises(BadSetting, match='the header "x-key"') as caught:
            checked_headers({"x-key": "hunter22\r\nx: y"})
        assert "hunter22" not in str(caught.value)

    def test_longer_secrets_are_hidden_first(self) -> None:
        assert redacted("abcdef abcd", ["abcd", "abcdef"]) == "*** ***"
