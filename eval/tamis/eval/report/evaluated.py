"""A finished evaluation with assertions that respect intervals: for tests of a pipeline, in pytest and elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamis.core.errors import BadInput, TamisError

from .comparison import RunDifference, Runs
from .gates import Gate, Operand, check, parse
from .neutral import one_line
from .report import GateResult, Report
from .veil import shown, without_echoes

if TYPE_CHECKING:
    from .columns import Columns
    from .measured import Measured

_SHOWN = 5


class GateFailed(TamisError, AssertionError):
    """An evaluation did not show what was asserted. The message has the paired difference and the worst cases."""


@dataclass(frozen=True)
class Evaluated:
    """A run's folder and its report; what is asserted is read from the journal, at any confidence.

    Messages cut answers that may be harmful unless ``show_content``.
    """

    folder: Path
    report: Report
    show_content: bool = False

    def gate(self, text: str) -> GateResult:
        """What a gate comes to. Raises BadInput for a text that is no gate."""
        gate = parse(text)
        return check(gate, self._measured_of(gate.operand.figure))

    def assert_gate(self, *texts: str) -> None:
        """Raises GateFailed unless every gate passes: too little data is not a pass."""
        __tracebackhide__ = True
        failures = []
        for text in texts:
            result = self.gate(text)
            if result.verdict != "pass":
                failures.append("\n".join(self._explained(parse(text), result)))
        if failures:
            raise GateFailed("\n\n".join([*failures, f"all of it: {self.folder / 'report.html'}"]))

    def assert_no_worse_than(
        self,
        baseline: "Evaluated | Path | str",
        figure: str,
        *,
        variant: str | None = None,
        margin: float | None = None,
    ) -> None:
        """Raises GateFailed where the figure is worse than in another run on the same data, or cannot be compared.

        Paired by case, under every variant of both or the one that is named. Without a ``margin`` a difference that
        cannot be told from nothing passes; with one, the whole interval must stay within so much of the baseline. A run
        that lost more of the baseline's cases than chance does is worse, however good it is on those that are left.
        """
        __tracebackhide__ = True
        other = baseline.folder if isinstance(baseline, Evaluated) else Path(baseline)
        runs = Runs.read(other, self.folder)
        comparison = runs.comparison([figure])
        wanted = [one for one in comparison.differences if variant in (None, one.variant)]
        if not wanted:
            reasons = "; ".join(comparison.not_comparable) or "there is no such variant"
            raise BadInput(f'"{figure}" cannot be compared under "{variant}": {reasons}')
        better = self._measured_of(figure).figures[figure].higher_is_better
        if better is None:
            raise BadInput(f'"{figure}" has no direction: no value of it is worse than another')
        failed = [one for one in wanted if not _is_no_worse(one, better, margin)]
        if failed:
            lines = [line for one in failed for line in _compared(one, margin)]
            raise GateFailed("\n".join([*lines, f"before: {other}", f"after: {self.folder}"]))

    @cached_property
    def _columns(self) -> "Columns":
        from ..run.journal import records
        from .columns import Columns
        from .planned import Planned

        found = records(self.folder)
        return Columns.of(found if self.show_content else map(without_echoes, found), Planned.read(self.folder))

    def _measured_of(self, figure: str) -> "Measured":
        """The figures that the seed decides, or those of clocks where the figure is one of them."""
        from .measured import Measured

        columns = self._columns
        timed = figure in columns.timings.figures and figure not in columns.outcomes.figures
        return Measured(columns, columns.timings if timed else columns.outcomes)

    def _explained(self, gate: Gate, result: GateResult) -> Iterator[str]:
        yield f"gate {result.verdict}: {one_line(gate.text)}"
        yield f"  {one_line(result.reason, 600)}"
        measured = self._measured_of(gate.operand.figure)
        figure = gate.operand.figure
        if result.value is None or figure not in measured.figures:
            return
        for key in measured.variants_of(gate.operand.variant):
            if not result.reason.startswith(f"{key}:"):
                continue
            baseline = gate.minus or Operand(figure, "clean")
            if key != "clean":
                # A figure of what an attack plants has no clean value; its control has.
                for other in (Operand(figure, "clean"), Operand(figure, f"{key}~control")):
                    found = measured.difference(Operand(figure, key), other, measured.confidence)
                    if found.mean is not None:
                        yield f"  {key} minus {other.variant}: {_between(found)} over {found.n} items"
                        baseline = gate.minus or other
                        break
            yield from self._worst(measured, Operand(figure, key), baseline, gate)

    def _worst(self, measured: "Measured", operand: Operand, baseline: Operand, gate: Gate) -> Iterator[str]:
        """The cases that do most against the gate, with their answers."""
        from .measured import scored

        numbers, values = scored(measured.column(*operand))
        sign = 1 if gate.operator in ("<", "<=") else -1
        order = sorted(range(len(values)), key=lambda place: (-sign * values[place], numbers[place]))[:_SHOWN]
        before = dict(zip(*(one.tolist() for one in scored(measured.column(*baseline))), strict=True))
        ids = {int(numbers[place]): float(values[place]) for place in order}
        answers = self._answers(operand.variant, set(ids))
        yield "  worst cases:"
        for number, value in ids.items():
            beside = ""
            if baseline != operand and number in before:
                beside = f" ({baseline.variant}: {before[number]:.4g})"
            answer = answers.get(number)
            said = "" if answer is None else f', answer "{one_line(answer, 120)}"'
            yield f"    {one_line(measured.columns.ids[number], 80)}: {value:.4g}{beside}{said}"

    def _answers(self, variant: str, numbers: set[int]) -> dict[int, str]:
        from ..run.journal import records

        found = (one for one in records(self.folder) if one.number in numbers and one.variant.key == variant)
        return {
            record.number: record.answer
            for record in shown(found, content=self.show_content)
            if record.answer is not None
        }


def next_folder(base: Path) -> Path:
    """Makes the folder 1, 2, ... in ``base`` that is not there yet, also where several processes ask at once."""
    base.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        try:
            (base / str(number)).mkdir()
        except FileExistsError:
            number += 1
        else:
            return base / str(number)


def _is_no_worse(one: RunDifference, higher_is_better: bool, margin: float | None) -> bool:
    if one.verdict == "not enough data" or one.too_many_lost:
        return False
    if margin is None:
        return one.verdict != "worse"
    if one.low is None or one.high is None:
        return False
    return one.low > -margin if higher_is_better else one.high < margin


def _compared(one: RunDifference, margin: float | None) -> Iterator[str]:
    if one.verdict == "not enough data" or (one.verdict == "worse" and margin is None):
        why: str = one.verdict
    else:
        why = "too many cases lost" if one.too_many_lost else f"not within {margin:g}"
    yield f"{one_line(one.figure)} under {one.variant}: {why}"
    if one.loss:
        yield f"  {one.loss}"
    if one.mean is None:
        return
    p = "" if one.p_holm is None else f", p = {one.p_holm:.3g} (Holm)"
    yield f"  {one.before:.4g} before, {one.after:.4g} after; paired difference {_between(one)} over {one.n} items{p}"
    yield f"  {one.improved} improved, {one.worsened} worsened, {one.same} the same"
    if one.changes:
        yield "  worst cases:"
    for change in one.changes[:_SHOWN]:
        yield f"    {one_line(change.case, 80)}: {_value(change.before)} before, {_value(change.after)} after"


def _between(found: Any) -> str:
    if found.low is None or found.high is None:
        return f"{found.mean:+.4g}"
    return f"{found.mean:+.4g} ({found.low:+.4g} to {found.high:+.4g})"


def _value(value: float | None) -> str:
    return "not scored" if value is None else f"{value:.4g}"
