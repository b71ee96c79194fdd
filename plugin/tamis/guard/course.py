"""The course of a guarded answer: what to do next, as a generator that does no I/O itself.

It yields a step and is sent what came of it. ``drive`` takes the steps, waiting for them or awaiting them, so that
sync and async, streamed and whole answers are guarded by the same lines.
"""

import re
import uuid
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]

from tamis.core.content import Content
from tamis.core.errors import BROKEN_SETUP, BadInput

from .claims import is_row
from .events import SHOWN, Action, Ending, GuardOutcomeEvent, GuardSentenceEvent
from .guard import Guard
from .pieces import Piece, Pieces
from .rewrite import Rewrite, is_nothing, rewrite
from .ruling import Ruling, Timed

dispatcher = get_dispatcher(__name__)

TOLD = {
    "unsupported": "the next sentence is not supported by the sources",
    "harmful": "the next sentence was withheld as harmful",
    "disputed": "it is disputed whether the sources support the next sentence",
    "unknown": "the next sentence could not be checked",
}
MARKED = {"unsupported": "not supported by the sources", "harmful": "a sentence was withheld as harmful"}
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)
_AT_ONCE = 16
"""Sentences that are ruled on together where several are complete: enough for a model's batch, few in vain."""


class Pull(NamedTuple):
    """Asks for the next chunk of the model's stream; None is sent where it has ended."""


class Rule(NamedTuple):
    """Asks for rulings on these sentences; a ``Timed`` is sent. ``following`` is the one behind the last, if known."""

    claims: list[str]
    following: str = ""


class Release(NamedTuple):
    """Gives this text to whoever reads the answer."""

    text: str


class Reopen(NamedTuple):
    """Closes the model's stream and opens another one with this prompt; None only closes."""

    prompt: Rewrite | None


class Stop(NamedTuple):
    """The sentence at which an answer stops, and why."""

    piece: Piece
    ruling: Ruling


Step = Pull | Rule | Release | Reopen
Sent = str | Timed | None
T = TypeVar("T")
Walk = Generator[Step, Sent, T]


@dataclass
class Course:
    """One answer under guard: its query, the passages it is to rest on, and what has come of it so far.

    ``own`` is what the engine says where it was given no passage, which is released as it is. ``room`` is how many
    characters of passages a regenerating model is shown. A ``whole`` answer is there at once, so that all its sentences
    can be ruled on together. Good for one answer.
    """

    guard: Guard
    query: str
    evidence: Sequence[Content]
    own: str = "Empty Response"
    room: int = 12_000
    whole: bool = False
    answer: str = field(default_factory=lambda: uuid.uuid4().hex)
    _released: list[str] = field(default_factory=list)
    _said: set[str] = field(default_factory=set)
    _counts: "Counter[str]" = field(default_factory=Counter)
    _place: int = 0
    _attempt: int = 0
    _first: int | None = None
    _seconds: float = 0.0

    def walk(self) -> Walk[None]:
        """The steps. However it ends, closed from outside or by an error too, the end is told in an event."""
        ending: Ending = "failed"
        reason = ""
        try:
            ending, reason = yield from self._written()
        except GeneratorExit:
            ending = "stopped"
            raise
        except Exception as error:
            reason = _named(error)
            raise
        finally:
            dispatcher.event(
                GuardOutcomeEvent(
                    answer=self.answer,
                    ending=ending,
                    reason=reason,
                    counts=dict(self._counts),
                    released=self._place,
                    regenerations=self._attempt,
                    first_unsupported=self._first,
                    seconds=self._seconds,
                )
            )

    def _written(self) -> Walk[tuple[Ending, str]]:
        stop: Stop | None = None
        while True:
            try:
                if stop is not None:
                    yield Reopen(self._rewrite(stop))
                following = yield from self._stream(None if stop is None else stop.piece.lead)
            except BROKEN_SETUP:
                raise
            except Exception as error:
                if stop is None:
                    # The engine's own error is the caller's, as it would be without a guard.
                    raise
                yield from self._notice(stop)
                return "cut", f"the model did not take the answer up again: {_named(error)}"
            if following is None:
                if stop is None or self._place:
                    return "complete", ""
                yield from self._notice(stop)
                return "cut", "the passages have nothing to add"
            stop = following
            if not self._goes_on(stop):
                yield Reopen(None)
                yield from self._notice(stop)
                return "cut", _told(stop)
            self._attempt += 1

    def _stream(self, lead: str | None) -> Walk[Stop | None]:
        """One stream of the model to its end (None) or to where it must stop; ``lead`` opens a regenerated one."""
        pieces, found = Pieces(), list[Piece]()
        while True:
            chunk = yield Pull()
            if chunk == self.own and not self.evidence and not self._attempt:
                yield Release(self.own)
                continue
            found += pieces.end() if chunk is None else pieces.feed(str(chunk))
            if self.whole and chunk is not None:
                continue
            if lead is not None and chunk is None and not any(piece.text for piece in found):
                raise BadInput("it wrote nothing")
            if lead is not None and found:
                found[0] = found[0]._replace(lead=lead)
                lead = None
                if is_nothing(found[0].text):
                    self._tell(found[0], Ruling("unchecked", "the model has nothing to add"), "skipped")
                    yield Reopen(None)
                    return None
            # Whether a row is a table's head is told by the row behind it.
            held = 1 if chunk is not None and found and is_row(found[-1].text) else 0
            while len(found) > held:
                size = min(_AT_ONCE, len(found) - held)
                stop = yield from self._ruled(found[:size], found[size].text if size < len(found) else "")
                if stop is not None:
                    return stop
                del found[:size]
            if chunk is None:
                return None

    def _ruled(self, found: Sequence[Piece], following: str) -> Walk[Stop | None]:
        """Rules on complete sentences and releases them, up to one at which the answer must stop."""
        claims = [piece.text for piece in found if piece.text]
        timed = (yield Rule(claims, following)) if claims else None
        rulings = iter(timed.rulings if isinstance(timed, Timed) else ())
        self._seconds += timed.seconds if isinstance(timed, Timed) else 0.0
        for piece in found:
            if not piece.text:
                yield Release(piece.lead)
                continue
            ruling = next(rulings)
            if self._attempt and _plain(piece.text) in self._said:
                self._tell(piece, ruling._replace(reason="the answer says it already"), "skipped")
                continue
            self._counts[ruling.decision] += 1
            holds = self._holds(ruling)
            if not holds and self._first is None:
                self._first = self._place
            action: Action
            if holds:
                action, text = "released", piece.text
            elif self.guard.mode != "mark" or ruling.decision not in MARKED:
                return self._stopped(piece, ruling)
            elif ruling.decision == "harmful":
                action, text = "withheld", self._mark(ruling)
            else:
                action, text = "marked", f"{piece.text} {self._mark(ruling)}"
            yield from self._release(piece, ruling, action, text)
        return None

    def _stopped(self, piece: Piece, ruling: Ruling) -> Stop:
        stop = Stop(piece, ruling)
        self._tell(piece, ruling, "regenerated" if self._goes_on(stop) else "cut")
        return stop

    def _release(self, piece: Piece, ruling: Ruling, action: Action, text: str) -> Walk[None]:
        self._tell(piece, ruling, action)
        self._place += 1
        self._said.add(_plain(piece.text))
        self._released.append(piece.lead + text)
        yield Release(piece.lead + text)

    def _notice(self, stop: Stop) -> Walk[None]:
        if self.guard.notice:
            lead = (stop.piece.lead or " ") if self._released else ""
            if _in_code("".join(self._released)):
                # Within a block of code the notice would be code.
                lead = "\n```\n\n"
            yield Release(lead + self.guard.notice.replace("{reason}", _told(stop)))

    def _holds(self, ruling: Ruling) -> bool:
        if ruling.decision in ("unknown", "disputed"):
            return self.guard.on_unknown == "pass"
        return ruling.decision in ("supported", "unchecked")

    def _goes_on(self, stop: Stop) -> bool:
        """Whether the model is to take the answer up again; what could not be checked is cut, as was asked for."""
        may = self.guard.mode == "regenerate" and self._attempt < self.guard.tries
        return may and stop.ruling.decision in ("unsupported", "harmful")

    def _mark(self, ruling: Ruling) -> str:
        return self.guard.mark.replace("{reason}", MARKED[ruling.decision])

    def _rewrite(self, stop: Stop) -> Rewrite:
        harmful = stop.ruling.decision == "harmful"
        reason = "it was harmful" if harmful else "the passages do not support it"
        rejected = "" if harmful else stop.piece.text
        written = "".join(self._released).strip()
        return rewrite(self.query, self.evidence, written, rejected, reason, self.guard.passages, self.room)

    def _tell(self, piece: Piece, ruling: Ruling, action: Action) -> None:
        dispatcher.event(
            GuardSentenceEvent(
                answer=self.answer,
                sentence=self._place,
                attempt=self._attempt,
                decision=ruling.decision,
                action=action,
                reason=ruling.reason,
                supported=ruling.supported,
                harmful=ruling.harmful,
                category=ruling.category,
                text="" if ruling.decision == "harmful" else piece.text[:SHOWN],
            )
        )


def _told(stop: Stop) -> str:
    return TOLD[stop.ruling.decision]


def _in_code(text: str) -> bool:
    """Whether a block of code was opened and not closed."""
    return len(_FENCE.findall(text)) % 2 == 1


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:SHOWN]
