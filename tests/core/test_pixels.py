"""Whatever the file, MediaPolicy.open gives upright RGB pixels of the first frame or an error naming the source."""

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.features
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.core.errors import MediaBroken, MediaError, MediaTooLarge
from tamis.core.image import Image
from tamis.core.media import MediaPolicy

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)
LOSSLESS = ("PNG", "GIF", "BMP", "TIFF", "PPM")
FORMATS = (*LOSSLESS, "JPEG", "WEBP")


def encoded(image: PIL.Image.Image, kind: str = "PNG", **settings: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def opened(data: bytes, **settings: int) -> PIL.Image.Image:
    """The decoded image; a warning on the way is a failure."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return MediaPolicy(**settings).open(Image(data=data))  # type: ignore[arg-type]
        finally:
            assert [str(warning.message) for warning in caught] == []


def picture(width: int = 6, height: int = 4) -> PIL.Image.Image:
    """Red, with a green corner top left."""
    image = PIL.Image.new("RGB", (width, height), RED)
    image.putpixel((0, 0), GREEN)
    return image


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims any size."""
    chunks = b""
    for name, body in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", b""),
        (b"IEND", b""),
    ):
        chunks += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_come_back_exactly(kind: str) -> None:
    result = opened(encoded(picture(), kind))
    assert (result.mode, result.size) == ("RGB", (6, 4))
    assert result.getpixel((0, 0)) == GREEN
    assert result.getpixel((5, 3)) == RED


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_come_back_nearly(kind: str) -> None:
    if kind == "AVIF" and not PIL.features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    result = opened(encoded(PIL.Image.new("RGB", (16, 16), RED), kind))
    red, green, blue = pixel(result, 8, 8)
    assert red > 240
    assert max(green, blue) < 15


def pixel(image: PIL.Image.Image, x: int, y: int) -> tuple[int, int, int]:
    found = image.getpixel((x, y))
    assert isinstance(found, tuple)
    red, green, blue = found
    return int(red), int(green), int(blue)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_a_camera_wrote_is_applied(kind: str, orientation: int) -> None:
    """The bright corner of the stored pixels ends where EXIF 2.3, tag 0x0112, says that row 0 and column 0 are."""
    stored = PIL.Image.new("RGB", (32, 16), "black")
    stored.paste("white", (0, 0, 8, 8))
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    result = opened(encoded(stored, kind, exif=exif))
    assert result.size == ((32, 16) if orientation < 5 else (16, 32))
    right, bottom = result.width - 3, result.height - 3
    corners = {"top left": (2, 2), "top right": (right, 2), "bottom left": (2, bottom), "bottom right": (right, bottom)}
    bright = [name for name, place in corners.items() if sum(pixel(result, *place)) > 380]
    where = "top left,top right,bottom right,bottom left,top left,top right,bottom right,bottom left"
    assert bright == [where.split(",")[orientation - 1]]


@pytest.mark.parametrize(
    "junk", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM" + b"\xff" * 40, b"junk"]
)
def test_broken_exif_does_not_cost_the_picture(junk: bytes) -> None:
    data = encoded(picture(16, 16), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(junk) + 2) + junk
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Pillow says that the EXIF data are corrupt
        result = MediaPolicy().open(Image(data=data[:2] + segment + data[2:]))
    assert result.size == (16, 16)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_or_a_stack_the_first_frame_is_taken(kind: str) -> None:
    frames = [PIL.Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE, WHITE)]
    settings = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **settings)
    assert pixel(opened(data), 4, 4) == RED


def test_palettes_are_converted() -> None:
    image = picture().convert("P", palette=PIL.Image.Palette.ADAPTIVE)
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        assert pixel(opened(encoded(image, kind)), 5, 3) == RED


def test_transparency_is_laid_on_white() -> None:
    clear = PIL.Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    clear.putpixel((0, 0), (*RED, 255))
    clear.putpixel((1, 0), (0, 0, 0, 128))
    for kind in ("PNG", "TIFF"):
        result = opened(encoded(clear, kind))
        assert result.mode == "RGB"
        assert pixel(result, 0, 0) == RED
        assert pixel(result, 3, 3) == WHITE
        assert pixel(result, 1, 0) == pytest.approx((127, 127, 127), abs=1)


def test_a_transparent_palette_entry_or_colour_is_laid_on_white() -> None:
    palette = PIL.Image.new("P", (2, 1), 0)
    palette.putpalette([*BLUE, *RED])
    palette.putpixel((1, 0), 1)
    cases = [encoded(palette, "PNG", transparency=0), encoded(palette, "GIF", transparency=0)]
    cases.append(encoded(palette, "PNG", transparency=bytes([0, 255])))
    flat = PIL.Image.new("RGB", (2, 1), BLUE)
    flat.putpixel((1, 0), RED)
    cases.append(encoded(flat, "PNG", transparency=BLUE))
    for data in cases:
        result = opened(data)
        assert (pixel(result, 0, 0), pixel(result, 1, 0)) == (WHITE, RED)


def test_grey_images_of_every_depth_keep_their_brightness() -> None:
    grey = PIL.Image.new("L", (2, 1), 0)
    grey.putpixel((1, 0), 200)
    with_alpha = PIL.Image.new("LA", (2, 1), (200, 255))
    bits = PIL.Image.new("1", (2, 1), 1)
    assert pixel(opened(encoded(grey)), 1, 0) == (200, 200, 200)
    assert pixel(opened(encoded(with_alpha)), 1, 0) == (200, 200, 200)
    assert pixel(opened(encoded(bits)), 1, 0) == WHITE


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_samples_are_scaled_and_not_cut_off(kind: str) -> None:
    deep = PIL.Image.new("I;16", (3, 1), 0)
    deep.putpixel((1, 0), 32768)
    deep.putpixel((2, 0), 65535)
    result = opened(encoded(deep, kind))
    assert [pixel(result, x, 0)[0] for x in range(3)] == pytest.approx([0, 128, 255], abs=1)


@pytest.mark.parametrize(
    ("mode", "samples", "expected"),
    [
        ("I", [0, 100, 255], [0, 100, 255]),
        ("I", [0, 32768, 65535], [0, 128, 255]),
        ("I", [-100, 0, 100], [0, 128, 255]),
        ("I", [0, 500_000, 1_000_000], [0, 128, 255]),
        ("F", [0.0, 0.5, 1.0], [0, 128, 255]),
        ("F", [0.0, 100.0, 255.0], [0, 100, 255]),
        ("F", [-1.0, 0.0, 1.0], [0, 128, 255]),
        ("F", [-7.0, -7.0, -7.0], [0, 0, 0]),
        ("F", [70000.0, 70000.0, 70000.0], [255, 255, 255]),
    ],
)
def test_wide_samples_are_scaled_into_8_bits(mode: str, samples: list[float], expected: list[int]) -> None:
    image = PIL.Image.new(mode, (3, 1))
    for x, sample in enumerate(samples):
        image.putpixel((x, 0), sample)
    result = opened(encoded(image, "TIFF"))
    assert [pixel(result, x, 0)[0] for x in range(3)] == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_converted(kind: str) -> None:
    cyan = PIL.Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    red, green, blue = pixel(opened(encoded(cyan, kind)), 8, 8)
    assert red < 10
    assert min(green, blue) > 245


@pytest.mark.parametrize("kind", FORMATS)
def test_more_pixels_than_allowed_are_refused_and_as_many_are_fine(kind: str) -> None:
    data = encoded(picture(6, 4), kind)
    assert opened(data, max_pixels=24).size == (6, 4)
    with pytest.raises(MediaTooLarge, match=r"inline image .* 6 x 4 = 24 pixels; max_pixels is 23"):
        opened(data, max_pixels=23)


@pytest.mark.parametrize("side", [7_000, 10_000, 14_000, 100_000, 2**31 - 1])
def test_a_bomb_is_found_in_its_header_on_either_side_of_pillows_own_limits(side: int) -> None:
    with pytest.raises(MediaTooLarge, match="pixels"):
        opened(png_header(side, side))


@pytest.mark.parametrize("side", [7_000, 11_000, 60_000])
def test_a_gif_whose_frame_is_larger_than_its_screen_is_refused(side: int) -> None:
    data = bytearray(encoded(PIL.Image.new("P", (4, 4)), "GIF"))
    frame = data.index(b"\x2c\0\0\0\0")
    data[frame + 5 : frame + 9] = struct.pack("<HH", side, side)
    with pytest.raises(MediaTooLarge):
        opened(bytes(data))


def test_the_policys_limit_counts_where_pillow_would_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 16)
    for kind in FORMATS:
        assert opened(encoded(picture(), kind)).size == (6, 4)
        with pytest.raises(MediaTooLarge, match="max_pixels is 23"):
            opened(encoded(picture(), kind), max_pixels=23)


def test_where_pillow_itself_refuses_the_error_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(picture(), "TIFF")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 8)
    with pytest.raises(MediaTooLarge, match="MAX_IMAGE_PIXELS"):
        opened(data)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_cut_in_half_is_broken(kind: str) -> None:
    noise = PIL.Image.effect_noise((64, 64), 90).convert("RGB")
    data = encoded(noise, kind)
    with pytest.raises(MediaBroken, match="inline image"):
        MediaPolicy().open(Image(data=data[: len(data) // 2]))


@pytest.mark.parametrize(
    "content",
    [
        b"<!doctype html><html><body>404</body></html>",
        b"\0",
        b"%PDF-1.7",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
    ],
)
def test_a_file_that_lies_about_being_an_image_is_broken_and_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bus.png").write_bytes(content)
    with pytest.raises(MediaBroken, match=r"bus\.png"):
        MediaPolicy(roots=(str(tmp_path),)).open(Image(path=str(tmp_path / "bus.png")))


def test_what_the_bytes_are_counts_and_not_the_name(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(encoded(picture(), "BMP"))
    result = MediaPolicy(roots=(str(tmp_path),)).open(Image(path=str(tmp_path / "photo.png")))
    assert pixel(result, 5, 3) == RED


def test_formats_that_start_other_programs_are_not_decoded() -> None:
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    with pytest.raises(MediaBroken, match="not an image of a known format"):
        opened(script)


SAMPLES = {kind: encoded(PIL.Image.effect_noise((16, 16), 50).convert("RGB"), kind) for kind in FORMATS}


@settings(max_examples=150)
@given(st.sampled_from(FORMATS), st.integers(0, 2000), st.binary(max_size=8), st.integers(0, 2000))
def test_damaged_files_raise_media_errors_or_decode(kind: str, at: int, junk: bytes, end: int) -> None:
    data = SAMPLES[kind]
    at %= len(data)
    damaged = (data[:at] + junk + data[at + len(junk) :])[: max(1, len(data) - end % len(data))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            result = MediaPolicy(max_pixels=100_000).open(Image(data=damaged))
        except MediaError:
            return
    assert result.mode == "RGB"


def test_the_result_outlives_its_source_and_may_be_drawn_on() -> None:
    result = opened(encoded(picture()))
    result.putpixel((0, 0), BLUE)
    assert pixel(result.resize((2, 2)), 1, 1) == RED
