"""Many questions about one image in one row: the image is read once, and each question sees it and itself alone."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from toy_mllm.checkpoint import ANSWER, DESCRIBE, END, IMAGE, NO, YES, frame
from toy_mllm.claims import Claim, described_in_full
from toy_mllm.families import SIZE
from toy_mllm.scenes import COLOURS, DEVIATION, MEAN, SHAPES, WORDS, Scene

NOTHING = -100
CONTENT = (*COLOURS, *SHAPES, *WORDS)
"""The words that can be seen in a picture."""

RANKED = 0.5
"""How much of the loss is about order within a family: it gets learning off the ground in half the steps."""


class Batch(NamedTuple):
    """``scenes[i]`` with ``texts[i]``, the questions asked of it, and ``labels[i]``, which of them it answers."""

    scenes: Sequence[Scene]
    texts: Sequence[Sequence[str]]
    labels: Sequence[Sequence[bool]]


class Rows(NamedTuple):
    """Rows of tokens, each of shape (images, length), and ``answers`` of shape (images, questions).

    ``parts`` is 0 for the image and what all questions share, k for the k-th question, -1 for padding; ``targets`` is
    the token that comes next where it is to be learnt; ``answers`` are the places that say Yes or No.
    """

    ids: Tensor
    parts: Tensor
    positions: Tensor
    targets: Tensor
    answers: Tensor

    def mask(self) -> Tensor:
        """What each token sees, as what is added to attention, of shape (images, 1, length, length)."""
        length = self.ids.shape[1]
        before = torch.ones(length, length, dtype=torch.bool).tril()
        seen = before & ((self.parts[:, None, :] == 0) | (self.parts[:, None, :] == self.parts[:, :, None]))
        return torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)[:, None]


class YesNo(Module):
    """The VLM with its tokenizer: how relevant images are to questions, and the loss that teaches it.

    The loss is the binary cross-entropy of logit(Yes) - logit(No), as RagVL's; half of the cross-entropy of picking a
    question's own picture out of its family by the same log-odds; and that of the words which describe the picture:
    those of a full description, those of questions that it answers, and, in the picture itself, ``grounding``. A VLM is
    pretrained on captions before it learns to judge; here both are learnt at once, from the same pictures.
    """

    def __init__(self, model: Any, words: Any, visual_tokens: int) -> None:
        super().__init__()
        self.model = model
        self.words = words
        ids = words.convert_tokens_to_ids
        before, behind = frame()
        self.prefix = [ids(IMAGE)] * visual_tokens + self.encoded(before)
        self.suffix = [*self.encoded(behind), ids(ANSWER)]
        self.visual_tokens = visual_tokens
        self.yes, self.no = ids(YES), ids(NO)
        self.content = ids(list(CONTENT))

    def encoded(self, text: str) -> list[int]:
        """The text's token ids."""
        return list(token_ids(self.words, text))

    def rows(self, batch: Batch, describe: bool) -> Rows:
        """The batch in rows; with ``describe`` each ends with the picture's description."""
        written = [self._row(*one, describe) for one in zip(*batch, strict=True)]
        length = max(len(row.ids) for row in written)
        filled = [
            torch.tensor([row[at] + [empty] * (length - len(row.ids)) for row in written])
            for at, empty in enumerate((0, -1, 0, NOTHING))
        ]
        ids, parts, positions, targets = filled
        return Rows(ids, parts, positions, targets, torch.tensor([row.answers for row in written]))

    def _row(self, scene: Scene, texts: Sequence[str], labels: Sequence[bool], describe: bool) -> "_Row":
        start = len(self.prefix)
        row = _Row(list(self.prefix), [0] * start, list(range(start)), [NOTHING] * start, [])
        for text, label in zip(texts, labels, strict=True):
            words = self.encoded(text)
            row.add([*words, *self.suffix], [*words[1:], NOTHING] if label else [], start)
            row.answers.append(len(row.ids) - 1)
        if describe:
            words = self.encoded(f"{DESCRIBE} {described_in_full(scene)} {END}")
            row.add(words, words[1:], start)
        return row

    def forward(self, batch: Batch, describe: bool = False) -> tuple[Tensor, Tensor | None]:
        """Log-odds of shape (images, questions), and the loss of the words where they are asked for."""
        rows = self.rows(batch, describe)
        inner = self.model.model
        seen = inner.multi_modal_projector(inner.vision_tower(pixel_tensor(batch.scenes)).last_hidden_state[:, 1:])
        text = self.model.get_input_embeddings()(rows.ids[:, self.visual_tokens :])
        states = inner.language_model(
            inputs_embeds=torch.cat([seen, text], dim=1),
            attention_mask=rows.mask(),
            position_ids=rows.positions,
            use_cache=False,
        ).last_hidden_state
        head = self.model.lm_head.weight
        last = states.gather(1, rows.answers[..., None].expand(-1, -1, states.shape[-1]))
        log_odds = last @ (head[self.yes] - head[self.no])
        if not describe:
            return log_odds, None
        told = rows.targets != NOTHING
        words = cross_entropy(states[told] @ head.T, rows.targets[told])
        return log_odds, words + self.grounding(seen, batch.scenes)

    def grounding(self, seen: Tensor, scenes: Sequence[Scene]) -> Tensor:
        """How badly the visual tokens, of shape (images, tokens, width), tell which words describe the picture.

        A word is there where any visual token is near its embedding. Real VLMs begin with an image tower that knows
        words, as CLIP's does; this one learns them on the way.
        """
        table = self.model.get_input_embeddings().weight[self.content]
        near = (seen @ table.T / table.shape[1] ** 0.5).logsumexp(dim=1)
        there = torch.zeros(len(scenes), len(self.content))
        for at, scene in enumerate(scenes):
            said = described_in_full(scene).split()
            there[at] = torch.tensor([float(word in said) for word in CONTENT])
        return binary_cross_entropy_with_logits(near, there)

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """What is minimised, and the part of it that is about Yes and No."""
        log_odds, words = self(batch, describe=True)
        labels = torch.tensor(batch.labels)
        judged = binary_cross_entropy_with_logits(log_odds, labels.float())
        return judged + RANKED * listwise(log_odds, labels) + words, judged.item()

    @torch.no_grad()
    def log_odds(self, claim: Claim, scenes: Sequence[Scene], question: bool) -> NDArray[np.float32]:
        """How relevant each scene is to the claim, of shape (scenes,)."""
        texts, labels = [[claim.words(question)]] * len(scenes), [[False]] * len(scenes)
        found: NDArray[np.float32] = self(Batch(scenes, texts, labels))[0][:, 0].numpy()
        return found


class _Row(NamedTuple):
    ids: list[int]
    parts: list[int]
    positions: list[int]
    targets: list[int]
    answers: list[int]

    def add(self, ids: list[int], targets: list[int], start: int) -> None:
        """Puts a question, or the description, at the end."""
        part = max(self.parts[-1], 0) + 1
        self.ids.extend(ids)
        self.parts.extend([part] * len(ids))
        self.positions.extend(range(start, start + len(ids)))
        self.targets.extend([*targets, *[NOTHING] * (len(ids) - len(targets))])


def listwise(log_odds: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of choosing the k-th picture of a family for its k-th question by the log-odds.

    Both have the shape (pictures, questions); other pictures that answer the question too are left out.
    """
    scores = log_odds.view(-1, SIZE, log_odds.shape[1])[:, :, :SIZE]
    true = labels.view(-1, SIZE, labels.shape[1])[:, :, :SIZE]
    scores = scores.masked_fill(true & ~torch.eye(SIZE, dtype=torch.bool), float("-inf"))
    return (scores.logsumexp(dim=1) - scores.diagonal(dim1=1, dim2=2)).mean()


@lru_cache(maxsize=100_000)
def token_ids(words: Any, text: str) -> tuple[int, ...]:
    """The text's token ids; the same few hundred phrases come again and again."""
    return tuple(words(text, add_special_tokens=False)["input_ids"])


def pixel_tensor(scenes: Sequence[Scene]) -> Tensor:
    """The pictures as the image processor makes them, of shape (scenes, 3, 64, 64)."""
    pixels = np.stack([scene.pixels() for scene in scenes]).astype(np.float32)
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous() / 255 - MEAN) / DEVIATION
