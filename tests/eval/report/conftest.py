"""Runs made by hand: a plan, and records whose every value the test says."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tamis.eval.outcome import Failed, Outcome, Scored, Unscored
from tamis.eval.report.planned import Planned
from tamis.eval.run.journal import Journal, line_of
from tamis.eval.run.plan import Plan
from tamis.eval.run.record import Record
from tamis.eval.variant import Variant

VARIANTS = ("clean", "poison@1", "poison@1~control", "poison@5", "poison@5~control")
FIGURES: dict[str, dict[str, Any]] = {
    "answer_f1": {"is_rate": False, "higher_is_better": True, "unit": ""},
    "attack_success": {"is_rate": True, "higher_is_better": False, "unit": ""},
    "nDCG@10": {"is_rate": False, "higher_is_better": True, "unit": ""},
    "tokens": {"is_rate": False, "higher_is_better": None, "unit": "tokens"},
    "latency_s": {"is_rate": False, "higher_is_better": False, "unit": "s"},
}

Value = float | str | None
"""A score; a reason why there is none; None for an error."""


def outcome(value: Value) -> Outcome:
    """The outcome that a test writes as a number, a text or None."""
    if value is None:
        return Failed("TimeoutError: 60 s have passed")
    return Unscored(value) if isinstance(value, str) else Scored(value)


def plan_json(cases: int, *, variants: Sequence[str] = VARIANTS, **changes: Any) -> dict[str, Any]:
    """``run.json`` of a run of so many cases; a change replaces a key of the suite, of the data or of the plan."""
    attack: dict[str, Any] = {
        "name": "poison",
        "goal": "a wrong answer",
        "source": "Nobody 2026",
        "unit": "planted passages",
    }
    suite = {
        "name": "by hand",
        "goal": "to be counted",
        "confidence": changes.pop("confidence", 0.95),
        "metrics": [{"name": name} for name in FIGURES],
        "gates": list(changes.pop("gates", ())),
        "attacks": [{**attack, "strengths": [1.0, 5.0], "control": True, **changes.pop("attack", {})}],
    }
    data: dict[str, Any] = {
        "name": "made",
        "format": "tamis",
        "sha256": "ab" * 32,
        "cases": cases,
        "path": "made.jsonl",
    }
    return {
        "schema": "tamis-run/1",
        "suite": suite,
        "target": changes.pop("target", "app:engine"),
        "factory": False,
        "data": {**data, **changes.pop("data", {})},
        "seed": changes.pop("seed", 7),
        "figures": {name: {**about, "is_measured_time": name == "latency_s"} for name, about in FIGURES.items()},
        "variants": list(variants),
        "versions": {"tamis": "0.1.0"},
        "command": "tamis eval --target app:engine",
        "sessions": [],
        **changes,
    }


@pytest.fixture
def planned() -> Callable[..., Planned]:
    """``planned(cases, ...)``: what ``plan_json`` says, as the report reads it."""
    return lambda cases, **changes: Planned.of(Plan.of(plan_json(cases, **changes)))


@pytest.fixture
def made() -> Callable[..., list[Record]]:
    """``made(figure, {variant: values})``: a record for each value, cases named c0, c1, ... in order."""

    def make(
        figure: str,
        values: Mapping[str, Sequence[Value]],
        *,
        groups: Sequence[str] | None = None,
        seconds: float = 0.5,
    ) -> list[Record]:
        return [
            Record(
                case=f"c{number}",
                number=number,
                variant=Variant.of(variant),
                cluster=groups[number] if groups else f"c{number}",
                outcomes={figure: outcome(value)},
                timings={"latency_s": Scored(seconds + number / 100)},
                realised=Variant.of(variant).strength,
            )
            for variant, column in values.items()
            for number, value in enumerate(column)
        ]

    return make


@pytest.fixture
def journalled(tmp_path: Path) -> Callable[..., Path]:
    """``journalled(records, cases, name="run", ...)``: a folder with the plan and the journal of a run."""

    def write(records: Sequence[Record], cases: int, *, name: str = "run", **changes: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        Plan.of(plan_json(cases, **changes)).write(folder)
        with Journal(folder) as journal:
            for record in records:
                journal.append(line_of(record))
        return folder

    return write
