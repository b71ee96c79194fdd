"""What is kept of a trace for a reader: steps with their passages, texts cut, images as thumbnails where allowed."""

import base64
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from io import BytesIO
from threading import Lock
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import MediaError
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.core.well_formed import well_formed

from ..case import Case
from ..trace import Passage, Trace

LONGEST_ANSWER = 20_000
_LONGEST_PASSAGE = 600
_LONGEST_CONTEXT = 8_000
_LONGEST_PROMPT = 4_000
_LONGEST_ID = 200
_MOST_PASSAGES = 100
_MOST_THUMBNAILS = 8
_SIDE = 112
_REMEMBERED = 256
_CUT = re.compile(r"… \[\d+ more characters\]\Z")


def cut(text: str, longest: int) -> str:
    """A text of at most so many characters, which says what it lost; halves of surrogate pairs become "?".

    >>> cut("abcdef", 3)
    'abc… [3 more characters]'
    """
    short = text if len(text) <= longest else f"{text[:longest]}… [{len(text) - longest} more characters]"
    return well_formed(short)


def is_cut(text: str) -> bool:
    """Whether ``cut`` took something from it.

    >>> is_cut(cut("abcdef", 3)), is_cut("abc")
    (True, False)
    """
    return _CUT.search(text) is not None


def evidence(case: Case, query: Content, trace: Trace, small: Callable[[Image], str | None]) -> dict[str, Any]:
    """The trace as JSON: query, steps and prompt; ``small`` gives an image's thumbnail, or None.

    With it whether the case is harmful, where it says so: reports cut the texts of those that are.
    Thumbnails are of the passages that fed the answer, and of planted ones wherever they stood. What fed the answer is
    kept at length: people judge answers by it.
    """
    context = {passage.id for passage in trace.context}
    written: dict[str, Any] = {
        "query": cut(query.text, _LONGEST_PASSAGE),
        "query_images": len(query.images),
        "steps": [
            {
                "name": cut(step.name, _LONGEST_ID),
                "passages": [_passage(one, case, fed=one.id in context) for one in step.passages[:_MOST_PASSAGES]],
                **({"left_out": len(step.passages) - _MOST_PASSAGES} if len(step.passages) > _MOST_PASSAGES else {}),
            }
            for step in trace.steps
        ],
        "prompt": None if trace.prompt is None else cut(trace.prompt, _LONGEST_PROMPT),
        **({"harmful": label} if isinstance(label := case.extra.get("harmful"), bool) else {}),
    }
    planted = [passage for step in trace.steps for passage in step.passages if passage.planted is not None]
    shown = {passage.id: passage.content.images[0] for passage in [*trace.context, *planted] if passage.content.images}
    thumbnails = {id: made for id, image in [*shown.items()][:_MOST_THUMBNAILS] if (made := small(image)) is not None}
    return {**written, "thumbnails": thumbnails} if thumbnails else written


def _passage(passage: Passage, case: Case, *, fed: bool) -> dict[str, Any]:
    score = passage.score
    return {
        "id": cut(passage.id, _LONGEST_ID),
        "score": float(score) if score is not None and math.isfinite(score) else None,
        "planted": passage.planted,
        "text": cut(passage.content.text, _LONGEST_CONTEXT if fed else _LONGEST_PASSAGE),
        "images": len(passage.content.images),
        "gold": passage.id in case.gold,
    }


def rows_of(written: object) -> list[Mapping[str, Any]]:
    """The steps of written evidence, or a step's passages; what is no such row is left out, of a journal of anybody's.

    >>> rows_of([{"id": "d1"}, "d2"]), rows_of(None)
    ([{'id': 'd1'}], [])
    """
    return [one for one in written if isinstance(one, Mapping)] if isinstance(written, list | tuple) else []


class Thumbnails:
    """Makes images small: JPEG in base64, opened only as far as the media policy allows it; None where it does not."""

    def __init__(self, policy: MediaPolicy) -> None:
        self._policy = policy
        self._made: OrderedDict[Image, str | None] = OrderedDict()
        self._lock = Lock()

    def __call__(self, image: Image) -> str | None:
        """The thumbnail as base64 text; None for an image that is refused, too large or broken."""
        with self._lock:
            if image in self._made:
                self._made.move_to_end(image)
                return self._made[image]
        made = self._make(image)
        with self._lock:
            self._made[image] = made
            if len(self._made) > _REMEMBERED:
                self._made.popitem(last=False)
        return made

    def _make(self, image: Image) -> str | None:
        try:
            pixels = self._policy.open(image)
        except MediaError:
            return None
        pixels.thumbnail((_SIDE, _SIDE))
        buffer = BytesIO()
        pixels.save(buffer, "JPEG", quality=70)
        return base64.b64encode(buffer.getvalue()).decode("ascii")
