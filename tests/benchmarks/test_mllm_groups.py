"""The cross-encoder's training groups: written and read again, drawn with the hard negatives that were asked for."""

import random
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("mllm_groups")


def test_what_is_written_is_read_again(groups: Any, tmp_path: Path) -> None:
    some = groups.Groups(
        pseudo=[groups.Group("A sentence.", "the rest of it", ("n1", "n2"))],
        training=[groups.Group("why?", "n1", ("n2", "n3")), groups.Group("who?", "p", ("n3",))],
        held_out=[],
    )
    groups.write_groups(some, tmp_path / "groups.jsonl.gz")
    assert groups.read_groups(tmp_path / "groups.jsonl.gz") == some


def test_negatives_are_drawn_from_the_nearest_and_from_further_down(groups: Any) -> None:
    group = groups.Group("q", "p", tuple(f"n{at}" for at in range(60)))
    drawn = group.drawn(15, 9, random.Random(0))
    assert len(set(drawn)) == 15
    assert len({f"n{at}" for at in range(20)} & set(drawn)) == 9
    few = groups.Group("q", "p", tuple(f"n{at}" for at in range(22)))
    assert len(set(few.drawn(15, 9, random.Random(0)))) == 15
