"""A pooling model under vLLM: pairs through ``LLM.score``, in the model's own wording."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadInput, MediaError, ScorerError, TamisError
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.core.well_formed import well_formed
from tamis.models.counting import count
from tamis.models.mllm.loading import Checkpoint
from tamis.models.mllm.special_tokens import frame_tokens
from tamis.models.template import neutralised

from .checkpoint import Placeholders
from .engine import Engine, Request

logger = logging.getLogger(__name__)

_SHORTEST_FRAME = 16
"""Tokens that are kept free for what the model's own wording puts around a pair."""


@dataclass
class PoolingRuntime:
    """Log-odds from a cross-encoder's one logit. ``wording`` is the chat template that writes a pair, if any."""

    checkpoint: Checkpoint
    visual: Placeholders
    media: MediaPolicy
    vllm: Engine
    wording: str = ""

    @property
    def name(self) -> str:
        """The model's name."""
        return self.checkpoint.name

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """Log-odds for each passage; None, logged, where there are none.

        Raises BadInput, naming the model, where it reads text only and is given images.
        """
        from vllm import PoolingParams

        params = PoolingParams(use_activation=False)
        opened = self._opened([query, *passages])
        room = self.vllm.facts.context - self._frame_tokens()
        asked, taken = self._side(query, opened, room // 2)
        found: list[Any] = []
        requests: dict[int, Request] = {}
        for at, passage in enumerate(passages):
            side, _ = self._side(passage, opened, room - taken)
            broken = next((one for one in (asked, side) if isinstance(one, TamisError)), None)
            found.append(broken)
            if broken is None:
                requests[at] = Request(None, params, (asked, side))
        for at, output in zip(requests, self.vllm.run(list(requests.values())), strict=True):
            found[at] = ScorerError("not answered by the deadline") if output is None else output
        return [self._told(one, len(query.images) + len(passages[at].images)) for at, one in enumerate(found)]

    def _told(self, output: Any, images: int) -> float | None:
        if isinstance(output, TamisError):
            count("failures")
            logger.warning("%s: one passage could not be scored: %s", self.name, output)
            return None
        count("pairs")
        count("images", images)
        reused = int(output.num_cached_tokens or 0)
        count("tokens", len(output.prompt_token_ids) - reused)
        count("tokens_reused", reused)
        return float(output.outputs.score)

    def _opened(self, contents: Sequence[Content]) -> dict[Image, Any]:
        """Every image once: decoded and its digest, or why it cannot be used."""
        opened: dict[Image, Any] = {}
        for image in dict.fromkeys(image for content in contents for image in content.images):
            if self.checkpoint.image_processor is None:
                raise BadInput(f'the model "{self.name}" reads text only; it cannot be given images')
            try:
                data = Image(data=self.media.read(image))
                opened[image] = (self.media.open(data), data.digest(self.media))
            except MediaError as error:
                opened[image] = error
        return opened

    def _side(self, content: Content, opened: dict[Image, Any], room: int) -> tuple[Any, int]:
        """One side as ``LLM.score`` takes it, its text cut to what is left of ``room``, and the tokens it takes."""
        used = 0
        parts: list[dict[str, Any]] = []
        for image in content.images:
            found = opened[image]
            if isinstance(found, TamisError):
                return found, 0
            picture, digest = found
            parts.append({"type": "image_pil", "image_pil": picture, "uuid": digest})
            used += self.visual.expansion(picture.width, picture.height).tokens
        whole = neutralised(well_formed(content.text.strip()), frame_tokens(self.checkpoint.tokenizer))
        text, tokens = self._cut(whole, max(0, room - used))
        used += tokens
        if used > room:
            return BadInput(f"its images take {used} tokens; the model has room for {room}"), 0
        if whole and not parts and not text.strip():
            return BadInput(f"no room is left for its text; the model has room for {room} tokens"), 0
        if not parts:
            return text, used
        return {"content": [*parts, *([{"type": "text", "text": text}] if text else [])]}, used

    def _cut(self, text: str, room: int) -> tuple[str, int]:
        made = self.checkpoint.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        length = len(made["input_ids"])
        if length <= room:
            return text, length
        count("tokens_cut", length - room)
        count("passages_cut")
        return text[: made["offset_mapping"][room][0]], room

    def _frame_tokens(self) -> int:
        """What the model's own wording may take at most: no more than the template that writes it."""
        ids = self.checkpoint.tokenizer(self.wording, add_special_tokens=False, verbose=False)["input_ids"]
        return max(_SHORTEST_FRAME, len(ids))
