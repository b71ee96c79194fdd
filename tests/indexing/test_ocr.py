"""The text in pictures, read here and told nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from tamis.indexing.ocr import ocr_installed, text_in_image

needs_ocr = pytest.mark.skipif(not ocr_installed(), reason="the extra ocr is not installed")

READ = """
import sys
from PIL import Image
from tamis.indexing.ocr import text_in_image
print(text_in_image(Image.open(sys.argv[1])))
"""


def _picture(text: str, width: int = 620) -> Image.Image:
    picture = Image.new("RGB", (width, 120), "white")
    ImageDraw.Draw(picture).text((10, 30), text, fill="black", font=ImageFont.load_default(36))
    return picture


@needs_ocr
def test_drawn_text_is_read_line_by_line_and_an_empty_picture_has_none() -> None:
    assert text_in_image(_picture("Meeting room 12")) == "Meeting room 12"
    assert text_in_image(Image.new("RGB", (64, 64), "navy")) == ""


@needs_ocr
@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_pictures_of_every_mode_are_read_and_left_as_they_are(mode: str) -> None:
    picture = _picture("Meeting").convert(mode)
    size = picture.size
    assert "Meeting" in text_in_image(picture)
    assert (picture.mode, picture.size) == (mode, size)


@needs_ocr
def test_reading_writes_no_device_id_and_says_nothing(tmp_path: Path) -> None:
    _picture("Meeting room 12").save(tmp_path / "a.png")
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / "a.png")],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("Meeting room 12\n", "")
    assert not (tmp_path / "cache").exists()


def test_without_the_extra_the_install_line_is_told() -> None:
    code = (
        "import sys; sys.modules['rapidocr_onnxruntime'] = None\n"
        "from PIL import Image\nfrom tamis.indexing.ocr import text_in_image\n"
        "from tamis.core.errors import MissingExtra\n"
        "try:\n    text_in_image(Image.new('RGB', (9, 9)))\nexcept MissingExtra as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "pip install 'tamis[ocr]'" in done.stdout
