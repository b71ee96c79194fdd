"""Lets torchvision be imported beside a PyTorch for CPUs: defines two operators' schemas just before it is.

The wheel's compiled half belongs to a CUDA build of PyTorch and does not load here, and torchvision describes two
operators at import that only that half defines. Nothing that vLLM's tests do calls them. A ``.pth`` file of the
environment imports this module whenever Python starts, which costs nothing until torchvision is wanted.
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

_OPERATORS = ("nms", "qnms")
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class _Before(MetaPathFinder):
    """Finds nothing; is asked first, and so sees torchvision coming."""

    library: Any = None

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            import torch

            # Kept: the definitions go when the library does.
            _Before.library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
            for name in _OPERATORS:
                _Before.library.define(f"{name}{_SCHEMA}")
        return None


sys.meta_path.insert(0, _Before())
