"""What --help says is what the source says, brackets included."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from tamis.cli import app

IN_BRACKETS = re.compile(r"\[[^\[\]]+\]")


def commands(command: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group of commands, with what is typed to get there."""
    yield names, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*names, name))


EVERY = {" ".join(names): command for names, command in commands(get_command(app))}


def texts(command: Any) -> list[str]:
    """What the source says of a command, its options and the commands in it."""
    parameters = [getattr(parameter, "help", None) for parameter in command.params]
    return [text for text in (command.help, *parameters) if text]


def test_there_are_texts_with_brackets() -> None:
    found = [bracket for command in EVERY.values() for text in texts(command) for bracket in IN_BRACKETS.findall(text)]
    assert "[all]" in found
    assert len(found) > 3


@pytest.mark.parametrize("name", EVERY)
def test_help_has_every_word_of_its_source(name: str) -> None:
    shown = CliRunner().invoke(app, [*name.split(), "--help"], terminal_width=500, max_content_width=500).output
    said = " ".join(shown.split())
    for text in texts(EVERY[name]):
        assert " ".join(text.replace("\b", "").split()) in said
