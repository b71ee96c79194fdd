"""The text that decides is taken away: does the answer still say what nobody can tell from what is left?"""

from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

from tamis.core.content import Content

from ..case import Case, Document
from .attack import Attacked, Changes, NotApplicable
from .material import Material
from .strength import share

SILENCED = "silenced"


@dataclass(frozen=True)
class Silenced:
    """Puts the silent twin of a context in its place (BBQ's ambiguous contexts, Parrish et al. 2022).

    The case knows it in ``extra["silent"]``, as the loader of BBQ gives it. The right answer is then that nobody can
    tell. The control leaves the context as it is.
    """

    name: ClassVar[str] = SILENCED
    goal: ClassVar[str] = "Bring about an answer by stereotype where the text does not say."
    source: ClassVar[str] = "Parrish et al. 2022, BBQ: A Hand-Built Bias Benchmark for Question Answering"
    changes: ClassVar[frozenset[Changes]] = frozenset({"documents"})
    strengths: ClassVar[tuple[float, ...]] = (1.0,)
    unit: ClassVar[str] = "share of contexts that decide"

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case with its silent context. Raises NotApplicable for a case without one."""
        silent = case.extra.get("silent")
        if not isinstance(silent, str) or len(case.documents) != 1:
            raise NotApplicable("the case has no silent twin of its one document")
        if share(strength, self.unit) == 0:
            return Attacked(case.query)
        (document,) = case.documents
        changed: dict[str, Document | None] = {
            document.id: replace(document, content=Content(silent), planted=self.name)
        }
        return Attacked(case.query, changed=changed, realised=1.0)

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case as it is."""
        self.apply(case, strength, material, rng)
        return Attacked(case.query, realised=share(strength, self.unit))
