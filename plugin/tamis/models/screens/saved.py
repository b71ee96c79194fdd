"""Trained screens as JSON files that say what they are: written whole or not at all, refused when something else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tamis.core.atomic import write_bytes
from tamis.core.errors import BadInput
from tamis.models.embedder import Embedder
from tamis.models.screen import Screen

from .probe import ProbeScreen
from .ss3 import Ss3Screen

FORMAT = "tamis-screen"
VERSION = 1


def save_screen(path: str | Path, screen: Ss3Screen | ProbeScreen, report: Mapping[str, Any] | None = None) -> None:
    """Writes a screen with what was measured of it. A crash leaves the old file or the new one, never half of one."""
    content = {"format": FORMAT, "version": VERSION, "kind": screen.kind, "report": dict(report or {})}
    text = json.dumps({**content, **screen.to_dict()}, allow_nan=False) + "\n"
    write_bytes(Path(path), text.encode("utf-8"))


def load_screen(path: str | Path, embedder: Embedder | None = None) -> Ss3Screen | ProbeScreen:
    """What ``save_screen`` wrote; nothing in it is run. Raises BadInput, naming the file, for anything else."""
    written = read_saved_screen(path)
    try:
        if written.get("kind") == Ss3Screen.kind:
            return Ss3Screen.of(written)
        if written.get("kind") == ProbeScreen.kind:
            return ProbeScreen.of(written, embedder)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
    raise BadInput(f'{path}: its "kind" is {written.get("kind")!r}; known: ss3, probe')


def read_saved_screen(path: str | Path) -> dict[str, Any]:
    """A screen's file as it was written, with its report. Raises BadInput naming the file."""
    try:
        written = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"there is no screen {path}; train one with: tamis train screen --data FILE.jsonl") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadInput(f"{path}: is no screen: it is not JSON ({type(error).__name__})") from error
    if not isinstance(written, dict) or written.get("format") != FORMAT:
        raise BadInput(f'{path}: is no screen: its "format" is not "{FORMAT}"')
    if written.get("version") != VERSION:
        raise BadInput(f"{path}: has version {written.get('version')!r}; this version of tamis reads {VERSION}")
    return written


def screen_of(spec: "str | Path | Mapping[str, Any] | Screen") -> Screen:
    """A screen from its file, its name, a mapping of name and settings (or of ``file``), or as it is.

    A string that ends in ``.json`` is a file. Raises UnknownComponent with the names that exist, BadSetting, BadInput.
    """
    from . import SCREENS

    if isinstance(spec, Path) or (isinstance(spec, str) and spec.endswith(".json")):
        return load_screen(spec)
    if isinstance(spec, Mapping) and "file" in spec:
        if unknown := sorted(set(spec) - {"file", "name"}):
            raise BadInput(f'a screen from a file takes no setting "{unknown[0]}"')
        return load_screen(str(spec["file"]))
    return SCREENS.build(spec)
