"""The cases of the page: a few in full, side by side under several variants, and a row for each of many."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...outcome import Scored
from ...run.record import Record
from ..applicable import why_not_applicable
from ..report import Report
from ..veil import veiled
from .choose import Choice, Limits, Reason, has_failed
from .evidence import Column, Passage, Passages, Value, column, values
from .numbers import short
from .overview import headlines

ROW_FIGURES = 4
_MOST_OTHERS = 40


@dataclass(frozen=True)
class Other:
    """A variant of a case that is not shown in full, by its headline figures."""

    variant: str
    values: tuple[Value, ...]
    failed: bool
    not_applicable: bool


@dataclass(frozen=True)
class CaseView:
    """A case in full; ``why`` it is shown, in words, and ``change``: the first of these reasons in numbers."""

    case: str
    number: int
    tags: tuple[str, ...]
    why: tuple[str, ...]
    change: str
    query: str
    query_images: int
    columns: tuple[Column, ...]
    passages: tuple[Passage, ...]
    others: tuple[Other, ...]
    others_left_out: int


@dataclass(frozen=True)
class Change:
    """A figure of a case: clean, and what changed most for the worse ("" where nothing is known).

    ``to_control``: there is no clean value, and the change is that to the attack's control.
    """

    clean: str
    worst: str
    variant: str
    is_worse: bool
    to_control: bool = False


@dataclass(frozen=True)
class CaseRow:
    """A case in the table."""

    case: str
    number: int
    tags: tuple[str, ...]
    records: int
    failed: int
    not_applicable: int
    changes: tuple[Change, ...]


@dataclass
class _Extremes:
    """A figure's values in one case, by variant."""

    values: dict[str, float] = field(default_factory=dict)

    def change(self, higher_is_better: bool | None) -> Change:
        """Attacked minus clean, or minus the control where there is no clean value, where it is worst."""
        known, clean = self.values, self.values.get("clean")
        attacked = [key for key in known if key != "clean" and not key.endswith("~control")]
        changes = {
            key: known[key] - base
            for key in attacked
            if (base := known.get(f"{key}~control") if clean is None else clean) is not None
        }
        shown = "" if clean is None else short(clean)
        if not changes:
            return Change(shown, "", "", False)
        down, up = min(changes.values()), max(changes.values())
        falls = higher_is_better if higher_is_better is not None else -down > up
        change = down if falls else up
        # Ties go to the variant whose name comes first, so that the journal's order says nothing.
        variant = min(key for key, one in changes.items() if one == change)
        is_worse = higher_is_better is not None and (change < 0 if falls else change > 0)
        worst = short(change, "+") if abs(change) > 1e-12 else "0"
        return Change(shown, worst, variant, is_worse, to_control=clean is None)


@dataclass
class _Gathered:
    """What is kept of a case while the records go by."""

    number: int
    tags: tuple[str, ...]
    records: int = 0
    failed: int = 0
    not_applicable: int = 0
    extremes: dict[str, _Extremes] = field(default_factory=dict)
    full: dict[str, Record] = field(default_factory=dict)
    others: list[Record] = field(default_factory=list)


@dataclass(frozen=True)
class Gathered:
    """The cases of a page: views in the order of the choices, rows in that of the data with these figures' changes."""

    views: tuple[CaseView, ...]
    rows: tuple[CaseRow, ...]
    figures: tuple[str, ...]


def gather(
    report: Report,
    records: Iterable[Record],
    choices: Sequence[Choice],
    failed: Iterable[str],
    limits: Limits,
    *,
    show_content: bool = False,
) -> Gathered:
    """Everything that is shown of single cases, from one pass over the records, in whatever order they come.

    Rows are those of the chosen cases, of those that failed, then the first of the data, ``limits.rows`` in all. Texts
    that may be harmful are cut unless ``show_content``.
    """
    # One more than are shown: a figure may be the report's own and have no value in any record.
    figures: Sequence[str] = headlines(report, ROW_FIGURES + 1)
    shown = {choice.case: _shown(choice, report, limits.variants) for choice in choices}
    wanted = set(failed)
    kept: dict[str, _Gathered] = {}
    for record in records:
        if record.case in shown or record.case in wanted or record.number < limits.rows:
            one = kept.setdefault(record.case, _Gathered(record.number, record.tags))
            _add(one, record if show_content else veiled(record), figures, shown.get(record.case))
    chosen = [choice for choice in choices if choice.case in kept]
    first = [*(choice.case for choice in chosen), *(case for case in failed if case in kept)]
    rest = sorted((one.number, case) for case, one in kept.items() if case not in shown and case not in wanted)
    listed = list(dict.fromkeys([*first, *(case for _, case in rest)]))[: limits.rows]
    figures = [name for name in figures if any(name in one.extremes for one in kept.values())][:ROW_FIGURES]
    rows = [_row(case, kept[case], figures, report) for case in listed]
    names = list(report.figures)
    return Gathered(
        tuple(_view(choice, kept[choice.case], shown[choice.case], names, headlines(report)) for choice in chosen),
        tuple(sorted(rows, key=lambda row: (row.number, row.case))),
        tuple(figures),
    )


def _shown(choice: Choice, report: Report, most: int) -> list[str]:
    """The variants of a case that stand side by side: clean, the first that says why with its control, then others."""
    known = {variant.key for variant in report.variants}
    strongest = [one.key for one in report.variants if one.attack and not one.control]
    telling = [key for key in choice.variants if key in known] or strongest[-1:]
    telling.sort(key=lambda key: key.endswith("~control"))
    first = next((key.removesuffix("~control") for key in telling if key != "clean"), None)
    order = ["clean", *([first, f"{first}~control"] if first else []), *telling]
    return [key for key in dict.fromkeys(order) if key in known][: max(most, 1)]


def _add(one: _Gathered, record: Record, figures: Sequence[str], shown: Sequence[str] | None) -> None:
    one.records += 1
    one.failed += has_failed(record)
    if why_not_applicable(record.error) is not None:
        one.not_applicable += 1
    for figure in figures:
        outcome = record.outcomes.get(figure)
        if isinstance(outcome, Scored):
            one.extremes.setdefault(figure, _Extremes()).values[record.variant.key] = outcome.value
    if shown is not None:
        if record.variant.key in shown:
            one.full[record.variant.key] = record
        else:
            one.others.append(replace(record, evidence={}, answer=None))


def _row(case: str, one: _Gathered, figures: Sequence[str], report: Report) -> CaseRow:
    changes = tuple(
        one.extremes.get(figure, _Extremes()).change(report.figures[figure].higher_is_better) for figure in figures
    )
    return CaseRow(case, one.number, one.tags, one.records, one.failed, one.not_applicable, changes)


def _view(
    choice: Choice, one: _Gathered, shown: Sequence[str], figures: Sequence[str], first: Sequence[str]
) -> CaseView:
    passages = Passages()
    records = [one.full[key] for key in shown if key in one.full]
    columns = tuple(column(record, figures, passages) for record in records)
    evidence: Mapping[str, object] = records[0].evidence if records else {}
    query, images = evidence.get("query"), evidence.get("query_images")
    others = sorted(one.others, key=lambda record: record.variant)
    return CaseView(
        case=choice.case,
        number=one.number,
        tags=one.tags,
        why=tuple(map(_words, choice.why)),
        change=_change(choice.why, one.full),
        query=query if isinstance(query, str) else "",
        query_images=images if isinstance(images, int) else 0,
        columns=columns,
        passages=tuple(passages.found.values()),
        others=tuple(_other(record, first) for record in others[:_MOST_OTHERS]),
        others_left_out=max(0, len(others) - _MOST_OTHERS),
    )


def _other(record: Record, first: Sequence[str]) -> Other:
    why = why_not_applicable(record.error)
    found = () if record.error is not None else values(record.outcomes, first)
    return Other(record.variant.key, found, record.error is not None and why is None, why is not None)


def _words(reason: Reason) -> str:
    if not reason.figure:
        return f"failed under {reason.variant}"
    return f"{reason.figure} under {reason.variant}" + (
        "" if reason.baseline == "clean" else f" against {reason.baseline}"
    )


def _change(why: Sequence[Reason], full: Mapping[str, Record]) -> str:
    """The first reason in numbers: a figure's value on both sides."""
    for reason in why:
        if not reason.figure:
            return _words(reason)
        sides = [full[key].outcomes.get(reason.figure) for key in (reason.baseline, reason.variant) if key in full]
        known = [short(side.value) for side in sides if isinstance(side, Scored)]
        if len(known) == 2:
            return f"{reason.figure} {known[0]} → {known[1]} under {reason.variant}"
    return ""
