"""What importing Tamis costs: a plugin that slows everybody's start is one that is uninstalled."""

import resource
import subprocess
import sys

import pytest

HEAVY = ("llama_index", "torch", "numpy", "transformers", "sentence_transformers", "chromadb", "scipy", "sklearn")
MODELS = ("torch", "transformers", "sentence_transformers", "sklearn", "onnxruntime", "rapidocr_onnxruntime")


def loaded_by(statement: str, among: tuple[str, ...]) -> list[str]:
    """Which of these packages a fresh interpreter has loaded after the statement."""
    code = f"import sys\n{statement}\nprint('loaded', *(name for name in {among!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("module", ["tamis.core", "tamis.cli", "tamis.eval", "pytest_tamis"])
def test_importing_it_loads_no_framework_and_no_arrays(module: str) -> None:
    assert loaded_by(f"import {module}", HEAVY) == []


@pytest.mark.parametrize(
    "module",
    ["tamis.models", "tamis.nodes", "tamis.retrievers", "tamis.rerankers", "tamis.pipeline", "tamis.testing"],
)
def test_importing_a_room_loads_no_model_library(module: str) -> None:
    assert loaded_by(f"import {module}", MODELS) == []


def test_everything_a_room_exports_can_be_had_without_loading_a_model_library() -> None:
    rooms = ("tamis.models", "tamis.retrievers", "tamis.rerankers", "tamis.testing")
    statement = "\n".join(f"from {room} import *" for room in rooms)
    assert loaded_by(statement, MODELS) == []


def test_the_pytest_plugin_is_not_felt_by_a_test_run_that_does_not_use_it() -> None:
    statement = "import pytest\npytest.main(['--version'])"
    assert loaded_by(statement, HEAVY) == []


def test_help_costs_little_more_than_the_libraries_that_print_it() -> None:
    """In processor time, in turns with its libraries alone: what a busy or slow machine does to one it does to both."""
    help_, libraries = [], []
    for _ in range(5):
        help_.append(processor_seconds("-m", "tamis", "--help"))
        libraries.append(processor_seconds("-c", "import typer, rich.console, rich.panel, rich.table"))
    assert min(help_) < 4 * min(libraries), f"help {help_}, its libraries {libraries}"


def processor_seconds(*arguments: str) -> float:
    """What a fresh interpreter uses to do it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
