"""Fine-tunes a real checkpoint to judge pairs of one's own, with LoRA adapters on its language model."""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from tamis.core.content import Content
from tamis.core.errors import BadInput, TamisError
from tamis.core.media import MediaPolicy
from tamis.models.mllm import TransformersScorer
from toy_mllm.pairs import Row, step_rows
from toy_mllm.training import Trained, train

LEFT_ALONE = ("visual", "vision", "projector", "connector", "lm_head")
"""Parts that get no adapter: the vision tower, what joins it to the language model, and the head."""


@dataclass(frozen=True)
class Recipe:
    """LoRA's rank and scale, and the optimiser's settings. The defaults are RagVL's for InternVL2-2B (its LoRA 16,
    4e-5, batch 16, 1 epoch); for LLaVA-1.5-13B it took rank 128, scale 256, 2e-4, and 2 epochs on WebQA.

    A step sees ``batch * accumulate`` pairs. The rate rises over the first ``warmup`` of all steps and falls by a
    cosine to zero.
    """

    rank: int = 16
    scale: int = 32
    rate: float = 4e-5
    epochs: int = 1
    batch: int = 4
    accumulate: int = 4
    warmup: float = 0.03
    seed: int = 0


@dataclass(frozen=True)
class LoraCourse:
    """The recipe for so many steps."""

    steps: int
    rate: float
    recipe: Recipe

    def learning_rate(self, step: int) -> float:
        """The rate of that step, the first being 0."""
        rising = max(1, round(self.recipe.warmup * self.steps))
        if step < rising:
            return self.rate * (step + 1) / rising
        return self.rate * (1 + math.cos(math.pi * (step - rising) / max(1, self.steps - rising))) / 2


class Judge(torch.nn.Module):
    """A checkpoint with LoRA adapters, asked exactly as ``TransformersScorer`` will ask it afterwards.

    Prompts and pixels come from the scorer itself. Every pair goes through the model alone, without padding, which all
    architectures take.
    """

    def __init__(self, scorer: TransformersScorer, recipe: Recipe) -> None:
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as error:
            raise ImportError("LoRA needs peft: pip install 'peft>=0.17'") from error
        super().__init__()
        self.runtime = scorer.load()
        model = self.runtime.checkpoint.model
        linear = [
            name
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and not any(part in name for part in LEFT_ALONE)
        ]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            settings = LoraConfig(r=recipe.rank, lora_alpha=recipe.scale, target_modules=linear)
            with warnings.catch_warnings():
                # peft asks Transformers by a name that is on its way out.
                warnings.simplefilter("ignore", FutureWarning)
                self.model: Any = get_peft_model(model, settings)
        self.takes = set(_arguments(model))
        token = self.runtime.encoder.visual.token_id
        self.image_token = -1 if token is None else token

    def forward(self, row: Row) -> Tensor:
        """Log-odds of one pair, of shape (). Raises what the scorer would log: an image that does not open, say."""
        encoded = self.runtime.encoded(row.query, [row.passage])[0]
        if isinstance(encoded, TamisError):
            raise encoded
        device = self.runtime.checkpoint.device
        ids = torch.from_numpy(encoded.ids)[None].to(device)
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        pixels = [self.runtime.pictures.processed(placed.picture).inputs for placed in encoded.images]
        for name in pixels[0] if pixels else ():
            if name in self.takes:
                inputs[name] = torch.cat([one[name] for one in pixels]).to(device)
        for name in ("mm_token_type_ids", "token_type_ids"):
            if pixels and name in self.takes:
                inputs[name] = torch.isin(ids, self.image_token).int()
        if "logits_to_keep" in self.takes:
            inputs["logits_to_keep"] = 1
        logits = self.model(**inputs, use_cache=False).logits[0, -1].float()
        answers = self.runtime.frame.answers
        log_odds: Tensor = logits[answers.yes] - (0.0 if answers.no is None else logits[answers.no])
        return log_odds


def _arguments(model: Any) -> Sequence[str]:
    from inspect import signature

    return list(signature(model.forward).parameters)


class Tuned(NamedTuple):
    """What fine-tuning came to: the losses of its steps, and the folders of the adapter and of the merged model."""

    trained: Trained
    adapter: Path
    merged: Path


def fine_tune(
    scorer: TransformersScorer,
    rows: Sequence[Row],
    recipe: Recipe,
    folder: Path,
    resume: bool = False,
    told: Callable[[int, float], None] | None = None,
) -> Tuned:
    """Trains adapters on the rows; writes them as safetensors, and a merged checkpoint that the scorer loads."""
    judge = Judge(scorer, recipe)
    each = recipe.batch * recipe.accumulate
    course = LoraCourse(math.ceil(len(rows) / each) * recipe.epochs, recipe.rate, recipe)

    def loss(step: int) -> Iterator[tuple[Tensor, float]]:
        chosen = step_rows(rows, each, recipe.seed, step)
        for start in range(0, len(chosen), recipe.batch):
            part = chosen[start : start + recipe.batch]
            log_odds = torch.stack([judge(row) for row in part])
            labels = torch.tensor([float(row.label) for row in part], device=log_odds.device)
            mean = binary_cross_entropy_with_logits(log_odds, labels, reduction="sum") / len(chosen)
            yield mean, mean.item()

    trained = train(judge, loss, course, folder, resume=resume, told=told, every=50)
    adapter, merged = folder / "adapter", folder / "merged"
    judge.model.save_pretrained(str(adapter))
    checkpoint = judge.runtime.checkpoint
    judge.model.merge_and_unload().save_pretrained(merged)
    for part in (checkpoint.processor or checkpoint.image_processor, checkpoint.tokenizer):
        if part is not None:
            part.save_pretrained(merged)
    return Tuned(trained, adapter, merged)


def pairs_in_order(scorer: TransformersScorer, rows: Sequence[Row]) -> float:
    """How often a passage that answers a query scores above one that does not, over all such pairs of one query.

    In [0, 1]; 0.5 is chance, and what a tie counts. Raises BadInput where no query has both.
    """
    queries: dict[Content, list[Row]] = {}
    for row in rows:
        queries.setdefault(row.query, []).append(row)
    right: list[float] = []
    for query, some in queries.items():
        scores = scorer.score(query, [row.passage for row in some])
        known = [(score, row.label) for score, row in zip(scores, some, strict=True) if score is not None]
        good, bad = ([score for score, label in known if label is wanted] for wanted in (True, False))
        right += [1.0 if one > other else 0.5 if one == other else 0.0 for one in good for other in bad]
    if not right:
        raise BadInput("no query has both a passage that answers it and one that does not")
    return sum(right) / len(right)


def scorer_of(model: str, data: Path, template: str | None = None) -> TransformersScorer:
    """The scorer of a checkpoint that may open the images beside the data."""
    return TransformersScorer(model, template=template, media=MediaPolicy(roots=(str(data.parent.resolve()),)))
