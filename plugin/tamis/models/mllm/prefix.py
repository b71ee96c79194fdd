"""Keys and values of a prompt's beginning, kept so that what comes behind it is all that is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .encode import Ids

if TYPE_CHECKING:
    import torch

_REUSABLE = "full_attention"


class Place(NamedTuple):
    """Where a layer's keys or values lie: in which stack, and as which of its entries."""

    stack: int
    entry: int


@dataclass(frozen=True)
class Prefix:
    """The KV of a prompt's first tokens, in the model's dtype.

    ``keys`` has shape (n,) and says which tokens and images they are of; ``ends[i]`` is the rotary position of what
    follows token i. ``stacks`` has the keys and values of all layers that are of one size and on one device, each of
    shape (entries, kv heads, n, head size): one copy puts them into a batch, where layer by layer it would be
    thousands. ``places`` says for each layer where its keys and its values are.
    """

    keys: Ids
    ends: Ids
    stacks: "tuple[torch.Tensor, ...]"
    places: tuple[tuple[Place, Place], ...]

    @property
    def nbytes(self) -> int:
        """The bytes of all layers."""
        return sum(stack.nbytes for stack in self.stacks)

    def __len__(self) -> int:
        return len(self.keys)


def why_not_reusable(text_config: Any) -> str | None:
    """Why the KV of a prefix cannot serve another prompt of this model; None where it can."""
    from transformers.cache_utils import get_layer_types_and_kwargs

    try:
        kinds, _ = get_layer_types_and_kwargs(text_config)
    except Exception as error:  # noqa: BLE001 - configurations of all kinds; none that is not understood is reused
        return f"its layers are not known ({error})"
    others = sorted({kind for kind in kinds if kind != _REUSABLE})
    return f"it has layers of {', '.join(others)}" if others else None


def room_for(pasts: Sequence["tuple[Prefix, int] | None"], new: int) -> Any:
    """A KV cache for a batch, one past (a prefix and how much of it) for each row, and room for ``new`` tokens.

    Rows whose past is shorter than the longest are padded behind it; the attention mask must leave that out.
    """
    from transformers.cache_utils import Cache

    longest = max((past[1] for past in pasts if past is not None), default=0)
    some = next(past[0] for past in pasts if past is not None)
    buffers = []
    for number, like in enumerate(some.stacks):
        entries, heads, _, size = like.shape
        buffer = like.new_empty((entries, len(pasts), heads, longest + new, size))
        for row, past in enumerate(pasts):
            used = 0 if past is None else past[1]
            if past is not None:
                buffer[:, row, :, :used] = past[0].stacks[number][:, :, :used]
            if used < longest:
                buffer[:, row, :, used:longest] = 0
        buffers.append(buffer)
    room = _room_class()
    layers = [room(*(buffers[at.stack][at.entry] for at in pair), longest) for pair in some.places]
    return Cache(layers=layers)


class Kept(NamedTuple):
    """A prefix's stacks and places, as ``Prefix`` has them."""

    stacks: "tuple[torch.Tensor, ...]"
    places: tuple[tuple[Place, Place], ...]


def kept_from(cache: Any, row: int, padded: int, past: int, length: int) -> Kept:
    """The first ``length`` tokens' KV of a row of a batch whose past was ``padded`` long, ``past`` of it this row's."""
    import torch

    groups: dict[Any, list[Any]] = {}
    places: list[list[Place]] = []
    for layer in cache.layers:
        pair = []
        for states in (layer.keys, layer.values):
            mine = states[row]
            if past == padded:
                mine = mine[:, :length]
            else:
                mine = torch.cat([mine[:, :past], mine[:, padded : padded + length - past]], dim=1)
            kind = (mine.device, mine.dtype, mine.shape)
            group = groups.setdefault(kind, [])
            pair.append(Place(list(groups).index(kind), len(group)))
            group.append(mine)
        places.append(pair)
    return Kept(tuple(torch.stack(group) for group in groups.values()), tuple((key, value) for key, value in places))


def ends_of(positions: Any, base: Ids) -> Ids:
    """What rotary position follows each token: behind those of ``base``, the running maximum plus one.

    ``positions`` has shape (n,) or (3, n).
    """
    flat = np.atleast_2d(np.asarray(positions)).max(axis=0)
    return np.concatenate([base, np.maximum.accumulate(flat) + 1])


def _room_class() -> Any:
    """A cache layer that writes into a buffer made in advance, where Transformers' own copies everything to append."""
    global _ROOM
    if _ROOM is None:
        from transformers.cache_utils import DynamicLayer

        class Room(DynamicLayer):  # type: ignore[no-untyped-call]
            keys: Any
            values: Any

            def __init__(self, keys: Any, values: Any, filled: int) -> None:
                super().__init__()  # type: ignore[no-untyped-call]
                self.keys, self.values = keys, values
                self.dtype, self.device = keys.dtype, keys.device
                self.is_initialized = True
                self.filled = filled

            def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
                if self.filled + key_states.shape[-2] > self.keys.shape[-2]:
                    # More than was asked for: tokens that are written one by one.
                    self.keys, self.values = self.keys[..., : self.filled, :], self.values[..., : self.filled, :]
                    self.filled += key_states.shape[-2]
                    return super().update(key_states, value_states)
                until = self.filled + key_states.shape[-2]
                self.keys[..., self.filled : until, :] = key_states
                self.values[..., self.filled : until, :] = value_states
                self.filled = until
                return self.keys[..., :until, :], self.values[..., :until, :]

            def get_seq_length(self) -> int:
                return self.filled

        _ROOM = Room
    return _ROOM


_ROOM: Any = None
