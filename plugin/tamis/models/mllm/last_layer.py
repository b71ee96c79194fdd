"""Spares the last layer what nobody reads: only the last token's output is wanted of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple


class _Wanted(NamedTuple):
    rows: Any
    places: Any
    shape: tuple[int, int]


class LastLayer:
    """Runs the position-wise parts of the last decoder layer (the MLP, the attention's output projection) for one
    token of each row. Its keys and values are computed as ever, for they may be kept.

    A layer that is built otherwise is left alone: what is trimmed is a tensor of shape (rows, tokens, features) that
    comes out in that shape again. ``enabled`` turns it off for a model whose scores it would change.
    """

    def __init__(self, base: Any) -> None:
        self.enabled = True
        self._wanted: _Wanted | None = None
        decoder = base.get_decoder() if callable(getattr(base, "get_decoder", None)) else base
        layers = getattr(decoder, "layers", None)
        if layers is None or not len(layers):
            return
        last = layers[-1]
        for part in (getattr(last, "mlp", None), getattr(getattr(last, "self_attn", None), "o_proj", None)):
            if part is not None:
                part.register_forward_pre_hook(self._trim)
                part.register_forward_hook(self._spread)

    @contextmanager
    def only(self, places: Sequence[int], tokens: int) -> Iterator[None]:
        """Inside, of a batch ``tokens`` wide, only the token at each row's place is right in the last hidden states."""
        import torch

        if tokens > 1 and self.enabled:
            index = torch.tensor(list(places))
            self._wanted = _Wanted(torch.arange(len(places)), index, (len(places), tokens))
        try:
            yield
        finally:
            self._wanted = None

    def _trim(self, module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        wanted = self._wanted
        if wanted is None or inputs[0].ndim != 3 or tuple(inputs[0].shape[:2]) != wanted.shape:
            return None
        return (inputs[0][wanted.rows, wanted.places].unsqueeze(1), *inputs[1:])

    def _spread(self, module: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        wanted = self._wanted
        if wanted is None or not hasattr(output, "new_zeros") or output.ndim != 3:
            return output
        rows, tokens = wanted.shape
        if tuple(output.shape[:2]) != (rows, 1):
            return output
        spread = output.new_zeros((rows, tokens, output.shape[-1]))
        spread[wanted.rows, wanted.places] = output[:, 0]
        return spread
