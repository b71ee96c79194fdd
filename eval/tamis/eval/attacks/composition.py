"""Several attacks at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

from tamis.core.errors import BadSetting

from ..case import Case, Document
from .attack import Attack, Attacked, Changes
from .material import Material
from .strength import whole


@dataclass(frozen=True)
class Composed:
    """Applies its parts one after the other, each to what the ones before it left of query and documents.

    A strength is a level: at level 1 each part has the first of its strengths, at level 2 the second, and so on, the
    last where it has no more. ``ladders`` are the parts' strengths, one tuple each, those of the parts themselves
    where it is empty. What is realised is the level times the smallest share that a part reached of its strength.
    """

    parts: tuple[Attack, ...]
    ladders: tuple[tuple[float, ...], ...] = ()

    unit: ClassVar[str] = "level of each part's strengths"

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise BadSetting(f"a composed attack has at least two parts, not {len(self.parts)}")
        if self.ladders and (len(self.ladders) != len(self.parts) or not all(self.ladders)):
            raise BadSetting("a composed attack needs at least one strength for each of its parts")

    @property
    def name(self) -> str:
        """The names of the parts, with "+" between them."""
        return "+".join(part.name for part in self.parts)

    @property
    def goal(self) -> str:
        """The goals of the parts."""
        return " ".join(part.goal for part in self.parts)

    @property
    def source(self) -> str:
        """The sources of the parts."""
        return "; ".join(dict.fromkeys(part.source for part in self.parts))

    @property
    def changes(self) -> frozenset[Changes]:
        """All that one of the parts may touch."""
        return frozenset().union(*(part.changes for part in self.parts))

    @property
    def strengths(self) -> tuple[float, ...]:
        """The levels, from 1 to the longest ladder's length."""
        return tuple(float(level) for level in range(1, max(map(len, self._ladders)) + 1))

    @property
    def _ladders(self) -> tuple[tuple[float, ...], ...]:
        return self.ladders or tuple(part.strengths for part in self.parts)

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case under all parts. Raises NotApplicable where one of them does."""
        return self._made(case, strength, material, rng, is_harmful=True)

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case under all parts' controls. Raises NotApplicable where one of them does."""
        return self._made(case, strength, material, rng, is_harmful=False)

    def _made(self, case: Case, strength: float, material: Material, rng: Random, *, is_harmful: bool) -> Attacked:
        level = whole(strength, self.unit)
        generators = [Random(rng.getrandbits(64)) for _ in self.parts]
        now, changed, planted = case, dict[str, Document | None](), list[Document]()
        targets, canaries = list[str](), list[str]()
        reached = 1.0
        for part, ladder, own in zip(self.parts, self._ladders, generators, strict=True):
            asked = ladder[min(level, len(ladder)) - 1] if level else 0.0
            did = (part.apply if is_harmful else part.control)(now, asked, material, own)
            changed |= did.changed
            planted += did.planted
            targets += did.targets
            canaries += did.canaries
            reached = min(reached, did.realised / asked if asked else 1.0)
            kept = (did.changed.get(one.id, one) for one in now.documents)
            now = replace(now, query=did.query, documents=tuple(one for one in kept if one is not None))
        return Attacked(
            now.query,
            changed=changed,
            planted=_distinct(planted),
            targets=tuple(dict.fromkeys(targets)),
            canaries=tuple(dict.fromkeys(canaries)),
            realised=level * reached,
        )


def composed(attacks: Sequence[Attack]) -> Attack:
    """One attack of several, in their order; the one itself where it is alone."""
    return attacks[0] if len(attacks) == 1 else Composed(tuple(attacks))


def _distinct(documents: Sequence[Document]) -> tuple[Document, ...]:
    """The documents with ids that are distinct: an attack that is there twice gives the same ones twice."""
    named: dict[str, Document] = {}
    for document in documents:
        id, number = document.id, 2
        while id in named:
            id, number = f"{document.id}-{number}", number + 1
        named[id] = replace(document, id=id)
    return tuple(named.values())
