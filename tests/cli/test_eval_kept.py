"""``tamis eval`` and what it leaves: no secret in a file, a folder where it was named, one line for a fault."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tamis.cli import app
from tamis.eval.run.plan import Plan

TARGETS = """
import asyncio, os
from pathlib import Path

def answer(question: str) -> str:
    return "a"

def moves(question: str) -> str:
    os.chdir("/")
    return "a"

def in_the_way(question: str) -> str:
    Path("run/report.html/x").mkdir(parents=True, exist_ok=True)
    return "a"

def empty_or_broken(question: str) -> str:
    if question == "q0":
        raise RuntimeError("no such index")
    return ""

def broken_factory(documents):
    raise ValueError("no such index")

def broken_maker():
    raise ValueError("no such index")
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with targets and cases, from which the command is run."""
    (tmp_path / "kept_targets.py").write_text(TARGETS)
    (tmp_path / "suite.toml").write_text('name = "small"\nmetrics = ["answer_f1"]\n')
    lines = [json.dumps({"id": f"c{number}", "question": f"q{number}", "answers": ["a"]}) for number in range(10)]
    (tmp_path / "cases.jsonl").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "kept_targets", raising=False)
    return tmp_path


@pytest.fixture
def url() -> Iterator[str]:
    """An endpoint, by a URL with a password and a key."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = b'{"answer": "a"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://me:hunter2@127.0.0.1:{server.server_port}/ask?key=hunter2"
    server.shutdown()
    server.server_close()


def tamis(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["eval", "--suite", "suite.toml", "--data", "cases.jsonl", *arguments])


@pytest.mark.parametrize("form", ["apart", "joined"])
def test_no_file_of_a_run_holds_what_is_secret_in_a_url(
    here: Path, url: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--target", url] if form == "apart" else [f"--target={url}"]
    monkeypatch.setattr(sys, "argv", ["tamis", "eval", "--suite", "suite.toml", *arguments, "--out", "run"])
    result = tamis(*arguments, "--out", "run")
    assert result.exit_code == 0, result.output
    assert [file.name for file in (here / "run").iterdir() if b"hunter2" in file.read_bytes()] == []
    assert "hunter2" not in result.output
    kept = url.replace("me:hunter2@", "").partition("?")[0]
    assert Plan.read(here / "run").command == f"tamis eval --suite suite.toml {' '.join(arguments)} --out run".replace(
        url, kept
    )


def test_a_target_that_changes_the_folder_takes_no_run_with_it(here: Path) -> None:
    command = [sys.executable, "-m", "tamis", "eval", "--suite", "suite.toml", "--data", "cases.jsonl"]
    command += ["--target", "kept_targets:moves", "--out", "run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (here / "run" / "report.html").is_file()
    assert "written to run/report.html" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--factory", "kept_targets:broken_factory"), "cannot be made: ValueError: no such index"),
        (("--target", "kept_targets:broken_maker"), "makes no target, it failed: ValueError: no such index"),
        (("--target", "kept_targets:answer", "--seed", "-1"), "seed"),
    ],
)
def test_a_fault_of_the_user_s_is_a_line_and_2(here: Path, arguments: tuple[str, ...], said: str) -> None:
    result = tamis(*arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert "unexpected" not in result.stderr


def test_a_report_that_cannot_be_written_says_what_is_safe(here: Path) -> None:
    result = tamis("--target", "kept_targets:in_the_way", "--out", "run")
    assert result.exit_code == 2, result.output
    assert f"{here}/run/report.html: the report cannot be written (it is a folder; name a file in it)" in result.stderr
    assert f"the records are safe in {here}/run: make it again by `tamis report {here}/run`" in result.stderr
    again = CliRunner().invoke(app, ["report", "run"])
    assert again.exit_code == 2
    assert "run/report.html: the report cannot be written (it is a folder; name a file in it)" in again.stderr


def test_only_why_cases_failed_is_told_as_that(here: Path) -> None:
    result = tamis("--target", "kept_targets:empty_or_broken", "--out", "run")
    lines = result.stdout.splitlines()
    assert lines[0] == "small on kept_targets:empty_or_broken: 10 cases, 10 records, 1 failed; the suite has no gate"
    assert lines[1] == "  1 time: RuntimeError: no such index"
    assert lines[2] == ""
