"""Bytes of text files in the encodings that people have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.indexing.text import decode, is_binary


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_with_its_mark_or_as_utf8_is_read_exactly(encoding: str) -> None:
    assert decode("naïve – 東京".encode(encoding)).text == "naïve – 東京"


def test_a_declared_encoding_is_believed() -> None:
    assert decode("# -*- coding: shift_jis -*-\n東京".encode("shift_jis")).text.endswith("東京")


@pytest.mark.parametrize("name", [b"no-such", b"hex", b"rot13"])
def test_a_declared_encoding_that_makes_no_text_falls_back(name: bytes) -> None:
    decoded = decode(b"# coding: " + name + b"\ncaf\xe9")
    assert decoded.text.endswith("café")
    assert decoded.encoding == "cp1252"


def test_the_fallback_is_the_callers_choice() -> None:
    assert decode("привет".encode("cp1251"), "cp1251").text == "привет"


@given(st.binary(max_size=200))
def test_any_bytes_become_text(data: bytes) -> None:
    assert isinstance(decode(data).text, str)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_no_text_is_taken_for_binary(text: str) -> None:
    assert not is_binary(text.encode())


def test_a_picture_and_an_executable_are_binary() -> None:
    assert is_binary(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert is_binary(bytes(range(1, 32)) * 4)
