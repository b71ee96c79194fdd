"""A course: which families are trained on at each step, and at what learning rate."""

from dataclasses import dataclass
from random import Random

from toy_mllm.claims import KINDS, Kind
from toy_mllm.families import SIZE, Family, family, seed_of, truth
from toy_mllm.packed import Batch

STRANGERS = 2
"""Questions about another family that every picture is also asked: easy negatives, mostly."""


Stages = tuple[tuple[float, tuple[Kind, ...]], ...]
STAGES: Stages = ((0.1, ("thing",)), (0.25, ("thing", "text")))
"""What a thing looks like is learnt first, then words, then what is said of several things."""


@dataclass(frozen=True)
class Course:
    """``steps`` optimiser steps of AdamW with that learning rate, of ``families`` families each.

    The rate rises over the first ``warmup`` steps and falls to zero over the last ``decay`` of all. What is asked
    about comes in ``stages``: (until which share of the steps, kinds of claims), then all kinds.
    """

    steps: int
    seed: int = 0
    rate: float = 2e-3
    families: int = 4
    warmup: int = 50
    decay: float = 0.4
    stages: Stages = STAGES

    def learning_rate(self, step: int) -> float:
        """The rate of that step, the first being 0."""
        rest = (self.steps - step) / max(1.0, self.steps * self.decay)
        return self.rate * min(1.0, (step + 1) / self.warmup, rest)

    def batch(self, step: int) -> list[Family]:
        """The step's families: they depend on the seed and the step alone, so that a run can be taken up anywhere."""
        random = Random(seed_of("train", self.seed, step))
        done = step / self.steps
        kinds = next((kinds for until, kinds in self.stages if done < until), KINDS)
        first = step * self.families
        return [family(kinds[(first + at) % len(kinds)], random) for at in range(self.families)]


def asked(families: list[Family], seed: str) -> Batch:
    """Every picture of every family with the family's own questions and ``STRANGERS`` of the next family's."""
    random = Random(seed)
    scenes, texts, labels = [], [], []
    for at, one in enumerate(families):
        claims = (*one.claims, *families[(at + 1) % len(families)].claims[:STRANGERS])
        words = [claim.words(random.random() < 0.5) for claim in claims]
        for scene, said in zip(one.scenes, truth(claims, one.scenes).T.tolist(), strict=True):
            scenes.append(scene)
            texts.append(words)
            labels.append(said)
    return Batch(scenes, texts, labels)


def pairs_in(families: int) -> int:
    """How many (question, picture) pairs ``asked`` makes of so many families."""
    return families * SIZE * (SIZE + STRANGERS)
