"""Scores (query, passage) pairs with a sentence-transformers cross-encoder, text or multimodal."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadSetting, MediaError, MissingExtra
from tamis.core.media import MediaPolicy
from tamis.core.well_formed import well_formed

from .scorer import LocalScorer, checked_scores
from .unavailable import tried_once, unavailable


@dataclass(frozen=True)
class CrossEncoderScorer(LocalScorer):
    """Log-odds from a cross-encoder: its one logit, or "relevant" minus "not" where it has two.

    ``model`` is a Hugging Face name or a folder, loaded on first use. A passage whose image cannot be opened under
    ``media``, or that holds an image the model cannot see and no text, gets None. Raises MissingExtra without
    sentence-transformers, ModelUnavailable for a model that cannot be loaded, BadSetting for one with more than two
    labels.
    """

    model: str
    device: str | None = None
    batch_size: int = 16
    max_length: int | None = None
    local_files_only: bool = False
    media: MediaPolicy = field(default_factory=MediaPolicy, repr=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    _loaded: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """Log-odds of "relevant", one for each passage, in order."""
        scores: list[float | None] = [None] * len(passages)
        if not passages or not query:
            return scores
        model = self._load()
        sees = "image" in model.modalities
        asked = self._side(query, sees)
        if asked is None:
            return scores
        sides = [self._side(passage, sees) for passage in passages]
        usable = [i for i, side in enumerate(sides) if side is not None]
        if not usable:
            return scores
        import torch

        with self._lock:
            logits = model.predict(
                [(asked, sides[i]) for i in usable],
                batch_size=self.batch_size,
                show_progress_bar=False,
                activation_fn=torch.nn.Identity(),
                convert_to_numpy=True,
            )
        values = logits[:, 1] - logits[:, 0] if logits.ndim == 2 else logits
        for i, value in zip(usable, checked_scores(values.tolist(), len(usable)), strict=True):
            scores[i] = value
        return scores

    def _side(self, content: Content, sees: bool) -> Any:
        """One side of a pair as the model takes it; None when there is nothing in it that it can read."""
        text = well_formed(content.text)
        if not content.images or not sees:
            return text if text.strip() else None
        try:
            pictures = [self.media.open(image) for image in content.images]
        except MediaError:
            return None
        picture = pictures[0] if len(pictures) == 1 else pictures
        return {"text": text, "image": picture} if text.strip() else picture

    def _load(self) -> Any:
        with self._lock:
            if "model" not in self._loaded:
                try:
                    from sentence_transformers import CrossEncoder
                except ImportError as error:
                    raise MissingExtra("a cross-encoder on this machine", extra="local") from error
                with tried_once(self._loaded):
                    try:
                        loaded = CrossEncoder(
                            self.model,
                            device=self.device,
                            max_length=self.max_length,
                            local_files_only=self.local_files_only,
                            trust_remote_code=False,
                        )
                    except Exception as error:
                        raise unavailable(f'the cross-encoder "{self.model}"', error) from error
                if loaded.num_labels > 2:
                    raise BadSetting(
                        f'the cross-encoder "{self.model}" has {loaded.num_labels} labels; 1 or 2 can rank'
                    )
                self._loaded["model"] = loaded
            return self._loaded["model"]

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {**state, "_lock": threading.Lock(), "_loaded": {}}.items():
            object.__setattr__(self, name, value)
