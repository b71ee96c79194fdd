"""What the vision tower makes of an image, remembered by the image's bytes: in memory, and on disk where wanted."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tamis.core.errors import ScorerError
from tamis.models.byte_lru import ByteLRU
from tamis.models.counting import count

from .loading import Checkpoint
from .memory import is_out_of_memory, release_memory
from .pictures import Pixels
from .vision_folder import VisionFolder

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Features:
    """One image for the language model.

    ``embeddings`` has shape (visual tokens, hidden); ``deepstack`` one such tensor for each layer that is given one
    (Qwen3-VL); ``grid`` is the image's (time, height, width) in patches where the family has rotary positions for it.
    """

    embeddings: "torch.Tensor"
    deepstack: "tuple[torch.Tensor, ...]" = ()
    grid: tuple[int, int, int] | None = None

    @property
    def nbytes(self) -> int:
        """The bytes of all tensors."""
        return self.embeddings.nbytes + sum(layer.nbytes for layer in self.deepstack)


class Vision:
    """Runs the vision tower, and remembers its output in ``budget`` bytes and in ``folder`` where there is one."""

    def __init__(self, checkpoint: Checkpoint, budget: int, folder: VisionFolder | None) -> None:
        self.checkpoint = checkpoint
        self.cache: ByteLRU[Features] = ByteLRU(budget)
        self.folder = folder
        settings = checkpoint.image_processor.to_dict() if checkpoint.image_processor is not None else {}
        dtype = str(checkpoint.model.dtype)
        told = json.dumps([checkpoint.identity, settings, dtype], default=str, sort_keys=True)
        self._identity = hashlib.sha256(told.encode()).hexdigest()
        # The bytes of pixels that go through the tower together; they become fewer whenever memory runs out.
        self._most = math.inf

    def known(self, digest: str, tokens: int) -> Features | None:
        """The features of an image that was seen before and takes ``tokens`` places."""
        key = self._key(digest)
        if (features := self.cache.get(key)) is None and self.folder is not None:
            stored = self.folder.get(key)
            if stored is not None and self._is_whole(stored, tokens):
                features = _from_tensors(stored, self.checkpoint.device)
                self.cache.put(key, features, features.nbytes)
        return features

    def _is_whole(self, tensors: "Mapping[str, torch.Tensor]", tokens: int) -> bool:
        """Whether a file holds what this model makes of such an image: anybody may write into a shared folder."""
        width = self.checkpoint.model.get_input_embeddings().weight.shape[1]
        vision = getattr(self.checkpoint.model.config, "vision_config", None)
        indexes = getattr(vision, "deepstack_visual_indexes", None)
        deep = _deepstack(tensors) if indexes is None else len(indexes)
        layers = {"embeddings", *(f"deepstack.{number}" for number in range(deep))}
        if set(tensors) - {"grid"} != layers:
            return False
        if "grid" in tensors:
            merge = getattr(self.checkpoint.image_processor, "merge_size", None)
            if tensors["grid"].numel() != 3 or (merge and int(tensors["grid"].prod()) != tokens * merge**2):
                return False
        elif hasattr(self.checkpoint.base, "get_rope_index"):
            return False
        return all(
            tuple(tensors[name].shape) == (tokens, width) and tensors[name].is_floating_point() for name in layers
        )

    def encode(self, pixels: Mapping[str, Pixels]) -> dict[str, Features]:
        """The features of images by their digests, all of them computed, and kept.

        A group of images that memory does not suffice for is halved until it does.
        """
        made: dict[str, Features] = {}
        groups = _stackable(pixels)
        while groups:
            group = groups.pop(0)
            size = sum(pixels[digest].nbytes for digest in group)
            if size <= self._most or len(group) == 1:
                try:
                    made.update(self._encode(group, [pixels[digest] for digest in group]))
                    continue
                except Exception as error:
                    if len(group) == 1 or not is_out_of_memory(error):
                        raise
                count("out_of_memory")
                release_memory()
                self._most = size * 2 / 3
            groups[:0] = [group[: len(group) // 2], group[len(group) // 2 :]]
        for digest, features in made.items():
            key = self._key(digest)
            self.cache.put(key, features, features.nbytes)
            if self.folder is not None:
                self.folder.put(key, _to_tensors(features))
        return made

    def output(self, features: Sequence[Features]) -> Any:
        """The images of a batch, in order, as the base model's forward takes them in ``mm_encoder_outputs``."""
        output = SimpleNamespace(pooler_output=tuple(one.embeddings for one in features))
        if features and features[0].deepstack:
            layers = range(len(features[0].deepstack))
            output.deepstack_features = [tuple(one.deepstack[layer] for one in features) for layer in layers]
        return output

    def _encode(self, digests: Sequence[str], pixels: Sequence[Pixels]) -> dict[str, Features]:
        import torch

        device = self.checkpoint.device
        inputs = {
            name: torch.cat([one.inputs[name].to(device, non_blocking=True) for one in pixels])
            for name in pixels[0].inputs
            if self._takes(name)
        }
        made = self.checkpoint.base.get_image_features(**inputs, return_dict=True)
        pooled = made.pooler_output
        if len(pooled) != len(digests):
            raise ScorerError(f"the vision tower gave {len(pooled)} outputs for {len(digests)} images")
        layers = getattr(made, "deepstack_features", None) or []
        found = {}
        for number, digest in enumerate(digests):
            # Copies: a view would keep the whole batch in memory for as long as one of its images.
            found[digest] = Features(
                pooled[number].reshape(-1, pooled[number].shape[-1]).clone(),
                tuple(layer[number].clone() for layer in layers),
                _grid_of(pixels[number]),
            )
        return found

    def _takes(self, name: str) -> bool:
        from inspect import signature

        return name in signature(self.checkpoint.base.get_image_features).parameters

    def _key(self, digest: str) -> str:
        return f"{self._identity[:32]}-{digest}"


def _grid_of(pixels: Pixels) -> tuple[int, int, int] | None:
    """Read where the image was processed: asking the device would wait for all that it has to do."""
    grid = pixels.inputs.get("image_grid_thw")
    return None if grid is None else tuple(grid[0].tolist())


def _stackable(pixels: Mapping[str, Pixels]) -> list[list[str]]:
    """Images that go through the tower together: all where patches are flat, else those of the same shapes."""
    groups: dict[Any, list[str]] = {}
    for digest, one in pixels.items():
        is_flat = "image_grid_thw" in one.inputs
        shape = None if is_flat else tuple((name, tuple(value.shape)) for name, value in one.inputs.items())
        groups.setdefault(shape, []).append(digest)
    return list(groups.values())


def _to_tensors(features: Features) -> "dict[str, torch.Tensor]":
    import torch

    tensors = {"embeddings": features.embeddings.cpu()}
    tensors |= {f"deepstack.{number}": layer.cpu() for number, layer in enumerate(features.deepstack)}
    if features.grid is not None:
        tensors["grid"] = torch.tensor(features.grid)
    return tensors


def _deepstack(tensors: "Mapping[str, torch.Tensor]") -> int:
    return sum(name.startswith("deepstack.") for name in tensors)


def _from_tensors(tensors: "Mapping[str, torch.Tensor]", device: Any) -> Features:
    grid = tensors.get("grid")
    return Features(
        tensors["embeddings"].to(device),
        tuple(tensors[f"deepstack.{number}"].to(device) for number in range(_deepstack(tensors))),
        None if grid is None else tuple(grid.tolist()),
    )
