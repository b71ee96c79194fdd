"""The contracts of import-linter: kept by the code, and broken by the imports that they are there to stop."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


def lint(added: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the project's contracts, with one more folder in which modules of the namespace are looked for."""
    environment = {**os.environ, "COLUMNS": "200"}
    if added is not None:
        environment["PYTHONPATH"] = str(added)
    return subprocess.run(
        [sys.executable, "-c", "import importlinter.cli as cli; cli.lint_imports_command()", "--no-logo", "--no-cache"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_stairs_hold() -> None:
    run = lint()
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("core/intruder.py", "import tamis.models.scorer", "tamis.core is not allowed to import tamis.models"),
        ("models/intruder.py", "import tamis.nodes", "tamis.models is not allowed to import tamis.nodes"),
        (
            "retrievers/intruder.py",
            "import tamis.rerankers",
            "tamis.retrievers is not allowed to import tamis.rerankers",
        ),
        ("rerankers/intruder.py", "import tamis.testing", "tamis.rerankers is not allowed to import tamis.testing"),
        ("eval/intruder.py", "import tamis.retrievers", "tamis.eval is not allowed to import tamis.retrievers"),
        ("models/intruder.py", "import llama_index.core", "tamis.models.intruder -> llama_index"),
        ("commands/intruder.py", "import llama_index.core", "tamis.commands.intruder -> llama_index"),
        ("attic/intruder.py", "", "attic"),
    ],
)
def test_an_import_up_the_stairs_breaks_a_contract(tmp_path: Path, module: str, line: str, complaint: str) -> None:
    intruder = tmp_path / "tamis" / module
    intruder.parent.mkdir(parents=True)
    intruder.write_text(line + "\n")
    run = lint(tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert complaint in run.stdout, run.stdout + run.stderr
