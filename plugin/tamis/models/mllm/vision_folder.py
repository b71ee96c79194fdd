"""Vision features on disk: one safetensors file for each image, written whole or not at all, bounded in bytes."""

import logging
import os
import stat
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple

from tamis.core.errors import BadSetting

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

_ENDING = ".safetensors"
_UNFINISHED = ".unfinished-"
_LONGEST_WRITE = 3600.0
"""Seconds after which a file that was never finished is nobody's any more."""
_FILLED = 0.9
"""The share of the budget that stays: a folder is counted file by file, so not for each that is written."""


class _File(NamedTuple):
    used: float
    size: int


class VisionFolder:
    """Tensors by name in a folder of at most ``budget`` bytes; the files that were not used for longest go first.

    Several processes and users may share a folder, and it may be read-only: what cannot be read is taken for missing,
    and what cannot be written is not kept. A file that holds no tensors is removed. Raises BadSetting for a folder that
    cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str], budget: int) -> None:
        self.folder = Path(folder)
        self.budget = budget
        self._lock = threading.Lock()
        self._warned: set[str] = set()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadSetting(f'the folder "{self.folder}" for vision features cannot be made: {error}') from error
        self._remove_unfinished()
        self._files = self._counted()

    @property
    def held(self) -> int:
        """The bytes of all files that are known of."""
        with self._lock:
            return sum(file.size for file in self._files.values())

    def get(self, key: str) -> "dict[str, torch.Tensor] | None":
        """The tensors that were put under a key."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        file = self.folder / f"{key}{_ENDING}"
        try:
            data = file.read_bytes()
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                self._warn("vision features in %s cannot be read: %s", self.folder, error)
            return None
        try:
            tensors: dict[str, torch.Tensor] = load(data)
        except (SafetensorError, ValueError, KeyError) as error:
            logger.warning("%s is no vision features and is removed: %s", file, error)
            self._remove(file.name)
            return None
        with suppress(OSError):
            os.utime(file)
        with self._lock:
            self._files[file.name] = _File(time.time(), len(data))
        return tensors

    def put(self, key: str, tensors: "Mapping[str, torch.Tensor]") -> None:
        """Writes tensors. One that does not fit, or a disk that is full, is logged and nothing else."""
        from safetensors.torch import save

        data = save({name: tensor.contiguous() for name, tensor in tensors.items()})
        if len(data) > self.budget:
            return
        name = f"{key}{_ENDING}"
        unfinished = self.folder / f"{_UNFINISHED}{token_hex(8)}"
        try:
            with open(unfinished, "xb") as file:
                file.write(data)
            os.replace(unfinished, self.folder / name)
        except OSError as error:
            self._warn("vision features cannot be written to %s: %s", self.folder, error)
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            return
        with self._lock:
            self._files[name] = _File(time.time(), len(data))
            is_over = sum(file.size for file in self._files.values()) > self.budget
        if is_over:
            self._shrink(name)

    def _shrink(self, newest: str) -> None:
        """Removes what was not used for longest, as the folder is now: other processes write and remove too."""
        files = self._counted()
        held = sum(file.size for file in files.values())
        for name in sorted(files, key=lambda name: files[name].used):
            if held <= self.budget * _FILLED:
                break
            if name != newest and self._remove(name):
                held -= files.pop(name).size
        with self._lock:
            self._files = files

    def _counted(self) -> dict[str, _File]:
        files: dict[str, _File] = {}
        for file in self.folder.glob(f"*{_ENDING}"):
            with suppress(OSError):
                told = file.stat()
                if stat.S_ISREG(told.st_mode):
                    files[file.name] = _File(told.st_mtime, told.st_size)
        return files

    def _warn(self, message: str, *told: object) -> None:
        """Logs a warning the first time; what holds for one file of a folder mostly holds for all."""
        logger.log(logging.DEBUG if message in self._warned else logging.WARNING, message, *told)
        self._warned.add(message)

    def _remove_unfinished(self) -> None:
        """Removes what a process that was killed had begun to write."""
        for file in self.folder.glob(f"{_UNFINISHED}*"):
            with suppress(OSError):
                if time.time() - file.stat().st_mtime > _LONGEST_WRITE:
                    file.unlink()

    def _remove(self, name: str) -> bool:
        """Whether the file is gone; it is not where it is another user's."""
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            logger.debug("%s cannot be removed: %s", name, error)
            return False
        with self._lock:
            self._files.pop(name, None)
        return True
