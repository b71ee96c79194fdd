"""What a record's evidence shows of a case under a variant: steps, passages, answer. Strange shapes become nothing."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...outcome import Failed, Outcome, Scored
from ...run.evidence import rows_of
from ...run.record import Record
from ..applicable import why_not_applicable
from .numbers import short

MOST_PASSAGES = 20
MOST_STEPS = 12
THUMBNAIL_BYTES = 40_000
_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


@dataclass(frozen=True)
class Passage:
    """A passage in a case's list: ``number`` from 1; ``differs``: clean, the same id has another text."""

    number: int
    id: str
    text: str
    planted: str | None
    gold: bool
    differs: bool
    images: int
    thumbnail: str | None


@dataclass(frozen=True)
class Ranked:
    """A passage where a step put it; ``score`` as it is shown, "" where the step gave none."""

    passage: Passage
    score: str


@dataclass(frozen=True)
class Step:
    """A step with its first passages, and how many it gave on in all; the last one's fed the answer."""

    name: str
    passages: tuple[Ranked, ...]
    total: int
    is_last: bool


@dataclass(frozen=True)
class Value:
    """An outcome: ``kind`` is "scored", "unscored" or "failed", ``text`` the value or why there is none."""

    figure: str
    kind: str
    text: str


@dataclass(frozen=True)
class Column:
    """A case under one variant: with an ``error``, or a reason why the attack was ``not_applicable``, or a trace.

    ``steps_left_out`` counts steps that are not shown.
    """

    variant: str
    realised: float | None
    error: str | None
    not_applicable: str | None
    answer: str | None
    prompt: str | None
    values: tuple[Value, ...]
    steps: tuple[Step, ...]
    steps_left_out: int


@dataclass
class Passages:
    """All different passages of a case, numbered as they are first met; clean is to be met first."""

    found: dict[tuple[str, str], Passage] = field(default_factory=dict)
    clean: dict[str, str] = field(default_factory=dict)

    def add(self, written: Mapping[str, Any], thumbnails: Mapping[str, Any], *, is_clean: bool) -> Passage:
        """The passage of one row of evidence, the same object for the same id and text."""
        name, text = _text(written.get("id")), _text(written.get("text"))
        if (known := self.found.get((name, text))) is not None:
            return known
        if is_clean:
            self.clean.setdefault(name, text)
        planted = written.get("planted")
        images = written.get("images")
        made = Passage(
            number=len(self.found) + 1,
            id=name,
            text=text,
            planted=planted if isinstance(planted, str) else None,
            gold=written.get("gold") is True,
            differs=name in self.clean and self.clean[name] != text,
            images=images if isinstance(images, int) else 0,
            thumbnail=thumbnail(thumbnails.get(name)),
        )
        self.found[name, text] = made
        return made


def thumbnail(written: object) -> str | None:
    """A data URI for base64 of a small JPEG or PNG; None for anything else.

    >>> thumbnail("PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+") is None
    True
    """
    if not isinstance(written, str) or len(written) > THUMBNAIL_BYTES * 4 // 3 + 4:
        return None
    try:
        data = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return None
    kind = next((kind for magic, kind in _PICTURES.items() if data.startswith(magic)), None)
    return None if kind is None else f"data:{kind};base64,{base64.b64encode(data).decode()}"


def values(outcomes: Mapping[str, Outcome], order: Sequence[str]) -> tuple[Value, ...]:
    """Outcomes as they are shown, in the order of the report's figures."""
    return tuple(_value(figure, outcomes[figure]) for figure in order if figure in outcomes)


def column(record: Record, figures: Sequence[str], passages: Passages) -> Column:
    """One record with its evidence."""
    steps = rows_of(record.evidence.get("steps"))
    shown = tuple(
        _step(one, record, passages, is_last=place == len(steps) - 1)
        for place, one in enumerate(steps)
        if place < MOST_STEPS - 1 or place == len(steps) - 1
    )
    prompt = record.evidence.get("prompt")
    why = why_not_applicable(record.error)
    return Column(
        variant=record.variant.key,
        realised=record.realised if record.variant.attack else None,
        error=None if why is not None else record.error,
        not_applicable=why,
        answer=record.answer,
        prompt=prompt if isinstance(prompt, str) and prompt else None,
        # Without a trace every figure says the error once more.
        values=() if record.error is not None else values(record.outcomes, figures),
        steps=shown,
        steps_left_out=len(steps) - len(shown),
    )


def _step(written: Mapping[str, Any], record: Record, passages: Passages, *, is_last: bool) -> Step:
    rows = rows_of(written.get("passages"))
    pictures = record.evidence.get("thumbnails")
    known = pictures if isinstance(pictures, Mapping) else {}
    ranked = tuple(
        Ranked(passages.add(row, known, is_clean=not record.variant.attack), _score(row.get("score")))
        for row in rows[:MOST_PASSAGES]
    )
    return Step(_text(written.get("name")), ranked, len(rows), is_last)


def _value(figure: str, outcome: Outcome) -> Value:
    if isinstance(outcome, Scored):
        return Value(figure, "scored", short(outcome.value))
    if isinstance(outcome, Failed):
        return Value(figure, "failed", outcome.error)
    return Value(figure, "unscored", outcome.reason)


def _score(written: object) -> str:
    if isinstance(written, bool) or not isinstance(written, int | float):
        return ""
    return f"{written:.4g}".replace("-", "−")


def _text(written: object) -> str:
    return written if isinstance(written, str) else ""
