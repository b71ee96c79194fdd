"""A folder with one of everything, and stores that need no model."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from tamis.models import Embedder
from tamis.retrievers import Store
from tamis.testing import FakeEmbedder

OpenStore = Callable[..., Store]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[OpenStore]:
    """Opens stores by name below the test's folder, and closes them at the end."""
    with ExitStack() as opened:

        def open_named(name: str = "store", embedder: Embedder | None = None) -> Store:
            return opened.enter_context(Store.open(tmp_path / name, embedder or FakeEmbedder(), create=True))

        yield open_named


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to index, apart from the stores."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


def write_pdf(path: Path, *pages: str) -> None:
    """A small PDF with one line of text a page."""
    bodies = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for text in pages:
        stream = b"BT /F1 18 Tf 40 700 Td (" + text.encode("ascii") + b") Tj ET"
        font = b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        content = len(bodies) + 2
        bodies.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources %s >>" % (content, font)
        )
        kids.append(b"%d 0 R" % len(bodies))
        bodies.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    bodies[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    data += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    data += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(bodies) + 1, start)
    path.write_bytes(data)


def write_image(path: Path, colour: str = "red", text: str = "") -> None:
    """A picture of one colour, with a line of text drawn on it if asked."""
    picture = Image.new("RGB", (620, 120) if text else (64, 48), colour)
    if text:
        ImageDraw.Draw(picture).text((10, 30), text, fill="black", font=ImageFont.load_default(36))
    picture.save(path)
