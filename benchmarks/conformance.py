"""Who fails what: the conformance checks over Tamis's components and LlamaIndex's own, as a Markdown table.

    python benchmarks/conformance.py [--only NAME ...] [--json]

No network, no key. A component that cannot be made or run here stands in the table with the reason.
"""

import argparse
import contextlib
import json
import logging
import re
import sys
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from conformance_subjects import Subject, subjects

from tamis.testing import ConformanceReport


class Row(NamedTuple):
    """One component's report, or why there is none."""

    owner: str
    name: str
    role: str
    report: ConformanceReport | None
    reason: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        found = self.report.to_dict()["findings"] if self.report else []
        return {
            "owner": self.owner,
            "component": self.name,
            "checked_as": self.role,
            "not_run": self.reason or None,
            "failed": [finding.assertion for finding in self.report.failures] if self.report else [],
            "findings": found,
            "seconds": round(self.seconds, 2),
        }


def checked(subject: Subject) -> Row:
    """Runs one check. What cannot be made here is a row too."""
    start = time.perf_counter()
    try:
        # LlamaIndex's splitter prints on standard output, which belongs to the table.
        with contextlib.redirect_stdout(sys.stderr):
            report, reason = subject.check(), ""
    except Exception as error:  # noqa: BLE001 - one component must not lose the table
        first = f"{type(error).__name__}: {error}".splitlines()[0]
        report, reason = None, re.sub(r"'?https?://\S+", "a model hub", first)
    return Row(subject.owner, subject.name, subject.role, report, reason, time.perf_counter() - start)


def markdown(rows: Sequence[Row]) -> str:
    """Two tables: by component, and for each assertion who fails it."""
    lines = [
        "| whose | component | checked as | passed | failed | not seen | fails |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.report is None:
            lines.append(f"| {row.owner} | {row.name} | {row.role} | | | | not run: {escaped(row.reason)} |")
            continue
        count = Counter(finding.status for finding in row.report)
        fails = "; ".join(finding.assertion for finding in row.report.failures) or "nothing"
        lines.append(
            f"| {row.owner} | {row.name} | {row.role} | {count['passed']} | {count['failed']} | {count['skipped']} "
            f"| {escaped(fails)} |"
        )
    lines += [
        "",
        "*Not seen*: promises of other roles, and what a component too quick or without such a setting cannot show.",
    ]
    lines += ["", "| assertion | fails it | of |", "|---|---|---|"]
    made: Counter[str] = Counter()
    failing: dict[str, list[str]] = {}
    for row in rows:
        for finding in row.report or ():
            made[finding.assertion] += finding.status != "skipped"
            if finding.status == "failed":
                failing.setdefault(finding.assertion, []).append(row.name)
    for assertion in made:
        if names := failing.get(assertion):
            lines.append(f"| {escaped(assertion)} | {', '.join(names)} | {len(names)} of {made[assertion]} |")
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text for a cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table, or JSON; exit code 1 when a component of Tamis fails an assertion or does not run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="components whose name contains one of these")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--reasons", action="store_true", help="print why each assertion failed, to stderr")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    rows = []
    for subject in subjects():
        if options.only and not any(name in subject.name for name in options.only):
            continue
        rows.append(checked(subject))
        if options.reasons:
            for finding in rows[-1].report.failures if rows[-1].report else ():
                print(f"{subject.name}: {finding.assertion}: {finding.reason}", file=sys.stderr)
        if sys.stderr.isatty():
            print(f"\r{len(rows)} components", end="", file=sys.stderr, flush=True)
    print(json.dumps([row.to_dict() for row in rows], indent=1) if options.json else markdown(rows))
    return int(any(row.owner == "Tamis" and (row.report is None or not row.report.passed) for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
