"""What holds for every room and every file of the house."""

import ast
import re
import sys
from importlib import import_module
from importlib.metadata import metadata, version
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = [CHECKOUT / root for root in ("plugin", "retrievers", "rerankers", "eval")]
SOURCES = sorted(file for root in SOURCE_ROOTS for file in root.rglob("*.py"))
ROOMS = sorted(path for root in SOURCE_ROOTS for path in (root / "tamis").iterdir() if (path / "__init__.py").is_file())
WRITTEN = sorted(
    file
    for pattern in ("*.md", "*.toml", "*.txt", "Makefile", ".ci/*", "tests/**/*.py", "examples/*", "benchmarks/*.py")
    for file in CHECKOUT.glob(pattern)
    if file.is_file()
)


def test_the_namespace_has_no_init_file() -> None:
    assert [root.name for root in SOURCE_ROOTS if (root / "tamis/__init__.py").exists()] == []


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_is_typed_and_exports_what_it_says(room: Path) -> None:
    assert (room / "py.typed").is_file()
    module = import_module(f"tamis.{room.name}")
    exported = getattr(module, "__all__", [])
    assert [name for name in exported if not hasattr(module, name)] == []
    assert list(exported) == sorted(set(exported), key=list(exported).index), "a name is exported twice"


def test_an_unknown_name_of_a_room_is_an_attribute_error() -> None:
    for room in ROOMS:
        with pytest.raises(AttributeError, match="no_such_name"):
            getattr(import_module(f"tamis.{room.name}"), "no_such_name")  # noqa: B009


def test_the_core_imports_the_standard_library_and_pillow_only() -> None:
    allowed = {*sys.stdlib_module_names, "PIL", "tamis.core"}
    foreign = []
    for file in (CHECKOUT / "plugin/tamis/core").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                if name.split(".")[0] not in allowed and ".".join(name.split(".")[:2]) not in allowed:
                    foreign.append(f"{file.name}: {name}")
    assert foreign == []


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: "/".join(file.parts[-2:]))
def test_a_file_says_what_it_is_for_and_stays_short(file: Path) -> None:
    text = file.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert len(text.splitlines()) <= 400
    assert file.stem not in ("utils", "helpers", "util", "misc")


def test_nothing_names_the_machine_it_was_written_on() -> None:
    """Paths of the checkout and of its environment belong in nobody else's copy."""
    local = re.compile("|".join(re.escape(place) for place in (str(CHECKOUT), sys.prefix)))
    searched = {file: local.search(file.read_text("utf-8")) for file in [*SOURCES, *WRITTEN]}
    assert [f"{file.name}: {found[0]}" for file, found in searched.items() if found] == []


def test_no_registry_and_no_folder_is_named_in_the_constraints() -> None:
    lines = (CHECKOUT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line)] == []
    assert "torch==2.13.0" in pins


def test_the_version_comes_from_the_metadata_and_is_in_the_changelog() -> None:
    assert f"## {version('tamis')}" in (CHECKOUT / "CHANGELOG.md").read_text("utf-8")


def test_every_extra_that_an_error_tells_people_to_install_exists() -> None:
    offered = set(metadata("tamis").get_all("Provides-Extra") or ())
    named = {name for file in SOURCES for name in re.findall(r'\bextra="([^"]+)"', file.read_text("utf-8"))}
    assert named
    assert named - offered == set()
