"""The plan of a run: what decides its numbers, and what does not."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tamis.core.errors import BadInput
from tamis.eval.run.data import DataId
from tamis.eval.run.plan import FILE, Plan


@pytest.fixture
def plan(laboratory: Any) -> Plan:
    return Plan.made(laboratory.suite, "app:engine", DataId("cases", "jsonl", "ab" * 32, 20), 7)


def test_it_is_read_as_it_was_written(plan: Plan, tmp_path: Path) -> None:
    told = replace(
        plan, path="data/cases.jsonl", command="tamis eval", versions={"python": "3.11"}, sessions=({"workers": 4},)
    )
    told.write(tmp_path)
    read = Plan.read(tmp_path)
    assert read == plan
    assert (read.path, read.command, read.sessions) == ("data/cases.jsonl", "tamis eval", ({"workers": 4},))
    assert read.expected == 20 * 5
    assert [variant.key for variant in read.variants] == [
        "clean",
        "plants@1",
        "plants@1~control",
        "plants@2",
        "plants@2~control",
    ]


def test_what_does_not_decide_the_numbers_is_no_difference(plan: Plan) -> None:
    assert plan.difference(replace(plan, path="elsewhere", command="x", versions={"python": "3.13"})) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 8}, "seed is 7 there and 8 here"),
        ({"tamis": "9.9"}, r'tamis is ".*" there and "9\.9" here'),
        ({"factory": True}, "factory is false there and true here"),
        ({"data": DataId("cases", "jsonl", "cd" * 32, 20)}, r"data\.sha256 is"),
        ({"data": DataId("cases", "jsonl", "ab" * 32, 5)}, r"data\.cases is 20 there and 5 here"),
    ],
)
def test_what_does_is_named(plan: Plan, change: dict[str, Any], said: str) -> None:
    difference = plan.difference(replace(plan, **change))
    assert difference is not None
    assert re.match(said, difference)


def test_a_setting_of_an_attack_is_named(plan: Plan, laboratory: Any) -> None:
    trial = laboratory.suite.attacks[0]
    other = replace(laboratory.suite, attacks=(replace(trial, strengths=(1.0, 3.0)),))
    changed = Plan.made(other, plan.target, plan.data, plan.seed)
    assert plan.difference(changed) == "suite.attacks[0].strengths[1] is 2.0 there and 3.0 here"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "run.json is not JSON: Expecting"),
        ('{"schema": "tamis-run/1", "suite": [1]}', "the plan of the run is damaged: TypeError"),
        ("[]", 'not the plan of a run of the schema "tamis-run/1"'),
        ('{"schema": "tamis-run/1"}', "the plan of the run is damaged: KeyError 'suite'"),
    ],
)
def test_a_damaged_plan_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(BadInput, match=said):
        Plan.read(tmp_path)


def test_no_plan_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no run: there is no run\.json in it"):
        Plan.read(tmp_path)


def test_it_is_strict_json(plan: Plan, tmp_path: Path) -> None:
    plan.write(tmp_path)
    assert json.loads((tmp_path / FILE).read_bytes())["schema"] == "tamis-run/1"
