"""What the engine is compared with on the same checkpoint: sentence-transformers' CrossEncoder, and the plain loop.

Both get the engine's own prompt, text for text, and open the same encoded pictures; both give yes minus no as log-odds.
"""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from tamis.core.content import Content
from tamis.models.template import Template

_PLACE = re.compile(r"\{((?:query|passage)\.(?:text|images)|instruction)\}")
_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
_ROLES = {"query": "query", "passage": "document"}


class Side(Protocol):
    """One way to score the passages of a query: log-odds in order."""

    def score(self, query: Content, passages: Sequence[Content]) -> list[float]: ...


def chat_template(template: Template) -> str:
    """The template's first form in a ChatML frame, as Jinja over messages of role "query" and "document"."""
    pieces = []
    for number, piece in enumerate(_PLACE.split(template.forms[0].user)):
        if number % 2 == 0:
            pieces.append(_literal(piece))
        elif piece == "instruction":
            pieces.append(_literal(template.instruction))
        else:
            side, _, kind = piece.partition(".")
            shown = _literal(_IMAGE) if kind == "images" else "{{- part.text -}}"
            pieces.append(
                f"{{%- for message in messages if message.role == '{_ROLES[side]}' -%}}"
                f"{{%- for part in message.content if part.type == '{kind.removesuffix('s')}' -%}}"
                f"{shown}{{%- endfor -%}}{{%- endfor -%}}"
            )
    system = f"<|im_start|>system\n{template.system}<|im_end|>\n" if template.system else ""
    head, tail = system + "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n" + template.reply
    return _literal(head) + "".join(pieces) + _literal(tail)


def _literal(text: str) -> str:
    """Text as Jinja writes it out unchanged, line breaks at its ends included."""
    quoted = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"{{{{- '{quoted}' -}}}}" if text else ""


def opened(data: bytes) -> Any:
    """A picture's pixels as RGB."""
    import PIL.Image

    with PIL.Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def register_processor() -> None:
    """Makes Transformers load Qwen2-VL's processor without its video part, which would need torchvision."""
    from transformers import AutoProcessor, Qwen2VLConfig, Qwen2VLProcessor

    class TextImageProcessor(Qwen2VLProcessor):
        def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None) -> None:
            self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
            self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
            self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
            super(Qwen2VLProcessor, self).__init__(image_processor, tokenizer, chat_template=chat_template)

    AutoProcessor.register(Qwen2VLConfig, TextImageProcessor, exist_ok=True)


class CrossEncoderSide:
    """sentence-transformers' CrossEncoder with a LogitScore head; pictures go in decoded, so that it sorts by them."""

    def __init__(
        self, folder: Path, template: Template, batch_size: int, device: str = "cpu", dtype: str = "float32"
    ) -> None:
        from sentence_transformers import CrossEncoder
        from sentence_transformers.base.modules import Transformer
        from sentence_transformers.cross_encoder.modules import LogitScore

        register_processor()
        self.batch_size = batch_size
        transformer = Transformer(
            str(folder),
            transformer_task="any-to-any",
            model_kwargs={"dtype": getattr(torch, dtype), "local_files_only": True},
            processor_kwargs={"chat_template": chat_template(template), "local_files_only": True},
        )
        yes, no = (answer_id(transformer.tokenizer, word) for word in (template.yes, template.no))
        self.model = CrossEncoder(
            modules=[transformer, LogitScore(yes, no)], activation_fn=torch.nn.Identity(), device=device
        )

    def score(self, query: Content, passages: Sequence[Content]) -> list[float]:
        pairs = [(query.text, self._document(passage)) for passage in passages]
        scores = self.model.predict(pairs, batch_size=self.batch_size, show_progress_bar=False)
        return [float(score) for score in scores]

    @staticmethod
    def _document(passage: Content) -> Any:
        pictures = [opened(image.data or b"") for image in passage.images]
        if not pictures:
            return passage.text
        document: dict[str, Any] = {"text": passage.text} if passage.text else {}
        return {**document, "image": pictures[0] if len(pictures) == 1 else pictures}


class PlainSide:
    """The loop that anyone would write first: a pair at a time through the whole model, logits of the last position."""

    def __init__(self, folder: Path, template: Template, device: str = "cpu", dtype: str = "float32") -> None:
        from transformers import AutoModelForImageTextToText, AutoProcessor

        register_processor()
        self.processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
        self.model = AutoModelForImageTextToText.from_pretrained(
            folder, dtype=getattr(torch, dtype), local_files_only=True
        )
        self.model.to(device).eval()
        self.device = device
        self.frame = chat_template(template)
        tokenizer = self.processor.tokenizer
        self.yes, self.no = answer_id(tokenizer, template.yes), answer_id(tokenizer, template.no)

    def score(self, query: Content, passages: Sequence[Content]) -> list[float]:
        return [self._pair(query, passage) for passage in passages]

    def inputs(self, query: Content, passage: Content) -> Any:
        """The model's input for one pair."""
        messages = [
            {"role": "query", "content": [{"type": "text", "text": query.text}]},
            {
                "role": "document",
                "content": [
                    *({"type": "image"} for _ in passage.images),
                    *([{"type": "text", "text": passage.text}] if passage.text else []),
                ],
            },
        ]
        prompt = self.processor.apply_chat_template(messages, chat_template=self.frame, tokenize=False)
        pictures = [opened(image.data or b"") for image in passage.images]
        return self.processor(text=[prompt], images=pictures or None, return_tensors="pt")

    @torch.inference_mode()
    def _pair(self, query: Content, passage: Content) -> float:
        inputs = self.inputs(query, passage).to(self.device)
        logits = self.model(**inputs, use_cache=False).logits[0, -1].float()
        return float(logits[self.yes] - logits[self.no])


def answer_id(tokenizer: Any, word: str) -> int:
    """The one token that a word is. Raises ValueError where it is several."""
    ids = tokenizer.encode(word, add_special_tokens=False)
    if len(ids) != 1:
        raise ValueError(f"{word!r} is {len(ids)} tokens of this checkpoint; one is needed")
    return int(ids[0])
