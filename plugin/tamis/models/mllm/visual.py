"""How many tokens an image takes in a prompt, told from its size before a pixel is looked at."""

from sys import getsizeof
from typing import Any, NamedTuple

from tamis.core.errors import BadInput
from tamis.models.byte_lru import ByteLRU

from .loading import Checkpoint

_KEPT = 16 * 2**20
"""Bytes of expansions that are remembered: an image of 16,384 tokens takes 200 kB, and sizes are without number."""
_OVERHEAD = 300
_IDEFICS_FRAME = "<fake_token_around_image>"
_IDEFICS_WHOLE = "<global-img>"


class Expansion(NamedTuple):
    """What stands in a prompt for one image: ``text``, in which the image token comes ``tokens`` times."""

    text: str
    tokens: int


class VisualTokens:
    """Expands images of a size into the text that the model's own processor would write for them.

    Qwen-VL's grid and Idefics' tiles are computed. For other families a blank image of the size goes through the
    processor once. Raises BadInput, naming the model, where an image cannot be expanded at all.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._known: ByteLRU[Expansion] = ByteLRU(_KEPT)
        config, tokenizer = checkpoint.model.config, checkpoint.tokenizer
        token_id = getattr(config, "image_token_id", None) or getattr(config, "image_token_index", None)
        token = getattr(checkpoint.processor, "image_token", None) or getattr(tokenizer, "image_token", None)
        if token_id is None and token is not None:
            token_id = tokenizer.convert_tokens_to_ids(token)
        self.token_id: int | None = token_id
        self.token: str = "" if token_id is None else str(tokenizer.convert_ids_to_tokens(token_id))

    def wrapped(self) -> str:
        """An image's placeholder where no chat template tells one: the token between the family's own marks."""
        config, tokenizer = self.checkpoint.model.config, self.checkpoint.tokenizer
        marks = [getattr(config, f"vision_{side}_token_id", None) for side in ("start", "end")]
        start, end = ("" if mark is None else str(tokenizer.convert_ids_to_tokens(mark)) for mark in marks)
        return f"{start}{self.token}{end}"

    def expansion(self, width: int, height: int) -> Expansion:
        """What stands for an image of that many pixels."""
        processor = self.checkpoint.image_processor
        if processor is None or self.token_id is None:
            raise BadInput(
                f'the model "{self.checkpoint.name}" has no image processor, so it cannot be given images; add its '
                "preprocessor_config.json to the checkpoint"
                if self.checkpoint.is_visual
                else f'the model "{self.checkpoint.name}" reads text only; it cannot be given images'
            )
        size = f"{width} x {height}"
        known = self._known.get(size)
        if known is None:
            try:
                known = self._computed(processor, width, height)
            except ValueError as error:
                raise BadInput(f"an image of {size} pixels cannot be prepared: {error}") from error
            self._known.put(size, known, getsizeof(known.text) + _OVERHEAD)
        return known

    def _computed(self, processor: Any, width: int, height: int) -> Expansion:
        merge = getattr(processor, "merge_size", None)
        patches = getattr(processor, "get_number_of_image_patches", None)
        counted = patches(height, width, {}) if patches is not None else None
        if isinstance(counted, int) and isinstance(merge, int):
            return Expansion(self.token * (counted // merge**2), counted // merge**2)
        if isinstance(counted, tuple | list) and len(counted) == 3 and self._has(_IDEFICS_FRAME, _IDEFICS_WHOLE):
            return self._tiles(int(counted[1]), int(counted[2]))
        return self._probed(processor, width, height)

    def _has(self, *tokens: str) -> bool:
        vocabulary = self.checkpoint.tokenizer.get_vocab()
        return all(token in vocabulary for token in tokens)

    def _tiles(self, rows: int, columns: int) -> Expansion:
        """Idefics3 and SmolVLM: a row of tiles a line, then the whole image."""
        config = self.checkpoint.model.config
        each = int((config.vision_config.image_size // config.vision_config.patch_size) ** 2 / config.scale_factor**2)
        tile = self.token * each
        lines = [
            "".join(f"{_IDEFICS_FRAME}<row_{row}_col_{column}>{tile}" for column in range(1, columns + 1)) + "\n"
            for row in range(1, rows + 1)
        ]
        whole = f"{_IDEFICS_FRAME}{_IDEFICS_WHOLE}{tile}{_IDEFICS_FRAME}"
        text = "".join(lines) + ("\n" if rows else "") + whole
        return Expansion(text, text.count(self.token))

    def _probed(self, processor: Any, width: int, height: int) -> Expansion:
        import PIL.Image

        combined = self.checkpoint.processor
        if combined is None:
            raise BadInput(
                f'the processor of the model "{self.checkpoint.name}" cannot be made here, and without it nothing '
                "tells how many tokens an image takes; install what Transformers asks for to load it"
            )
        inputs = processor(images=[PIL.Image.new("RGB", (width, height))], return_tensors="pt")
        try:
            text = str(combined.replace_image_token(inputs, 0))
        except NotImplementedError:
            counts = combined._get_num_multimodal_tokens(image_sizes=[(height, width)])["num_image_tokens"]
            text = self.token * int(counts[0])
        return Expansion(text, text.count(self.token))
