"""Captions and images that no longer belong together."""

from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

from tamis.core.content import Content

from ..case import Case, Document
from .attack import Attacked, Changes, NotApplicable
from .material import Material
from .strength import part_of, share

_TRIES = 50


@dataclass(frozen=True)
class MismatchedPairs:
    """Exchanges images among a share of the case's own documents that have both text and images.

    Noisy correspondence (Duan et al. 2024, PC2; the images are permuted among the chosen pairs, and none keeps an
    image that is right for it. Which pairs are wrong is told by ``changed``, each with ``planted`` set. The control
    puts the same documents back as they were: it shows what differs between two runs.
    """

    name: ClassVar[str] = "mismatched-pairs"
    goal: ClassVar[str] = "Have captions stand beside images of something else."
    source: ClassVar[str] = (
        "Duan et al. 2024, PC2: Pseudo-Classification Based Pseudo-Captioning for Noisy Correspondence"
    )
    changes: ClassVar[frozenset[Changes]] = frozenset({"documents"})
    strengths: ClassVar[tuple[float, ...]] = (0.2, 0.4, 0.6)
    unit: ClassVar[str] = "share of pairs"

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case with that share of its pairs mismatched. Raises NotApplicable for fewer than two of them."""
        chosen, realised = self._chosen(case, strength, rng)
        given = _exchanged(chosen, rng)
        changed: dict[str, Document | None] = {
            one.id: replace(one, content=Content(one.content.text, chosen[other].content.images), planted=self.name)
            for one, other in zip(chosen, given, strict=True)
        }
        return Attacked(case.query, changed=changed, realised=realised)

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The same pairs as they were. Raises NotApplicable where the attack does."""
        chosen, realised = self._chosen(case, strength, rng)
        _exchanged(chosen, rng)
        return Attacked(case.query, changed={one.id: one for one in chosen}, realised=realised)

    def _chosen(self, case: Case, strength: float, rng: Random) -> tuple[list[Document], float]:
        part = share(strength, self.unit)
        pairs = [one for one in case.documents if one.content.images and one.content.text.strip()]
        if len(pairs) < 2:
            raise NotApplicable(f"the case has {len(pairs)} documents of its own with text and image; two are needed")
        count = part_of(part, len(pairs))
        if part and count < 2:
            raise NotApplicable(f"{part:g} of {len(pairs)} pairs is {count}, and at least two are needed to exchange")
        return rng.sample(pairs, len(pairs))[:count], count / len(pairs)


def _exchanged(pairs: list[Document], rng: Random) -> list[int]:
    """For each pair, whose images it gets, so that no result is a true pair. Raises NotApplicable."""
    true = {(one.content.text, one.content.images) for one in pairs}
    most = max(Counter(one.content.images for one in pairs).values(), default=0)
    for _ in range(_TRIES):
        # Equal images stand together and are moved on by as many as there are of the most frequent one.
        order = rng.sample(range(len(pairs)), len(pairs))
        first = {pairs[i].content.images: place for place, i in reversed(list(enumerate(order)))}
        order.sort(key=lambda i: first[pairs[i].content.images])
        given = [0] * len(pairs)
        for place, i in enumerate(order):
            given[i] = order[(place + most) % len(order)]
        if all((one.content.text, pairs[j].content.images) not in true for one, j in zip(pairs, given, strict=True)):
            return given
    raise NotApplicable("too many of the pairs have equal images or captions to be mismatched")
