"""Every example runs offline, in seconds, in an empty folder, and prints what its docstring promises.

With UPDATE_OUTPUTS=1 in the environment the docstrings are rewritten with what is printed now.
"""

import os
import re
import runpy
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))
PROMISE = re.compile(r'(?<=^Prints:\n\n)(.*?)(?=^""")', re.MULTILINE | re.DOTALL)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_prints_what_its_docstring_says(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = example.read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(example)])
    start = time.perf_counter()
    runpy.run_path(str(example), run_name="__main__")
    seconds = time.perf_counter() - start
    printed = "".join(f"    {line}".rstrip() + "\n" for line in capsys.readouterr().out.splitlines())
    if os.environ.get("UPDATE_OUTPUTS"):
        example.write_text(PROMISE.sub(lambda _: printed, text, count=1), "utf-8")
        pytest.skip(f"{example.name} is rewritten")
    promise = PROMISE.search(text)
    assert promise is not None, 'the docstring does not end with "Prints:", an empty line and what is printed'
    assert printed == promise[0]
    assert seconds < 60, f"took {seconds:.0f} s"
