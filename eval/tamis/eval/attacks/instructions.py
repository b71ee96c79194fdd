"""The instructions that an injection plants: built in, or from a file of the user's own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from tamis.core.errors import BadInput

from .answers import holds_answer
from .attack import NotApplicable
from .canary import canary
from .inert import inert
from .wordings import filled, wordings


class Drawn(NamedTuple):
    """A canary, and instructions, most of which ask for it."""

    canary: str
    texts: list[str]


@dataclass(frozen=True)
class Instructions:
    """Draws instructions from the built-in ones, or from the JSON file ``path``: a list, or lists by kind.

    Those of a file are made inert, and with ``marked`` each asks for the canary besides.
    """

    path: str | None = None
    marked: bool = True

    def drawn(self, count: int, avoid: Sequence[str], rng: Random) -> Drawn:
        """``count`` instructions in random order, over again where there are fewer, none with what is to be avoided.

        Raises BadInput for a file that is missing or of another form, NotApplicable where all must be avoided.
        """
        mark = canary(rng)
        if self.path is None:
            texts = [filled(wording, {"canary": mark}) for wording in wordings("injection")]
        else:
            ask = f" {filled(wordings('marked')[0], {'canary': mark})}" if self.marked else ""
            texts = [f"{text}{ask}" for text in _read(self.path)]
        texts = [text for text in texts if not holds_answer(text, avoid)]
        if not texts:
            raise NotApplicable("every instruction at hand holds an accepted answer")
        rng.shuffle(texts)
        return Drawn(mark, [texts[i % len(texts)] for i in range(count)])


@lru_cache(maxsize=16)
def _read(path: str) -> tuple[str, ...]:
    try:
        written = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"the instructions in {path} cannot be read: {error}") from error
    lists = list(written.values()) if isinstance(written, dict) else [written]
    if not all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in lists):
        raise BadInput(f"{path} must hold a list of instructions, or an object with a list for each kind")
    texts = tuple(found for one in lists for text in one if (found := inert(text).strip()))
    if not texts:
        raise BadInput(f"{path} holds no instruction")
    return texts
