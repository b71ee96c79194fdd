"""One case under one variant, from the attack to the record: what is run once, journalled once and never in part."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any, NamedTuple

from tamis.core.errors import BadInput

from ..attacks.applied import documents_of
from ..attacks.attack import Attack, Attacked, NotApplicable
from ..attacks.material import Material
from ..case import Case
from ..metrics.metric import Metric, Observed
from ..outcome import Failed, Outcome, Scored
from ..target import Request, Takes
from ..trace import Trace
from ..variant import Variant
from .attempt import Asker, reason_of
from .evidence import LONGEST_ANSWER, Thumbnails, cut, evidence
from .journal import line_of
from .judge import Judged, failed, scores_of, together
from .patience import Patience, TookTooLong
from .record import NOT_APPLICABLE, Record


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
    """Runs units: makes the attack, asks the target, judges the trace. Only the asking happens in the event loop.

    An attack or a metric that takes longer than ``patience`` has failed, by itself: the others go on.
    """

    name: str
    takes: frozenset[Takes]
    asker: Asker
    attacks: Mapping[str, Attack]
    metrics: Sequence[Metric]
    material: Callable[[], Material]
    thumbnails: Thumbnails
    patience: Patience
    seed: int

    async def run(self, unit: Unit) -> Finished:
        """What is to be written of a unit, whatever happens to it."""
        try:
            return await self._run(unit)
        except Exception as error:  # noqa: BLE001 - whatever an attack or a target gave, other cases go on
            return lost(unit, reason_of(error), self.metrics)

    async def _run(self, unit: Unit) -> Finished:
        attacked = await self._under_attack(unit) if unit.variant.attack else self._clean(unit)
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
        scores = await self._scores(Observed(unit.case, unit.variant, attacked, trace))
        return await self.patience.call(lambda: self._written(unit, attacked, trace, scores, answered.attempts))

    @staticmethod
    def _clean(unit: Unit) -> Attacked:
        return Attacked(unit.case.query)

    async def _under_attack(self, unit: Unit) -> Attacked | str:
        """The case under attack, or why it cannot be attacked so."""
        # Once for all units, however many documents there are: no attack's time is spent on it.
        await replace(self.patience, seconds=None).call(self.material)
        try:
            return await self.patience.call(lambda: self._attacked(unit))
        except TookTooLong as error:
            return f"the attack failed: {error}"

    def _attacked(self, unit: Unit) -> Attacked | str:
        attack = self.attacks[unit.variant.attack]
        # One state for all strengths and for the control: they share target, marks and hosts.
        rng = Random(f"{self.seed}:{unit.case.id}:{unit.variant.attack}".encode("utf-8", "surrogatepass"))
        act = attack.control if unit.variant.control else attack.apply
        try:
            attacked = act(unit.case, unit.variant.strength, self.material(), rng)
        except NotApplicable as error:
            return f"{NOT_APPLICABLE}{error}"
        except BaseException as error:  # noqa: BLE001 - in a thread of its own, where nobody's Ctrl-C arrives
            return f"the attack failed: {reason_of(error)}"
        if (wrong := _fault(attacked)) is not None:
            return f"the attack failed: {wrong}"
        return attacked

    async def _scores(self, seen: Observed) -> Judged:
        """What every metric says. All are asked in one thread; after one that hangs, the rest in another."""
        scores: list[Mapping[str, Outcome]] = []
        while left := self.metrics[len(scores) :]:
            given: list[Mapping[str, Outcome]] = []
            try:
                await self.patience.call(partial(_judge, seen, left, given), steps=given.__len__)
                scores += given
            except TookTooLong as error:
                # Copied: the thread may come back, and goes on with what nobody waits for.
                scores += list(given)
                for hung in self.metrics[len(scores) :][:1]:
                    scores.append({hung.name: Failed(f"the metric failed: {error}")})
        return together(self.metrics, scores)

    def _written(self, unit: Unit, attacked: Attacked, trace: Trace, scores: Judged, attempts: int) -> Finished:
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


def _judge(seen: Observed, metrics: Sequence[Metric], given: list[Mapping[str, Outcome]]) -> None:
    for metric in metrics:
        given.append(scores_of(seen, metric))


def _fault(attacked: Any) -> str | None:
    """What an attack gave that cannot be used."""
    if not isinstance(attacked, Attacked):
        return f"it gave {type(attacked).__name__} where Attacked was expected"
    try:
        is_number = math.isfinite(attacked.realised)
    except (TypeError, ValueError, OverflowError):
        is_number = False
    return None if is_number else f"the strength that it reached is {attacked.realised!r}, which is no finite number"


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
