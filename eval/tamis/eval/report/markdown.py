"""``summary.md``: the verdicts first, then the numbers, for a pull request or a terminal."""

from collections.abc import Iterable, Iterator, Sequence

from .applicable import Unapplied, unapplied
from .decisive import decisive
from .neutral import code
from .planned import Planned
from .report import CorrectedRate, Difference, Estimate, Report

_MARKS = {"pass": "passed", "fail": "**FAILED**", "not enough data": "**not enough data**"}


def markdown(report: Report, timings: Report, planned: Planned) -> str:
    """The summary as GitHub Markdown; other people's text stands in code spans, where nothing in it has an effect."""
    run, counts = report.run, report.counts
    lost = f"{counts.not_applicable} not applicable, " if counts.not_applicable else ""
    lines = [
        f"# {code(run.suite)} on {code(run.target)}",
        "",
        f"{counts.cases} of {run.data.cases} cases of {code(run.data.name)}, {counts.records} records, "
        f"{lost}{counts.failed} failed. Intervals at {run.confidence * 100:g}%.",
    ]
    if counts.not_applicable:
        lines += ["", *(f"- {code(one.attack)}: {_to(one)}, {code(one.reason, 600)}" for one in unapplied(report))]
    if not counts.is_finished:
        lines += ["", f"**This run is not finished: {counts.records} of {counts.expected} records are there.**"]
    gates = [*report.gates, *timings.gates]
    if gates:
        lines += ["", "## Gates", ""]
        lines += _table(
            ("gate", "verdict", "value", "items", "why"),
            ((code(one.gate), _MARKS[one.verdict], _number(one.value), str(one.n), code(one.reason)) for one in gates),
        )
    if report.differences:
        lines += _differences(report)
    for title, part in (("Figures", report), ("Time and cost", timings)):
        if part.estimates:
            lines += ["", f"## {title}", ""]
            lines += _table(
                ("figure", "variant", "mean", "scored", "unscored", "failed", "why not"),
                (_estimate(one) for one in part.estimates),
            )
    if report.corrections:
        lines += ["", "## Corrected for the errors of the judge that counted it", ""]
        lines += _table(
            ("figure", "variant", "as judged", "corrected", "items", "judge", "method", "check"),
            map(_corrected, report.corrections),
        )
    lines += ["", "## Run", "", *_made(report, planned), ""]
    return "\n".join(lines)


def _to(one: Unapplied) -> str:
    return "not applicable to any case" if one.is_everywhere else f"not applicable to {one.cases} of {one.of} cases"


def _differences(report: Report) -> Iterator[str]:
    """What speaks for each figure first, then the rest; what nothing is known of is named, and not listed."""
    first = decisive(report)
    known = {(one.figure, one.variant, one.baseline) for one in first}
    rest = [one for one in report.differences if (one.figure, one.variant, one.baseline) not in known and one.n]
    yield from ("", "## Differences", "")
    yield "Attacked minus clean, or minus its control where the figure has no clean value; over items scored in both."
    yield from _difference_table([one for one in first if one.n])
    silent: dict[str, list[str]] = {}
    runs = {one.key for one in report.variants if one.is_applicable}
    for one in first:
        if not one.n and one.variant in runs:
            silent.setdefault(one.figure, []).append(one.variant)
    if silent:
        yield from ("", "Nothing was scored on both sides:", "")
        for figure, variants in silent.items():
            yield f"- {code(figure)}: {', '.join(map(code, variants))}"
    if rest:
        yield from ("", "### Controls minus clean, and attacks minus their controls")
        yield from _difference_table(rest)


def _difference_table(rows: Sequence[Difference]) -> Iterator[str]:
    if rows:
        yield ""
        yield from _table(
            ("figure", "variant", "baseline", "difference", "p (Holm)", "items", "detectable", "verdict", "worst"),
            map(_difference, rows),
        )


def _difference(one: Difference) -> tuple[str, ...]:
    return (
        code(one.figure),
        code(one.variant),
        code(one.baseline),
        _between(one.mean, one.low, one.high, sign="+"),
        _number(one.p_holm),
        str(one.n),
        _number(one.smallest_detectable),
        f"**{one.verdict}**" if one.verdict in ("worse", "better") else one.verdict,
        ", ".join(code(case, 60) for case in one.worst[:3]),
    )


def _estimate(one: Estimate) -> tuple[str, ...]:
    why = "; ".join(f"{count} x {code(reason, 120)}" for reason, count in list(one.reasons.items())[:3])
    return (
        code(one.figure),
        code(one.variant),
        _between(one.mean, one.low, one.high),
        str(one.scored),
        str(one.unscored),
        str(one.failed),
        why,
    )


def _corrected(one: CorrectedRate) -> tuple[str, ...]:
    about = f"finds {one.sensitivity:.3g} of what it counts, and lets {one.specificity:.3g} of the rest pass"
    return (
        code(one.figure),
        code(one.variant),
        _between(one.raw, one.raw_low, one.raw_high),
        _between(one.mean, one.low, one.high) if one.mean is not None else one.reason,
        str(one.n),
        f"{code(one.judge)}: {about}, on {one.labelled} labelled pairs",
        one.method,
        f"{code(one.check)}, sha256 {code(one.sha256[:16])}",
    )


def _made(report: Report, planned: Planned) -> Iterator[str]:
    run = report.run
    yield f"- seed {run.seed}, Tamis {code(run.tamis)}"
    yield f"- data {code(planned.data_path or run.data.name)}, sha256 {code(run.data.sha256)}"
    if planned.command:
        yield f"- command {code(planned.command, 1000)}"
    for variant in report.variants:
        if variant.goal and not variant.control:
            reached = "" if variant.realised is None else f", reached {variant.realised:.4g} {variant.unit}".rstrip()
            yield f"- {code(variant.key)}: {code(variant.goal, 1000)} ({code(variant.source, 1000)}{reached})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _between(mean: float | None, low: float | None, high: float | None, sign: str = "") -> str:
    if mean is None:
        return ""
    if low is None or high is None:
        return f"{mean:{sign}.4g}"
    return f"{mean:{sign}.4g} ({low:{sign}.4g} to {high:{sign}.4g})"
