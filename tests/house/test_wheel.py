"""The check of the wheel's file list finds what it is there for."""

import importlib.util
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

HOUSE = Path(__file__).parent


@pytest.fixture(scope="module")
def wheel_files() -> ModuleType:
    """The script beside this file, as a module."""
    spec = importlib.util.spec_from_file_location("wheel_files", HOUSE / "wheel_files.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one room and the pytest plugin."""
    for root in ("plugin", "retrievers", "rerankers", "eval"):
        (tmp_path / root / "tamis").mkdir(parents=True)
    (tmp_path / "plugin/tamis/core").mkdir()
    (tmp_path / "plugin/tamis/core/content.py").touch()
    (tmp_path / "plugin/tamis/core/py.typed").touch()
    (tmp_path / "eval/pytest_tamis.py").touch()
    return tmp_path


METADATA = ("tamis-1.dist-info/entry_points.txt", "tamis-1.dist-info/licenses/LICENSE")
COMPLETE = ("pytest_tamis.py", "tamis/core/content.py", "tamis/core/py.typed", *METADATA)


def wheel_of(names: tuple[str, ...], folder: Path) -> Path:
    with zipfile.ZipFile(folder / "tamis.whl", "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return folder / "tamis.whl"


def test_a_complete_wheel_has_no_problems(wheel_files: ModuleType, checkout: Path) -> None:
    assert wheel_files.wheel_problems(wheel_of(COMPLETE, checkout), checkout) == []


def test_an_empty_wheel_lacks_everything(wheel_files: ModuleType, checkout: Path) -> None:
    assert wheel_files.wheel_problems(wheel_of(METADATA, checkout), checkout) == [
        "not in the wheel: pytest_tamis.py",
        "not in the wheel: tamis/core/content.py",
        "not in the wheel: tamis/core/py.typed",
    ]


def test_a_file_from_elsewhere_is_named(wheel_files: ModuleType, checkout: Path) -> None:
    wheel = wheel_of((*COMPLETE, "tests/test_secret.py"), checkout)
    assert wheel_files.wheel_problems(wheel, checkout) == [
        "in the wheel and not in a source root: tests/test_secret.py"
    ]


def test_an_init_file_in_the_namespace_and_a_room_without_types_are_named(
    wheel_files: ModuleType, checkout: Path
) -> None:
    (checkout / "plugin/tamis/__init__.py").touch()
    (checkout / "plugin/tamis/core/py.typed").unlink()
    wheel = wheel_of(("pytest_tamis.py", "tamis/core/content.py", "tamis/__init__.py", *METADATA), checkout)
    assert wheel_files.wheel_problems(wheel, checkout) == [
        "tamis/__init__.py must not exist: tamis is a namespace package over four source roots",
        "no tamis/core/py.typed",
    ]


def test_a_wheel_without_entry_points_is_named(wheel_files: ModuleType, checkout: Path) -> None:
    wheel = wheel_of(tuple(name for name in COMPLETE if not name.endswith("entry_points.txt")), checkout)
    assert wheel_files.wheel_problems(wheel, checkout) == [
        "the wheel has no entry points: no tamis command, no pytest plugin"
    ]
