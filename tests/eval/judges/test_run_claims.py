"""The claims of a run, out for people to label."""

from pathlib import Path
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.eval import Case, Suite, evaluate
from tamis.eval.judges import claims_of_run

LONG = "The tower is tall. " * 600


async def answers(question: str) -> dict[str, Any]:
    """Two claims and a question; evidence that the journal cannot hold for "long", none for "nothing"."""
    passages = {
        "long": [{"id": "d1", "text": LONG}],
        "middling": [{"id": "d1", "text": LONG[:3000]}, {"id": "d2", "text": "It was built in 1889."}],
        "nothing": [],
    }[question]
    return {"answer": "The tower is tall [1]. Why? It was built in 1889.", "passages": passages}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    cases = [Case(name, Content(name)) for name in ("middling", "long", "nothing")]
    return evaluate(answers, cases, Suite.of({"name": "s", "metrics": ["answered"]}), out=tmp_path / "run").folder


def test_each_claim_has_what_fed_its_answer_whole(run: Path) -> None:
    pairs, left_out = claims_of_run(run)
    assert [(pair.id, pair.claim, pair.supported, pair.group) for pair in pairs] == [
        ("middling#1", "The tower is tall.", None, "middling"),
        ("middling#3", "It was built in 1889.", None, "middling"),
        ("nothing#1", "The tower is tall.", None, "nothing"),
        ("nothing#3", "It was built in 1889.", None, "nothing"),
    ]
    assert pairs[0].texts == (LONG[:3000], "It was built in 1889.")
    assert pairs[2].evidence == ()
    assert left_out == 2


def test_what_has_no_claim_is_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match='under "poison@5" makes a claim that can be labelled; there are clean'):
        claims_of_run(run, "poison@5")
    with pytest.raises(BadInput, match="no answer"):
        claims_of_run(tmp_path / "nowhere")
