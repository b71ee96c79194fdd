"""The other side: an image tower and a text tower that never see each other, taught with the same pictures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import normalize

from toy_mllm.checkpoint import END, PAD, Size, drawn, vision_settings
from toy_mllm.claims import Claim, described_in_full
from toy_mllm.families import Family, truth
from toy_mllm.packed import pixel_tensor
from toy_mllm.scenes import Scene


class BiEncoder(Module):
    """A CLIP built from its configuration: the image tower is the VLM's, the text tower as deep as its language model.

    The loss is InfoNCE both ways over all questions and pictures of a batch, so that a picture one attribute away is
    a negative of every question. What a question is also true of is left out of its negatives. The full descriptions
    are a second set of texts, of which each is about its own picture: this side too has all that the VLM is told.
    """

    def __init__(self, size: Size, words: Any, seed: int) -> None:
        from transformers import CLIPConfig, CLIPModel, CLIPTextConfig

        super().__init__()
        self.words = words
        text = CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=size.width,
            intermediate_size=2 * size.width,
            projection_dim=size.width,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            max_position_embeddings=64,
            bos_token_id=None,
            eos_token_id=words.convert_tokens_to_ids(END),
            pad_token_id=words.convert_tokens_to_ids(PAD),
        )
        config = CLIPConfig(text_config=text.to_dict(), vision_config=vision_settings(size), projection_dim=size.width)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = drawn(CLIPModel(config))

    def text_vectors(self, texts: Sequence[str]) -> Tensor:
        """Unit vectors of shape (texts, width)."""
        tokens = self.words([f"{text} {END}" for text in texts], padding=True, return_tensors="pt")
        found = self.model.text_model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])
        return normalize(self.model.text_projection(found.pooler_output), dim=-1)

    def image_vectors(self, scenes: Sequence[Scene]) -> Tensor:
        """Unit vectors of shape (scenes, width)."""
        found = self.model.vision_model(pixel_values=pixel_tensor(scenes))
        return normalize(self.model.visual_projection(found.pooler_output), dim=-1)

    def loss(self, families: Sequence[Family], questions: Sequence[bool]) -> tuple[Tensor, float]:
        """What is minimised, and the part of it that is about questions; ``questions[i]``: how claim i is worded."""
        scenes = tuple(scene for one in families for scene in one.scenes)
        claims = tuple(claim for one in families for claim in one.claims)
        images = self.image_vectors(scenes)
        wholes = [described_in_full(scene) for scene in scenes]
        texts = [claim.words(question) for claim, question in zip(claims, questions, strict=True)]
        vectors = self.text_vectors([*texts, *wholes])
        scale = self.model.logit_scale.exp().clamp(max=100.0)
        asked = info_nce(scale * vectors[: len(texts)] @ images.T, torch.from_numpy(truth(claims, scenes)))
        same = torch.tensor([[one == other for other in wholes] for one in wholes])
        told = info_nce(scale * vectors[len(texts) :] @ images.T, same)
        return asked + told, asked.item()

    @torch.no_grad()
    def log_odds(self, claim: Claim, scenes: Sequence[Scene], question: bool) -> NDArray[np.float32]:
        """How near each scene is to the claim, of shape (scenes,): the scaled cosine, which ranks."""
        near = self.text_vectors([claim.words(question)]) @ self.image_vectors(scenes).T
        found: NDArray[np.float32] = (self.model.logit_scale.exp() * near)[0].numpy()
        return found


def info_nce(logits: Tensor, true: Tensor) -> Tensor:
    """InfoNCE of the pairs on the diagonal against what is not true in their row, and in their column.

    ``logits`` and ``true`` have the shape (n, n).
    """
    own = torch.eye(len(logits), dtype=torch.bool)
    kept = logits.masked_fill(true & ~own, float("-inf"))
    pairs = kept.diagonal()
    return (kept.logsumexp(dim=1) - pairs).mean() / 2 + (kept.logsumexp(dim=0) - pairs).mean() / 2
