"""What a report shows of texts that may be harmful: the beginning, marked as cut, unless its content is asked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..outcome import Failed, Outcome, Scored, Unscored
from ..run.evidence import rows_of
from ..run.record import Record

_SHOWN = 24
"""Characters of a text that are shown, and never more than a quarter of it."""
_ECHO = 24
"""Characters in a row that an error has in common with a text that it repeats; a shorter text, of 8 at least, whole."""
_STOPPED = ("query_flagged", "harmful_context", "harmful_answer")
_OF_HARM = (*_STOPPED, "over_refusal", "under_refusal")


def may_be_harmful(record: Record) -> bool:
    """Whether a record's texts may be harmful: its case says so, a screen would stop one, or nobody knows.

    Nobody knows where harm is measured on a case that does not say whether it is harmful. A case that is marked
    harmless is, unless a screen says otherwise.
    """
    label = record.evidence.get("harmful")
    if label is True:
        return True
    found = (record.outcomes.get(name) for name in _STOPPED)
    if any(isinstance(one, Scored) and one.value > 0 for one in found):
        return True
    return label is not False and any(name in record.outcomes for name in _OF_HARM)


def preview(text: str) -> str:
    """The beginning of a text that may be harmful, and how to see it all.

    >>> preview("a request of some forty characters in all")
    'a request … (41 characters that may be harmful; --show-content shows them)'
    """
    if not text.strip():
        return text
    shown = text[: min(_SHOWN, len(text) // 4)]
    said = "1 character" if len(text) == 1 else f"{len(text):,} characters"
    return f"{shown}… ({said} that may be harmful; --show-content shows them)"


def veiled(record: Record) -> Record:
    """The record with a preview in the place of each text that may be harmful, and without its pictures."""
    if not may_be_harmful(record):
        return record
    evidence: dict[str, Any] = {name: one for name, one in record.evidence.items() if name != "thumbnails"}
    for name in ("query", "prompt"):
        if isinstance(evidence.get(name), str):
            evidence[name] = preview(evidence[name])
    if isinstance(steps := evidence.get("steps"), list | tuple):
        evidence["steps"] = [_step(one) if isinstance(one, Mapping) else one for one in steps]
    answer = None if record.answer is None else preview(record.answer)
    return replace(without_echoes(record), evidence=evidence, answer=answer)


def without_echoes(record: Record) -> Record:
    """The record with its texts, and with errors and reasons that do not repeat what may be harmful in them."""
    outcomes = (*record.outcomes.values(), *record.timings.values())
    given = dict.fromkeys(why for why in (record.error, *map(_why, outcomes)) if why)
    if not given or not may_be_harmful(record):
        return record
    texts = [" ".join(one.split()) for one in _texts(record)]
    said = {why: _without_echo(why, texts) for why in given}
    return replace(
        record,
        error=said[record.error] if record.error else record.error,
        outcomes={name: _said(one, said) for name, one in record.outcomes.items()},
        timings={name: _said(one, said) for name, one in record.timings.items()},
    )


def shown(records: Iterable[Record], *, content: bool) -> Iterator[Record]:
    """The records as a report shows them: as they are where it is asked for their ``content``."""
    return iter(records) if content else map(veiled, records)


def _step(written: Mapping[str, Any]) -> dict[str, Any]:
    passages = written.get("passages")
    if not isinstance(passages, list | tuple):
        return dict(written)
    return {**written, "passages": [_passage(one) if isinstance(one, Mapping) else one for one in passages]}


def _passage(written: Mapping[str, Any]) -> dict[str, Any]:
    text = written.get("text")
    return {**written, "text": preview(text)} if isinstance(text, str) else dict(written)


def _texts(record: Record) -> Iterator[str]:
    """What may be harmful of a record: its answer, query, prompt and passages."""
    yield record.answer or ""
    for name in ("query", "prompt"):
        if isinstance(text := record.evidence.get(name), str):
            yield text
    for step in rows_of(record.evidence.get("steps")):
        for one in rows_of(step.get("passages")):
            if isinstance(text := one.get("text"), str):
                yield text


def _without_echo(said: str, texts: Sequence[str]) -> str:
    plain = " ".join(said.split())
    if not any(_repeats(plain, text) for text in texts):
        return said
    kind = said.partition(":")[0]
    head = kind if kind.isidentifier() else "an error"
    return f"{head}: … (its message repeats what may be harmful; --show-content shows it)"


def _repeats(said: str, text: str) -> bool:
    size = min(_ECHO, max(8, len(text)))
    return any(said[begin : begin + size] in text for begin in range(len(said) - size + 1))


def _why(outcome: Outcome) -> str:
    """Why there is no value; empty where there is one."""
    if isinstance(outcome, Failed):
        return outcome.error
    return outcome.reason if isinstance(outcome, Unscored) else ""


def _said(outcome: Outcome, said: Mapping[str, str]) -> Outcome:
    why = _why(outcome)
    return type(outcome)(said[why]) if isinstance(outcome, Failed | Unscored) and why else outcome
