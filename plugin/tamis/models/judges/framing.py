"""How claim and evidence are put to a model: between marks that nothing in them can close, with a code to say back."""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from tamis.core.content import Content
from tamis.core.image import Image

from ..template import Owner, Part, Prompt, neutralised

_PLACE = re.compile(r"\{(\w+)\}")
_CUT = " [...]"


class Frame(NamedTuple):
    """A prompt, and the code that a judge which follows its frame says back."""

    prompt: Prompt
    code: str


class Filling(NamedTuple):
    """What stands at a place of a frame: other people's text, and images before it."""

    text: str
    owner: Owner = "passage"
    images: tuple[Image, ...] = ()


@cache
def wording(name: str) -> Mapping[str, Any]:
    """A wording by its file's name."""
    file = files("tamis.models.judges") / "wordings" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def framed(user: str, system: str, fillings: Mapping[str, Filling], words: Mapping[str, str] | None = None) -> Frame:
    """A frame filled in. ``{fence}`` and ``{code}`` come from a hash of all that is filled in.

    A text cannot hold its own hash, so none can close the marks or say the code back; marks that look alike in it are
    broken. The same contents give the same prompt.
    """
    digest = hashlib.sha256(
        "\x00".join(
            f"{name}\x01{one.text}\x01{_identity(one.images)}" for name, one in sorted(fillings.items())
        ).encode("utf-8", "surrogatepass")
    ).hexdigest()
    own = {**(words or {}), "fence": digest[:8], "code": code_of(digest)}
    parts: list[Part] = []
    for number, piece in enumerate(_PLACE.split(user.strip("\n"))):
        if number % 2 == 0:
            parts.append(Part(piece))
        elif piece in fillings:
            one = fillings[piece]
            parts += [Part(image=image, owner=one.owner) for image in one.images]
            parts.append(Part(neutralised(one.text, ("<<", ">>")), owner=one.owner))
        else:
            parts.append(Part(own[piece]))
    return Frame(Prompt(tuple(part for part in parts if part.text or part.image), system.strip()), own["code"])


def evidence_filling(passages: Sequence[Content], most: int) -> Filling:
    """All passages as one filling, numbered where there are several; text beyond ``most`` characters is cut."""
    texts = [passage.text.strip() for passage in passages if passage.text.strip()]
    joined = texts[0] if len(texts) == 1 else "\n\n".join(f"({at}) {text}" for at, text in enumerate(texts, start=1))
    return Filling(cut(joined, most), "passage", tuple(image for passage in passages for image in passage.images))


def cut(text: str, most: int) -> str:
    """The text, or its beginning with a mark that it was cut."""
    return text if len(text) <= most else text[:most] + _CUT


def code_of(digest: str) -> str:
    """A code of letters that no word is: consonants alone.

    >>> code_of("00" * 32)
    'BBBBB'
    """
    letters = "BCDFGHJKLMNPQRTV"
    return "".join(letters[int(digit, 16)] for digit in digest[16:21])


def _identity(images: tuple[Image, ...]) -> str:
    return "|".join(image.describe() for image in images)
