"""Fitted numbers as JSON files that say what they are: written whole or not at all, refused when something else."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tamis.core.errors import BadInput

VERSION = 1


def write_saved(path: str | os.PathLike[str], kind: str, content: Mapping[str, Any]) -> None:
    """Writes ``content`` as a file of that kind. A crash leaves the old file or the new one, never half of one."""
    target = Path(path)
    text = json.dumps({"format": f"tamis-{kind}", "version": VERSION, **content}, indent=2, allow_nan=False) + "\n"
    handle, unfinished = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent or Path())
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that nobody else may read; a fitted file is no secret.
        os.chmod(unfinished, 0o666 & ~current_umask())
        os.replace(unfinished, target)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def current_umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
