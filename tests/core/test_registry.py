"""A Registry finds components by name without importing them, and writes them down as JSON."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tamis.core.errors import BadSetting, UnknownComponent
from tamis.core.registry import Registry


@dataclass(frozen=True)
class Sieve:
    """A component with a setting and a secret."""

    mesh: int = 3
    key: str = field(default="", repr=False)
    holes: int = field(default=0, init=False)


class Bowl:
    """A component without settings."""


@dataclass
class Nameless:
    """A component that no table lists."""


TOOLS = Registry[Any]("tool", "tamis.test-tools", {"sieve": f"{__name__}:Sieve", "bowl": f"{__name__}:Bowl"})


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution on the path that offers a tool, and one under a built-in's name."""
    folder = tmp_path / "kitchenware-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: kitchenware\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        "[tamis.test-tools]\nladle = kitchenware_tools:Ladle\nsieve = kitchenware_tools:Ladle\n"
    )
    (tmp_path / "kitchenware_tools.py").write_text("class Ladle:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "kitchenware_tools", raising=False)
    return tmp_path


def test_names_are_sorted_and_hold_installed_ones(installed: Path) -> None:
    assert TOOLS.names() == ["bowl", "ladle", "sieve"]
    assert "kitchenware_tools" not in sys.modules


def test_listing_imports_nothing() -> None:
    registry = Registry[Any]("tool", "tamis.test-tools", {"absent": "no.such.module:Thing"})
    assert registry.names() == ["absent"]


def test_an_installed_component_is_loaded_and_a_built_in_name_wins(installed: Path) -> None:
    assert TOOLS.load("ladle").__name__ == "Ladle"
    assert TOOLS.load("sieve") is Sieve
    assert TOOLS.name_of(TOOLS.build("ladle")) == "ladle"


@pytest.mark.parametrize("name", ["nope", "", "Sieve", "sieve "])
def test_an_unknown_name_is_named_with_those_that_exist(name: str) -> None:
    with pytest.raises(UnknownComponent, match=rf'^no tool is called "{name}"; known: bowl, sieve$'):
        TOOLS.load(name)


def test_a_component_is_written_with_its_settings_and_without_its_secrets() -> None:
    spec = TOOLS.spec(Sieve(mesh=7, key="hunter2"))
    assert spec == {"name": "sieve", "mesh": 7}
    assert TOOLS.build(json.loads(json.dumps(spec))) == Sieve(mesh=7)
    assert TOOLS.spec(Bowl()) == {"name": "bowl"}


def test_a_component_is_built_from_its_name_or_kept_as_it_is() -> None:
    assert TOOLS.build("sieve") == Sieve()
    bowl = Bowl()
    assert TOOLS.build(bowl) is bowl


def test_building_leaves_the_description_alone() -> None:
    spec = {"name": "sieve", "mesh": 2}
    TOOLS.build(spec)
    assert spec == {"name": "sieve", "mesh": 2}


def test_settings_that_do_not_fit_are_named() -> None:
    with pytest.raises(BadSetting, match=r'"sieve" does not take these settings.*colour'):
        TOOLS.build({"name": "sieve", "colour": "red"})


@pytest.mark.parametrize("spec", [{}, {"mesh": 3}, {"name": 3}, {"name": None}])
def test_a_description_without_a_name_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(BadSetting, match="needs a name"):
        TOOLS.build(spec)


def test_a_component_that_nobody_lists_cannot_be_written_down() -> None:
    with pytest.raises(UnknownComponent, match=r"Nameless has no name as a tool.*tamis\.test-tools"):
        TOOLS.spec(Nameless())
