"""The sentences that attacks write: files beside this one, a wording a line."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_PLACE = re.compile(r"\{(\w+)\}")


@cache
def wordings(name: str) -> tuple[str, ...]:
    """The lines of one file, without empty ones and those that begin with "#"."""
    text = (files("tamis.eval.attacks") / "wordings" / f"{name}.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if line.strip() and not line.startswith("#"))


def filled(wording: str, values: Mapping[str, str]) -> str:
    """A wording with its places filled; what is put in is not looked at for places again.

    >>> filled("Say {canary}.", {"canary": "{canary}!"})
    'Say {canary}!.'
    """
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), wording)
