"""Candidate lists of a split: a question, pictures that answer it, ones that miss it by one attribute, and others."""

from random import Random
from typing import NamedTuple

from toy_mllm.claims import KINDS, Claim, Kind, scene_about
from toy_mllm.families import Split, hard_negatives, seed_of
from toy_mllm.scenes import Scene, changes

LENGTH = 16
HARD = 7
MOST_RELEVANT = 4


class CandidateList(NamedTuple):
    """A claim, asked as a question or not, and its candidates; ``relevant[i]`` where it is true of ``scenes[i]``."""

    claim: Claim
    question: bool
    scenes: tuple[Scene, ...]
    relevant: tuple[bool, ...]

    @property
    def text(self) -> str:
        """The query."""
        return self.claim.words(self.question)


def ranking_lists(split: Split, seed: int, number: int) -> list[CandidateList]:
    """Lists with one relevant picture among ``LENGTH``; each kind of claim comes equally often."""
    return [_list(f"{split}-ranking", seed, at, 1) for at in range(number)]


def context_lists(split: Split, seed: int, number: int) -> list[CandidateList]:
    """Lists with none to ``MOST_RELEVANT`` relevant pictures, so that no fixed number of them is right for all."""
    return [_list(f"{split}-context", seed, at, at // len(KINDS) % (MOST_RELEVANT + 1)) for at in range(number)]


def _list(split: str, seed: int, at: int, relevant: int) -> CandidateList:
    random = Random(seed_of(split, seed, at))
    scene, claim, hard = _base(KINDS[at % len(KINDS)], random)
    good = [scene, *_also_true(claim, scene, random, MOST_RELEVANT - 1)][:relevant]
    bad = list(hard)
    while len(good) + len(bad) < LENGTH:
        other, _ = scene_about(random.choice(KINDS), random)
        if not claim.holds(other):
            bad.append(other)
    scenes = random.sample([*good, *bad], LENGTH)
    return CandidateList(claim, random.random() < 0.5, tuple(scenes), tuple(claim.holds(scene) for scene in scenes))


def _base(kind: Kind, random: Random) -> tuple[Scene, Claim, list[Scene]]:
    """A scene, a claim that is true of it, and ``HARD`` scenes one attribute away of which it is false."""
    while True:
        scene, claim = scene_about(kind, random)
        hard = [other for _, other in hard_negatives(claim, scene, random, HARD)]
        if len(hard) == HARD:
            return scene, claim, hard


def _also_true(claim: Claim, scene: Scene, random: Random, wanted: int) -> list[Scene]:
    """Scenes one attribute away of which the claim is still true."""
    found = [changed for _, changed in changes(scene, random) if claim.holds(changed)]
    return random.sample(found, min(wanted, len(found)))
