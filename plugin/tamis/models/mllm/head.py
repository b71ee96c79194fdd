"""Logits of a few tokens from the last hidden state: the rows of the head that are asked for, and no others."""

from collections.abc import Sequence
from typing import Any

from .loading import Checkpoint


class Head:
    """The language model head, read row by row in float32.

    What some families do to logits afterwards (a soft cap, a scale) is done here too. A head whose weights are
    quantised cannot be read by rows; it is then applied whole.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._head = checkpoint.model.get_output_embeddings()
        text = checkpoint.text_config
        self._cap = getattr(text, "final_logit_softcapping", None)
        self._scale = float(getattr(text, "logit_scale", None) or 1.0) / float(
            getattr(text, "logits_scaling", None) or 1.0
        )
        self._is_plain = self._head.weight.is_floating_point() and self._head.weight.ndim == 2
        self._rows: dict[tuple[int, ...], Any] = {}

    def logits(self, hidden: Any, ids: Sequence[int]) -> Any:
        """Logits in float32 of shape (n, len(ids)) from hidden states of shape (n, hidden)."""
        import torch

        wanted = tuple(ids)
        if not self._is_plain:
            found = self._head(hidden.to(self._head_dtype())).float()[:, list(wanted)]
        else:
            if wanted not in self._rows:
                if len(self._rows) > 64:
                    self._rows.clear()
                index = torch.tensor(wanted, device=self._head.weight.device)
                bias = getattr(self._head, "bias", None)
                self._rows[wanted] = (
                    self._head.weight.index_select(0, index).float().to(hidden.device),
                    None if bias is None else bias.index_select(0, index).float().to(hidden.device),
                )
            rows, bias = self._rows[wanted]
            found = torch.nn.functional.linear(hidden.float(), rows, bias)
        return self._finished(found)

    def best(self, hidden: Any) -> Any:
        """The likeliest token of all, shape (n,)."""
        return self._head(hidden.to(self._head_dtype())).argmax(dim=-1)

    def _finished(self, logits: Any) -> Any:
        logits = logits * self._scale
        return logits if self._cap is None else self._cap * (logits / self._cap).tanh()

    def _head_dtype(self) -> Any:
        weight = self._head.weight
        if weight.is_floating_point():
            return weight.dtype
        import torch

        return torch.get_default_dtype()
