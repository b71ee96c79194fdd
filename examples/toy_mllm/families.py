"""Families: a scene, scenes that differ from it in exactly one attribute, and what each claim says of each of them."""

from random import Random
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toy_mllm.claims import Claim, Kind, described, scene_about
from toy_mllm.scenes import Attribute, Scene, changes

SIZE = 4
"""Scenes in a family, and claims: each scene has one that is true of it."""

Split = Literal["train", "tuning", "test"]


class Family(NamedTuple):
    """``scenes`` of which the first is the base; ``claims``, the i-th true of the i-th scene."""

    scenes: tuple[Scene, ...]
    claims: tuple[Claim, ...]


def seed_of(split: str, seed: int, number: int) -> str:
    """What a split's random numbers begin with: no two splits, seeds or numbers share any."""
    return f"{split}-{seed}-{number}"


def hard_negatives(claim: Claim, scene: Scene, random: Random, wanted: int) -> list[tuple[Attribute, Scene]]:
    """Up to that many scenes one attribute away of which the claim is false, every attribute as often as can be."""
    found: dict[Attribute, list[Scene]] = {}
    for attribute, changed in changes(scene, random):
        if not claim.holds(changed):
            found.setdefault(attribute, []).append(changed)
    for scenes in found.values():
        random.shuffle(scenes)
    chosen: list[tuple[Attribute, Scene]] = []
    while found and len(chosen) < wanted:
        for attribute in random.sample(sorted(found), len(found)):
            chosen.append((attribute, found[attribute].pop()))
            if not found[attribute]:
                del found[attribute]
    return chosen[:wanted]


def family(kind: Kind, random: Random) -> Family:
    """A random family of ``SIZE`` scenes about one kind of claim."""
    while True:
        scene, claim = scene_about(kind, random)
        others = [other for _, other in hard_negatives(claim, scene, random, 2 * SIZE)]
        pairs = [(other, said) for other in others if (said := described(other, kind, random))][: SIZE - 1]
        if len(pairs) == SIZE - 1:
            return Family((scene, *(other for other, _ in pairs)), (claim, *(said for _, said in pairs)))


def truth(claims: tuple[Claim, ...], scenes: tuple[Scene, ...]) -> NDArray[np.bool_]:
    """Which claim holds of which scene, of shape (claims, scenes)."""
    return np.array([[claim.holds(scene) for scene in scenes] for claim in claims])
