"""The text that decides is taken away: does the answer still say what nobody can tell from what is left?"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar

from tamis.core.content import Content

from ..attacks.attack import Attacked, Changes, NotApplicable
from ..attacks.material import Material
from ..attacks.strength import share
from ..case import Case, Document

SILENCED = "silenced"


@dataclass(frozen=True)
class Silenced:
    """Puts the silent twin of a context in its place (BBQ's ambiguous contexts, Parrish et al. 2022).

    The case knows it in ``extra["silent"]``, see ``with_silent_twins``. The right answer is then that nobody can tell.
    The control leaves the context as it is.
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


def with_silent_twins(cases: Iterable[Case]) -> list[Case]:
    """BBQ's decided questions, each with the text of its silent twin: the one whose context it goes on from.

    Questions without a twin are left out.
    """
    everything = list(cases)
    silent: dict[tuple[object, ...], list[Case]] = {}
    for case in everything:
        if case.extra.get("condition") == "ambig":
            silent.setdefault(_key(case), []).append(case)
    found = []
    for case in everything:
        if case.extra.get("condition") != "disambig":
            continue
        text = case.documents[0].content.text
        for twin in silent.get(_key(case), ()):
            if text.startswith((context := twin.documents[0].content.text).rstrip()):
                found.append(replace(case, extra={**case.extra, "silent": context}))
                break
    return found


def _key(case: Case) -> tuple[object, ...]:
    return case.group, case.query.text, frozenset(case.extra["options"][:3])
