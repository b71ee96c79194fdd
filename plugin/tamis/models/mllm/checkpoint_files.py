"""Where a checkpoint's files lie, on this machine or in the hub's cache, and a digest of what its weights are."""

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tamis.core.errors import BadInput
from tamis.models.template import IN_CHECKPOINT

logger = logging.getLogger(__name__)

MODULES, CHAT_TEMPLATE = "modules.json", "chat_template.json"
_WEIGHTS = ("*.safetensors", "*.bin")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FETCHED_WITH = ("revision", "local_files_only")
_HEAD, _PIECE, _PIECES = 2**20, 4096, 256


def folder_of(model: str, arguments: Mapping[str, Any]) -> Path | None:
    """The folder with a checkpoint's files: ``model`` itself, or a hub's model's snapshot in the cache.

    ``arguments`` are those that it is loaded with. None where the hub's model has no configuration or cannot be
    reached.
    """
    if Path(model).is_dir():
        return Path(model)
    file = _fetched(model, "config.json", arguments)
    return None if file is None else file.parent


def commit_of(folder: Path | None) -> str | None:
    """The commit that a snapshot in the hub's cache is of; None for any other folder."""
    is_snapshot = folder is not None and folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name)
    return folder.name if is_snapshot and folder is not None else None


def fetch_prompt_files(model: str, folder: Path | None, arguments: Mapping[str, Any]) -> None:
    """Brings the small files that say how a hub's model is asked into its snapshot, as far as it has them."""
    if folder is None or folder == Path(model):
        return
    # All of the snapshot's own revision, though a new one be published meanwhile.
    arguments = {**arguments, "revision": commit_of(folder) or arguments.get("revision")}
    for name in (IN_CHECKPOINT, MODULES, CHAT_TEMPLATE):
        _fetched(model, name, arguments)
    for row in modules_in(folder):
        if path := str(row.get("path") or ""):
            _fetched(model, f"{path}/config.json", arguments)


def modules_in(folder: Path) -> list[dict[str, Any]]:
    """The modules of a checkpoint that sentence-transformers saved; none of any other. Raises BadInput."""
    file = folder / MODULES
    if not file.is_file():
        return []
    try:
        rows = json.loads(file.read_bytes())
    except ValueError as error:
        raise BadInput(f"{file}: is not JSON: {error}") from error
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def identity_of(model: str, folder: Path | None, config: Mapping[str, Any]) -> str:
    """A digest that changes when the weights do.

    It is made of the name, the configuration, the commit, and of each file of weights its name, its size, its header
    and as much from all over it, a mebibyte each; of a plain folder's files the times too.
    """
    commit = commit_of(folder)
    told: list[Any] = [model, commit, config]
    files = [] if folder is None else sorted(file for kind in _WEIGHTS for file in folder.glob(kind))
    for file in files:
        stat = file.stat()
        with file.open("rb") as opened:
            told.append([file.name, stat.st_size, _sample(opened, stat.st_size)])
        if commit is None:
            told.append(stat.st_mtime_ns)
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()


def _sample(file: BinaryIO, size: int) -> str:
    """A digest of the beginning, where safetensors have their header, and of pieces at equal distances."""
    digest = hashlib.sha256(file.read(_HEAD))
    for number in range(_PIECES):
        file.seek(max(0, size - _PIECE) * number // (_PIECES - 1))
        digest.update(file.read(_PIECE))
    return digest.hexdigest()


def _fetched(model: str, name: str, arguments: Mapping[str, Any]) -> Path | None:
    """A file of a hub's model, from the cache or fetched into it; None where it has none or it cannot be reached."""
    from transformers.utils.hub import cached_file

    try:
        file = cached_file(
            model,
            name,
            **{key: arguments[key] for key in _FETCHED_WITH if key in arguments},
            _raise_exceptions_for_gated_repo=False,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
    except Exception as error:  # noqa: BLE001 - the network's errors are of all kinds; loading tells them
        logger.debug("%s of %s is not available: %s", name, model, error)
        return None
    return None if file is None else Path(file)
