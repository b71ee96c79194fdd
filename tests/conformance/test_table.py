"""The table of who fails what: LlamaIndex's own components beside Tamis's, from one command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "conformance.py"


def run(*arguments: str) -> str:
    if not SCRIPT.exists():
        pytest.skip("the benchmarks are not part of this distribution")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_table_names_what_a_component_fails() -> None:
    table = run("--only", "LongContextReorder", "EdgesOrder")

    assert "| LlamaIndex | LongContextReorder | orderer |" in table
    assert "| goes by the order it is given | LongContextReorder | 1 of 2 |" in table


def test_json_has_every_finding() -> None:
    reranker, stock = json.loads(run("--json", "--only", "EdgesOrder", "StructuredLLMRerank"))

    assert (reranker["owner"], reranker["failed"]) == ("Tamis", [])
    assert "rerank events are balanced on empty input" in stock["failed"]
    assert {"assertion", "status", "reason"} == set(stock["findings"][0])
