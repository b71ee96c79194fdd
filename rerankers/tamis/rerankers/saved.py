"""Fitted numbers as JSON files that say what they are: written whole or not at all, refused when something else."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tamis.core.atomic import write_bytes
from tamis.core.errors import BadInput

VERSION = 1


def write_saved(path: str | os.PathLike[str], kind: str, content: Mapping[str, Any]) -> None:
    """Writes ``content`` as a file of that kind. A crash leaves the old file or the new one, never half of one."""
    text = json.dumps({"format": f"tamis-{kind}", "version": VERSION, **content}, indent=2, allow_nan=False) + "\n"
    write_bytes(Path(path), text.encode("utf-8"))


def read_saved(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """What ``write_saved`` wrote. Raises BadInput, naming the file, for anything else."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f'there is no {kind} file "{path}"; write one with save()') from error
    except OSError as error:
        raise BadInput(f'the {kind} file "{path}" cannot be read: {error.strerror}') from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadInput(f'"{path}" is not a {kind} file: it is not JSON ({error})') from error
    if not isinstance(content, dict) or content.get("format") != f"tamis-{kind}":
        raise BadInput(f'"{path}" is not a {kind} file: its "format" is not "tamis-{kind}"')
    if content.get("version") != VERSION:
        raise BadInput(
            f'the {kind} file "{path}" has version {content.get("version")!r}; this version of tamis reads {VERSION}: '
            "upgrade tamis, or fit and save it again"
        )
    return {key: value for key, value in content.items() if key not in ("format", "version")}
