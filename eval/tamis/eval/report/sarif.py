"""``report.sarif``: what did not hold, in SARIF 2.1.0, for code scanning."""

import json
from collections.abc import Iterator
from typing import Any

from .decisive import against, decisive
from .neutral import one_line
from .report import Difference, GateResult, Report

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES = (
    ("gate-failed", "A gate of the suite did not hold.", "error"),
    ("gate-not-enough-data", "A gate of the suite could not be decided; that is not a pass.", "error"),
    ("worse-under-attack", "A figure got worse under an attack, surely enough after correction.", "warning"),
)
_PLACES = {name: place for place, (name, _, _) in enumerate(_RULES)}


def sarif(report: Report, timings: Report) -> bytes:
    """The findings: gates that did not pass, and figures that got worse. The same report, the same bytes."""
    results = [
        *(_gate(gate) for gate in (*report.gates, *timings.gates) if gate.verdict != "pass"),
        *_worse(report),
    ]
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "tamis",
                        "version": one_line(report.run.tamis) or "0",
                        "rules": [
                            {
                                "id": name,
                                "shortDescription": {"text": text},
                                "defaultConfiguration": {"level": level},
                            }
                            for name, text, level in _RULES
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "properties": {
                    "suite": one_line(report.run.suite),
                    "target": one_line(report.run.target),
                    "data": one_line(report.run.data.name),
                    "seed": report.run.seed,
                    "records": report.counts.records,
                    "not_applicable": report.counts.not_applicable,
                    "failed": report.counts.failed,
                },
                "results": results,
            }
        ],
    }
    return json.dumps(document, ensure_ascii=True, allow_nan=False, indent=1).encode("ascii") + b"\n"


def _gate(gate: GateResult) -> dict[str, Any]:
    rule = "gate-failed" if gate.verdict == "fail" else "gate-not-enough-data"
    numbers = {"value": gate.value, "low": gate.low, "high": gate.high, "n": gate.n}
    return _result(rule, f"{gate.verdict}: {gate.gate} ({gate.reason})", gate.gate, numbers)


def _worse(report: Report) -> Iterator[dict[str, Any]]:
    for one in decisive(report):
        if one.verdict == "worse":
            yield _result("worse-under-attack", _said(one), f"{one.figure}.{one.variant}", _numbers(one))


def _said(one: Difference) -> str:
    worst = f"; worst: {', '.join(one.worst[:5])}" if one.worst else ""
    return (
        f"{one.figure} under {one.variant}: {one.mean:+.4g} against {against(one)} "
        f"({one.low:.4g} to {one.high:.4g}, {one.n} items){worst}"
    )


def _numbers(one: Difference) -> dict[str, Any]:
    return {"difference": one.mean, "low": one.low, "high": one.high, "n": one.n, "p_holm": one.p_holm}


def _result(rule: str, text: str, fingerprint: str, numbers: dict[str, Any]) -> dict[str, Any]:
    return {
        "ruleId": rule,
        "ruleIndex": _PLACES[rule],
        "level": _RULES[_PLACES[rule]][2],
        "message": {"text": one_line(text, 2000)},
        # Code scanning shows nothing without a place; the numbers stand in the report beside this file.
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "report.json"}, "region": {"startLine": 1}}}],
        "partialFingerprints": {"tamis/v1": one_line(f"{rule} {fingerprint}", 1000)},
        "properties": {name: value for name, value in numbers.items() if value is not None},
    }
