"""One case under one variant, from the attack to the record: what is run once, journalled once and never in part."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple, TypeVar

from tamis.core.errors import BadInput

from ..attacks.applied import documents_of
from ..attacks.attack import Attack, Attacked, NotApplicable
from ..attacks.material import Material
from ..case import Case
from ..metrics.metric import Metric, Observed
from ..outcome import Scored
from ..target import Request, Takes
from ..trace import Trace
from ..variant import Variant
from .attempt import Asker, reason_of
from .evidence import LONGEST_ANSWER, Thumbnails, cut, evidence
from .journal import line_of
from .judge import Judged, failed, judged
from .record import NOT_APPLICABLE, Record

T = TypeVar("T")


class Unit(NamedTuple):
    """A case, its place in the data from 0, and the variant it is run under."""

    number: int
    case: Case
    variant: Variant


def units(cases: Iterator[Case], variants: Sequence[Variant], done: Mapping[str, set[int]]) -> Iterator[Unit]:
    """What is still to be run: case by case, so that what there is of an unfinished run is paired."""
    for number, case in enumerate(cases):
        for variant in variants:
            if number not in done.get(variant.key, ()):
                yield Unit(number, case, variant)


class Finished(NamedTuple):
    """A unit's line for the journal, and whether the target gave no trace."""

    unit: Unit
    line: bytes
    lost: bool


@dataclass(frozen=True)
class UnitRunner:
    """Runs units: makes the attack, asks the target, judges the trace. Only the asking happens in the event loop."""

    name: str
    takes: frozenset[Takes]
    asker: Asker
    attacks: Mapping[str, Attack]
    metrics: Sequence[Metric]
    material: Callable[[], Material]
    thumbnails: Thumbnails
    threads: Executor
    seed: int

    async def run(self, unit: Unit) -> Finished:
        """What is to be written of a unit, whatever happens to it."""
        attacked = await self._in_thread(lambda: self._attacked(unit)) if unit.variant.attack else self._clean(unit)
        if isinstance(attacked, str):
            return self._lost(unit, attacked, self._clean(unit), attempts=0)
        try:
            request = request_of(unit.case, attacked, self.name, self.takes)
        except BadInput as error:
            return self._lost(unit, str(error), attacked, attempts=0)
        answered = await self.asker.ask(request)
        trace = answered.trace
        if trace is None:
            return self._lost(unit, answered.error or "no trace", attacked, answered.attempts)
        return await self._in_thread(lambda: self._judged(unit, attacked, trace, answered.attempts))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, call)

    @staticmethod
    def _clean(unit: Unit) -> Attacked:
        return Attacked(unit.case.query)

    def _attacked(self, unit: Unit) -> Attacked | str:
        """The case under attack, or why it cannot be attacked so."""
        attack = self.attacks[unit.variant.attack]
        # One state for all strengths and for the control: they share target, marks and hosts.
        rng = Random(f"{self.seed}:{unit.case.id}:{unit.variant.attack}")
        act = attack.control if unit.variant.control else attack.apply
        try:
            return act(unit.case, unit.variant.strength, self.material(), rng)
        except NotApplicable as error:
            return f"{NOT_APPLICABLE}{error}"
        except Exception as error:  # noqa: BLE001 - an attack that fails on one case must not lose the run
            return f"the attack failed: {reason_of(error)}"

    def _judged(self, unit: Unit, attacked: Attacked, trace: Trace, attempts: int) -> Finished:
        scores = judged(Observed(unit.case, unit.variant, attacked, trace), self.metrics)
        try:
            record = replace(
                _record(unit, attacked, scores, attempts),
                answer=None if trace.answer is None else cut(trace.answer.text, LONGEST_ANSWER),
                evidence=evidence(unit.case, attacked.query, trace, self.thumbnails),
            )
            return Finished(unit, line_of(record), lost=False)
        except Exception as error:  # noqa: BLE001 - what a target put into its trace can be anything
            return self._lost(unit, f"the trace cannot be written down: {reason_of(error)}", attacked, attempts)

    def _lost(self, unit: Unit, error: str, attacked: Attacked, attempts: int) -> Finished:
        return lost(unit, error, self.metrics, attacked, attempts)


def lost(
    unit: Unit, error: str, metrics: Sequence[Metric], attacked: Attacked | None = None, attempts: int = 0
) -> Finished:
    """What is to be written of a unit that came to nothing, and why."""
    asked = attacked or Attacked(unit.case.query)
    record = replace(
        _record(unit, asked, failed(error, metrics), attempts),
        error=error,
        evidence=evidence(unit.case, asked.query, Trace(), lambda _: None),
    )
    return Finished(unit, line_of(record), lost=True)


def _record(unit: Unit, attacked: Attacked, scores: Judged, attempts: int) -> Record:
    return Record(
        case=unit.case.id,
        number=unit.number,
        variant=unit.variant,
        cluster=unit.case.cluster,
        outcomes=scores.outcomes,
        timings={**scores.timings, "attempts": Scored(attempts)},
        realised=float(attacked.realised),
        tags=tuple(unit.case.tags),
    )


def request_of(case: Case, attacked: Attacked, name: str, takes: frozenset[Takes]) -> Request:
    """What the target is asked: the case as the attack left it, as far as the target can be given it.

    A target with a corpus of its own is not given the case's documents. Raises BadInput, naming the target, where the
    attack needs what cannot be given, for then the target would not be attacked at all.
    """
    if "documents" not in takes or not case.documents:
        if attacked.changed:
            raise BadInput(
                f"{name} has a corpus of its own, in which the attack cannot change passages; give a factory"
            )
        if attacked.planted and "planted" not in takes:
            raise BadInput(f"{name} cannot be given planted passages; give a factory, or an engine with a retriever")
        return Request(case.id, attacked.query, None, attacked.planted)
    if "planted" in takes:
        changed = documents_of(case, replace(attacked, planted=()))
        return Request(case.id, attacked.query, changed, attacked.planted)
    return Request(case.id, attacked.query, documents_of(case, attacked))
