"""One pass of the base model over a batch of prompts, with what is kept of their beginnings and their images."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tamis.models.counting import count

from .call_features import Row
from .encode import Ids
from .last_layer import LastLayer
from .loading import Checkpoint
from .prefix import ends_of, room_for
from .vision import Features, Vision

_NO_ENDS: Ids = np.zeros(0, dtype=np.int64)


class Pass(NamedTuple):
    """What a forward pass gives: the last tokens' hidden states, shape (rows, hidden), and what goes on from there."""

    hidden: Any
    cache: Any
    mask: Any
    ends: list[Ids]


class Forward:
    """Runs the base model. ``last_layer`` spares what its last layer need not compute."""

    def __init__(self, checkpoint: Checkpoint, vision: Vision) -> None:
        self.checkpoint = checkpoint
        self.vision = vision
        self.last_layer = LastLayer(checkpoint.base)

    def __call__(self, rows: Sequence[Row], made: dict[str, Features], use_cache: bool, room: int = 0) -> Pass:
        """One pass over a batch, padded behind; ``room`` more tokens will follow in the same cache."""
        import torch

        device = self.checkpoint.device
        width, deep = max(row.new for row in rows), max(row.used for row in rows)
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros((len(rows), deep + width), dtype=bool)
        places = [self._positions(row, made) for row in rows]
        positions = np.zeros((*places[0].shape[:-1], len(rows), width), dtype=np.int64)
        ends: list[Ids] = []
        for number, (row, place) in enumerate(zip(rows, places, strict=True)):
            ids[number, : row.new] = row.encoded.ids[row.used :]
            mask[number, : row.used] = True
            mask[number, deep : deep + row.new] = True
            positions[..., number, : row.new] = place
            ends.append(ends_of(place, _NO_ENDS if row.past is None else row.past.ends[: row.used]))
        arguments: dict[str, Any] = {
            "input_ids": torch.from_numpy(ids).to(device),
            "attention_mask": torch.from_numpy(mask).to(device),
            "position_ids": torch.from_numpy(positions).to(device),
            "use_cache": use_cache or deep > 0,
        }
        if deep > 0:
            arguments["past_key_values"] = room_for(
                [None if row.past is None else (row.past, row.used) for row in rows], width + room
            )
        images = [made[placed.picture.digest] for row in rows for placed in row.images]
        if images:
            arguments["mm_encoder_outputs"] = {"image": self.vision.output(images)}
        if not hasattr(self.checkpoint.base, "get_rope_index") and deep == 0:
            for name in ("token_type_ids", "mm_token_type_ids"):
                if self.checkpoint.takes(name):
                    arguments[name] = (arguments["input_ids"] == self._image_token).long()
        with self.last_layer.only([row.new - 1 for row in rows], width):
            out = self.checkpoint.base(**arguments, return_dict=True)
        last = torch.tensor([row.new - 1 for row in rows], device=out.last_hidden_state.device)
        hidden = out.last_hidden_state[torch.arange(len(rows), device=last.device), last]
        count("tokens", sum(row.new for row in rows))
        count("tokens_reused", sum(row.used for row in rows))
        cache = out.past_key_values if use_cache or deep > 0 else None
        return Pass(hidden, cache, arguments["attention_mask"], ends)

    @property
    def _image_token(self) -> int:
        config = self.checkpoint.model.config
        found = getattr(config, "image_token_id", None) or getattr(config, "image_token_index", None)
        return -1 if found is None else int(found)

    def _positions(self, row: Row, made: dict[str, Features]) -> Ids:
        """The rotary positions of the tokens to compute: shape (n,), or (3, n) for multimodal rotary positions."""
        base = self.checkpoint.base
        start = 0 if row.past is None or row.used == 0 else int(row.past.ends[row.used - 1])
        if not hasattr(base, "get_rope_index"):
            return np.arange(row.used, len(row.encoded), dtype=np.int64)
        if not row.images:
            return np.broadcast_to(np.arange(start, start + row.new, dtype=np.int64), (3, row.new))
        import torch

        ids = torch.from_numpy(row.encoded.ids[row.used :])[None]
        grids = torch.tensor([made[placed.picture.digest].grid for placed in row.images])
        kinds = (ids == self._image_token).int()
        positions, _ = base.get_rope_index(ids, mm_token_type_ids=kinds, image_grid_thw=grids)
        found: Ids = positions[-3:, 0].numpy() + start
        return found
