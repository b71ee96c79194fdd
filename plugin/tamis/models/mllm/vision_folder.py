"""Vision features on disk: one safetensors file for each image, written whole or not at all, bounded in bytes."""

import logging
import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tamis.core.errors import BadSetting

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

_ENDING = ".safetensors"


class _File(NamedTuple):
    used: float
    size: int


class VisionFolder:
    """Tensors by name in a folder of at most ``budget`` bytes; the files that were not used for longest go first.

    Several processes may share a folder. A file that cannot be read is taken for missing and removed. Raises
    BadSetting for a folder that cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str], budget: int) -> None:
        self.folder = Path(folder)
        self.budget = budget
        self._lock = threading.Lock()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadSetting(f'the folder "{self.folder}" for vision features cannot be made: {error}') from error
        self._files: dict[str, _File] = {}
        for file in self.folder.glob(f"*{_ENDING}"):
            try:
                stat = file.stat()
            except OSError:
                continue
            self._files[file.name] = _File(stat.st_mtime, stat.st_size)

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
            tensors: dict[str, torch.Tensor] = load(data)
            os.utime(file)
            with self._lock:
                self._files[file.name] = _File(file.stat().st_mtime, len(data))
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            logger.warning("%s is no vision features and is removed: %s", file, error)
            self._remove(file.name)
            return None
        return tensors

    def put(self, key: str, tensors: "Mapping[str, torch.Tensor]") -> None:
        """Writes tensors. One that does not fit, or a disk that is full, is logged and nothing else."""
        from safetensors.torch import save

        data = save({name: tensor.contiguous() for name, tensor in tensors.items()})
        if len(data) > self.budget:
            return
        name = f"{key}{_ENDING}"
        unfinished = ""
        try:
            handle, unfinished = tempfile.mkstemp(prefix=".unfinished-", dir=self.folder)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(unfinished, self.folder / name)
            used = (self.folder / name).stat().st_mtime
        except OSError as error:
            logger.warning("vision features cannot be written to %s: %s", self.folder, error)
            if unfinished:
                Path(unfinished).unlink(missing_ok=True)
            return
        with self._lock:
            self._files[name] = _File(used, len(data))
            held = sum(file.size for file in self._files.values())
            oldest = sorted(self._files, key=lambda name: self._files[name].used)
        for gone in oldest:
            if held <= self.budget:
                break
            if gone != name:
                with self._lock:
                    held -= self._files[gone].size if gone in self._files else 0
                self._remove(gone)

    def _remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)
        with self._lock:
            self._files.pop(name, None)
