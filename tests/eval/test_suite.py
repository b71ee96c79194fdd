"""Suites: those that are built in, and what a file must say."""

import json
from pathlib import Path
from typing import Any

import pytest

from tamis.core.errors import BadInput
from tamis.eval.suite import Suite

SMALL = """
name = "mine"
seed = 3
deadline_s = 5
metrics = ["nDCG@10", "answer_f1", {name = "planted", k = 3}]
gates = ["delta answer_f1.poison > -0.1 at 90%"]

[[attacks]]
name = "poison"
strengths = [1, 2.5]
prefix = false

[[attacks]]
name = "poison+typos"
strengths = [1]
control = false
"""


def test_the_suites_that_are_built_in_are_whole() -> None:
    assert {"injection", "multimodal", "poisoning", "quality", "robustness"} <= set(Suite.names())
    for name in Suite.names():
        suite = Suite.of(name)
        assert suite.name == name
        assert suite.goal
        assert suite.variants[0].key == "clean"
        assert json.loads(json.dumps(suite.to_json(), allow_nan=False)) == suite.to_json()
    assert [variant.key for variant in Suite.of("quality").variants] == ["clean"]


def test_a_file_says_what_is_run(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(SMALL)
    suite = Suite.of(str(file))
    assert [metric.name for metric in suite.metrics] == ["nDCG@10", "answer_f1", "planted@3"]
    assert [variant.key for variant in suite.variants] == [
        "clean",
        "poison@1",
        "poison@1~control",
        "poison@2.5",
        "poison@2.5~control",
        "poison+typos@1",
    ]
    assert (suite.seed, suite.deadline_s, suite.confidence) == (3, 5.0, 0.95)
    written = suite.to_json()
    assert written["attacks"][0]["prefix"] is False
    assert written["metrics"][2] == {"name": "planted@3", "k": 3}
    assert Suite.of(suite) is suite


def small(**changes: Any) -> dict[str, Any]:
    return {"name": "mine", "metrics": ["answer_f1"], **changes}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (small(metric=[]), 'suite: a suite has no key "metric"; did you mean "metrics"?'),
        ({"name": "mine"}, 'suite: the key "metrics" is missing'),
        (small(metrics=[]), 'suite: metrics: the suite "mine" measures nothing'),
        (
            small(metrics=["AP", "answer_f2"]),
            r'metrics\[1\]: no metric is called "answer_f2"; did you mean "answer_f1"\?',
        ),
        (small(metrics=["AP", 7]), r"metrics\[1\]: must be a metric's name or a table with one, not 7"),
        (small(metrics=["AP", "AP"]), 'metrics: "AP" is there more than once'),
        (small(confidence=95), "confidence: must be above 0 and below 1, not 95"),
        (small(deadline_s=0), "deadline_s: must be a number of seconds above 0, not 0"),
        (small(retries=-1), "retries: must be 0 or more, not -1"),
        (small(seed="x"), "seed: must be a whole number, not 'x'"),
        (small(seed=True), "seed: must be a whole number, not True"),
        (small(seed=-1), "seed: must be a whole number of 0 or more, not -1"),
        (small(attacks=["poison"]), r"attacks\[0\]: must be a table with the attack's name, not 'poison'"),
        (small(attacks=[{"name": "poisson"}]), r'attacks\[0\]: no attack is called "poisson"; did you mean "poison"\?'),
        (small(attacks=[{"name": "poison", "prefx": True}]), r"attacks\[0\]: .* does not take these settings.*prefx"),
        (small(attacks=[{"name": "poison", "strengths": []}]), r"attacks\[0\]\.strengths: must be a list of numbers"),
        (small(attacks=[{"name": "poison", "control": 1}]), r"attacks\[0\]\.control: must be true or false, not 1"),
        (small(attacks=[{"name": "poison"}] * 2), 'attacks: "poison@1" is there more than once'),
        (small(gates=["answer_f1 > 1"]), r"gates\[0\]: .*names no variant"),
        (small(gates=["answer_f1.poison > 0"]), r'gates\[0\]: the suite does not try "poison"; known: clean'),
        (small(gates=["answer_f2.clean > 0"]), r'does not measure "answer_f2"; did you mean "answer_f1"\?'),
    ],
)
def test_a_fault_is_named_with_its_place_and_the_nearest_name(written: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Suite.of(written)


def test_a_fault_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(SMALL.replace("typos", "tpyos"))
    with pytest.raises(BadInput, match=rf"{file}: attacks\[1\]: no attack is called .tpyos"):
        Suite.of(file)
    file.write_text("name = ")
    with pytest.raises(BadInput, match=f"{file}: is no TOML"):
        Suite.of(file)
    file.write_bytes(b'name = "\xff"')
    with pytest.raises(BadInput, match=f"{file}: is no TOML"):
        Suite.of(file)


def test_a_suite_that_does_not_exist_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='no suite is called "robustnes"; did you mean "robustness"'):
        Suite.of("robustnes")
    with pytest.raises(BadInput, match=r"nowhere\.toml: cannot be read: No such file"):
        Suite.of(tmp_path / "nowhere.toml")
