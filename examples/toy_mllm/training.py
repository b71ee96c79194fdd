"""Training that can be killed at any moment and taken up again with the same numbers as if it had not been."""

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import Module

from tamis.core.errors import BadInput

Loss = Callable[[int], Iterable[tuple[Tensor, float]]]
"""What a step minimises, in parts whose sum it is, each with the number that is written down for it."""


class Course(Protocol):
    """A dataclass that says how many optimiser steps there are and how large each is."""

    @property
    def steps(self) -> int: ...

    @property
    def rate(self) -> float: ...

    def learning_rate(self, step: int) -> float: ...


WEIGHT_DECAY = 0.01
LONGEST_GRADIENT = 1.0
SAVED_EVERY = 250
_STATE = "training.pt"


class Trained(NamedTuple):
    """``losses`` of every step, and the processor seconds that all of them took, over all runs."""

    losses: list[float]
    seconds: float


def train(
    model: Module,
    loss: Loss,
    course: Course,
    folder: Path | None = None,
    *,
    resume: bool = False,
    stop: int | None = None,
    every: int = SAVED_EVERY,
    told: Callable[[int, float], None] | None = None,
) -> Trained:
    """Trains ``model`` in place; with a ``folder`` its state is written there every so many steps, whole or not at all.

    ``resume`` takes up what is there, if anything is. ``stop`` ends after that step, as a kill would. Raises BadInput
    where what is there belongs to another course.
    """
    optimizer = torch.optim.AdamW(learnt(model).values(), course.rate, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY)
    losses: list[float] = []
    spent = 0.0
    if folder is not None and resume and (folder / _STATE).is_file():
        losses, spent = _load(folder / _STATE, model, optimizer, course)
    model.train()
    start = time.process_time()
    for step in range(len(losses), min(course.steps, stop or course.steps)):
        losses.append(_step(model, optimizer, loss, course, step))
        if told is not None:
            told(step, losses[-1])
        if folder is not None and ((step + 1) % every == 0 or step + 1 == course.steps):
            _save(folder / _STATE, model, optimizer, course, losses, spent + time.process_time() - start)
    model.eval()
    return Trained(losses, spent + time.process_time() - start)


def seconds_a_step(model: Module, loss: Loss, course: Course, steps: int = 12) -> float:
    """How many processor seconds a step takes, measured on a copy; the first two are not counted."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), course.rate)
    model.train()
    start = 0.0
    for step in range(steps):
        if step == 2:
            start = time.process_time()
        # From the middle of the course, where the questions are of all kinds.
        _step(model, optimizer, loss, course, course.steps // 2 + step)
    seconds = (time.process_time() - start) / (steps - 2)
    model.load_state_dict(before)
    return seconds


def learnt(model: Module) -> dict[str, torch.nn.Parameter]:
    """The weights that training changes: under LoRA a small part of all."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def _step(model: Module, optimizer: torch.optim.Optimizer, loss: Loss, course: Course, step: int) -> float:
    for group in optimizer.param_groups:
        group["lr"] = course.learning_rate(step)
    optimizer.zero_grad()
    total = 0.0
    for minimised, written in loss(step):
        minimised.backward()  # type: ignore[no-untyped-call]
        total += written
    torch.nn.utils.clip_grad_norm_(learnt(model).values(), LONGEST_GRADIENT)
    optimizer.step()
    return total


def _save(
    path: Path, model: Module, optimizer: torch.optim.Optimizer, course: Any, losses: list[float], seconds: float
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "model": learnt(model),
        "optimizer": optimizer.state_dict(),
        "course": json.dumps(asdict(course)),
        "losses": losses,
        "seconds": seconds,
    }
    written = path.with_suffix(".new")
    with written.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    written.replace(path)


def _load(path: Path, model: Module, optimizer: torch.optim.Optimizer, course: Any) -> tuple[list[float], float]:
    try:
        state = torch.load(path, weights_only=True)
        before = json.loads(state["course"])
        now = json.loads(json.dumps(asdict(course)))
        if before != now:
            differs = ", ".join(
                f"{name} {before.get(name)!r} then, {now[name]!r} now" for name in now if before.get(name) != now[name]
            )
            raise BadInput(
                f"{path}: was written by another course ({differs}); resume with its settings, or start anew"
            )
        missing, unexpected = model.load_state_dict(state["model"], strict=False)
        if unexpected or set(missing) & set(learnt(model)):
            raise BadInput(f"{path}: belongs to another model")
        optimizer.load_state_dict(state["optimizer"])
        return list(state["losses"]), float(state["seconds"])
    except (OSError, EOFError, LookupError, RuntimeError, ValueError, UnpicklingError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path}: is no state of a training: {error}") from error
