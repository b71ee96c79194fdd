"""Teaches a small multimodal LLM to rerank pictures, from nothing, and a real one from your own pairs.

    python examples/train_toy_mllm.py                            # a look at the task, some seconds
    python examples/train_toy_mllm.py --quick                    # one seed, about two minutes: it ranks
    python examples/train_toy_mllm.py --seeds 5 --minutes 5      # processor minutes, for each side of each seed
    python examples/train_toy_mllm.py --model NAME_OR_FOLDER --data pairs.jsonl --test held_out.jsonl \\
        --folder tuned --lora-r 16 --lora-alpha 32

A LLaVA built from its configuration (a CLIP image tower and a Llama, half a million weights together) learns in the
manner of RagVL: image first, then the question, then Yes or No, with the binary cross-entropy of the two logits.
Pictures are drawn as training goes: coloured shapes and signs, with captions and questions about things, pairs of
things, counts, relations and words, and with hard negatives that differ in exactly one attribute. Training, tuning and
test pictures come from seeds of their own. What it learnt is measured through ``MLLMReranker`` on LlamaIndex nodes.

The bi-encoder beside it has the same image tower, a text tower as deep as the Llama, InfoNCE with the same hard
negatives, the same captions, and the same processor time. RagVL's adaptive threshold is fitted on tuning lists and
measured on test lists. ``--resume`` takes up a run that was killed, with the same numbers as if it had not been.

The last form adapts a real checkpoint with LoRA (``pip install peft``). Each line of the data is
``{"query", "image"?, "text"?, "query_image"?, "label"}``: a passage is an image (a path beside the file), a text or
both, and its label is 1 where it answers the query, else 0. The adapter is written as safetensors, and a merged
checkpoint, which ``MLLMReranker(model=FOLDER)`` takes.

Prints:

    where is a blue circle? Near misses differ 4 in colour, 3 in shape
    where is a green cross and a red square? Near misses differ 4 in colour, 3 in shape
    where are four red squares? Near misses differ 2 in colour, 3 in count, 2 in shape
    where is a purple square left of a purple cross? Near misses differ 2 in colour, 2 in relation, 3 in shape
    where is a sign that says bus? Near misses differ 7 in text
    30 steps: the loss falls
    MLLMReranker ranks 16 pictures as the model in training does: yes
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from toy_mllm.comparison import Plan, compare
from toy_mllm.look import look
from toy_mllm.report import figures, table

QUICK = Plan(steps=400, lists=80, stages=((0.75, ("thing",)),))


def main(arguments: list[str] | None = None) -> None:
    """Reads the arguments and does one of three things: compares, adapts, or shows what it is about."""
    given = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args(given)
    with quiet(options.threads):
        if options.data is not None or options.model is not None:
            tune(options)
        elif given:
            compete(options)
        else:
            look(print)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    add = found.add_argument
    add("--quick", action="store_true", help="one seed and few steps")
    add("--seeds", type=int, default=1, help="how many seeds")
    add("--first-seed", type=int, default=0)
    add("--minutes", type=float, help="processor minutes of training for each side (default: 5)")
    add("--steps", type=int, help="optimiser steps of the VLM, instead of minutes")
    add("--lists", type=int, help="test lists a seed (default: 250)")
    add(
        "--threads",
        type=int,
        default=1,
        help="threads of PyTorch (default: 1; the toy's matrices are too small for more)",
    )
    add("--folder", type=Path, help="where checkpoints are written (default: a temporary folder)")
    add("--resume", action="store_true", help="take up what is in the folder")
    add("--json", action="store_true", help="print figures instead of a table")
    lora = found.add_argument_group("a real checkpoint")
    lora.add_argument("--model", help="a Hugging Face name or a folder")
    lora.add_argument("--data", type=Path, help="pairs to train on, JSON lines")
    lora.add_argument("--test", type=Path, help="pairs to measure on, JSON lines")
    lora.add_argument("--template", help="name or file of a prompt template (default: the checkpoint's, else tamis)")
    lora.add_argument("--lora-r", type=int, default=16)
    lora.add_argument("--lora-alpha", type=int, default=32)
    lora.add_argument("--rate", type=float, default=4e-5, help="learning rate")
    lora.add_argument("--epochs", type=int, default=1)
    lora.add_argument("--batch", type=int, default=4, help="pairs at once")
    lora.add_argument("--accumulate", type=int, default=4, help="batches in a step")
    lora.add_argument("--warmup", type=float, default=0.03, help="share of the steps")
    return found


@contextmanager
def quiet(threads: int) -> Iterator[None]:
    """No progress bars of Transformers, and so many threads of PyTorch."""
    import torch
    from transformers.utils import logging

    before, was_on = torch.get_num_threads(), logging.is_progress_bar_enabled()
    torch.set_num_threads(threads)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if was_on:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def say(line: str) -> None:
    """Progress goes to standard error."""
    print(line, file=sys.stderr, flush=True)


def compete(options: argparse.Namespace) -> None:
    """Trains both sides for every seed and prints what they are worth."""
    plan = plan_of(options)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        results = [compare(seed, plan, folder / f"seed-{seed}", options.resume, say) for seed in seeds]
    found = figures(results, plan)
    print(json.dumps(found, indent=2) if options.json else table(found))


def plan_of(options: argparse.Namespace) -> Plan:
    """The plan that the options ask for."""
    plan = QUICK if options.quick else Plan()
    asked: dict[str, Any] = {"lists": options.lists, "minutes": options.minutes, "steps": options.steps}
    if options.minutes is not None and options.steps is None:
        plan = replace(plan, steps=None)
    return replace(plan, **{name: value for name, value in asked.items() if value is not None})


def tune(options: argparse.Namespace) -> None:
    """Adapts a checkpoint to pairs of one's own and measures it before and after."""
    from toy_mllm.lora import Recipe, fine_tune, pairs_in_order, scorer_of
    from toy_mllm.pairs import read_rows

    if options.model is None or options.data is None:
        parser().error("a real checkpoint needs both --model and --data")
    if options.folder is None:
        parser().error("a real checkpoint needs --folder, where the adapter is written")
    rows = read_rows(options.data)
    test = None if options.test is None else read_rows(options.test)
    recipe = Recipe(
        rank=options.lora_r,
        scale=options.lora_alpha,
        rate=options.rate,
        epochs=options.epochs,
        batch=options.batch,
        accumulate=options.accumulate,
        warmup=options.warmup,
        seed=options.first_seed,
    )
    found: dict[str, Any] = {"model": options.model, "rows": len(rows)}
    if test is not None:
        found["pairs_in_order_before"] = pairs_in_order(scorer_of(options.model, options.test, options.template), test)
    tuned = fine_tune(
        scorer_of(options.model, options.data, options.template),
        rows,
        recipe,
        options.folder,
        options.resume,
        lambda step, loss: say(f"step {step + 1}: loss {loss:.4f}"),
    )
    losses = tuned.trained.losses
    found |= {"steps": len(losses), "first_loss": losses[0], "last_loss": losses[-1]}
    if test is not None:
        after = scorer_of(str(tuned.merged), options.test, options.template)
        found["pairs_in_order_after"] = pairs_in_order(after, test)
    found |= {"adapter": str(tuned.adapter), "merged": str(tuned.merged)}
    print(
        json.dumps(found, indent=2) if options.json else "\n".join(f"{name}: {value}" for name, value in found.items())
    )


if __name__ == "__main__":
    main()
