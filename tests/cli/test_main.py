"""The command as a program: quick to help, quiet, and clear about what went wrong."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("llama_index", "torch", "numpy", "chromadb", "transformers", "PIL")


def _tamis(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tamis", *arguments]
    environment = {**os.environ, "COLUMNS": "100", **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False, timeout=120)


def test_naming_the_command_line_loads_nothing_heavy() -> None:
    code = f"import sys, tamis.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_help_names_every_command_and_answers_at_once() -> None:
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = _tamis("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        assert done.returncode == 0
    for command in ("demo", "index", "ask", "calibrate", "doctor"):
        assert command in done.stdout
    # Processor seconds, the best of three: the machine may be busy with other tests.
    assert min(took) < 0.5


def test_the_version_is_the_installed_package_s() -> None:
    from importlib.metadata import version

    assert _tamis("--version").stdout == f"tamis {version('tamis')}\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["index"], ["ask", "q", "--top-k", "0", "--store", "x"]])
def test_wrong_usage_ends_with_2_and_no_traceback(arguments: list[str]) -> None:
    done = _tamis(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_error_is_one_line_and_a_traceback_only_on_demand(tmp_path: Path) -> None:
    arguments = ("index", str(tmp_path / "nowhere"), "--store", str(tmp_path / "store"))
    done = _tamis(*arguments)
    assert done.returncode == 2
    assert done.stderr == f"tamis: there is no folder {tmp_path / 'nowhere'}\n"
    assert not (tmp_path / "store").exists()
    assert "Traceback" in _tamis(*arguments, env={"TAMIS_DEBUG": "1"}).stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m tamis doctor --json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=120)
    assert done.stderr == ""


def test_output_that_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    done = _tamis("index", str(tmp_path / "käse"), "--store", "x", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert "k\\xe4se" in done.stderr


def test_doctor_says_as_json_what_is_there() -> None:
    done = _tamis("doctor", "--json")
    document = json.loads(done.stdout)
    assert done.stderr == ""
    assert document["packages"]["llama-index-core"]
    names = {check["name"] for check in document["checks"]}
    assert {"python", "extra ocr", "extra files", "embedded embedder"} <= names
    assert done.returncode == (0 if document["ok"] else 1)


def test_doctor_names_a_store_that_is_not_there(tmp_path: Path) -> None:
    done = _tamis("doctor", "--store", str(tmp_path / "none"))
    assert done.returncode == 1
    assert "BROKEN" in done.stdout
    assert str(tmp_path / "none") in done.stdout


@pytest.mark.parametrize(
    ("raises", "said"),
    [
        ("pytest.fail('no answer', pytrace=False)", "tamis: unexpected Failed: no answer;"),
        ("sys.exit(1)", "tamis: unexpected SystemExit: 1;"),
        ("raise Silent", "tamis: unexpected Silent: (its text cannot be shown: TypeError);"),
    ],
)
def test_whatever_ends_a_command_it_never_looks_like_a_gate_that_failed(raises: str, said: str) -> None:
    code = f"""
import sys, pytest
import tamis.cli

class Silent(Exception):
    def __str__(self):
        return None

@tamis.cli.app.command("broken")
def broken() -> None:
    {raises}

sys.argv = ["tamis", "broken"]
tamis.cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 70
    assert done.stderr.startswith(said)


def test_tables_for_a_reader_that_has_gone_end_as_a_pipe_does() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "tamis", "eval", "--list"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")
