"""Passages planted in the corpus that claim a wrong answer to the question."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from random import Random
from typing import ClassVar

from tamis.core.content import Content
from tamis.core.errors import BadInput

from ..case import Case
from .answers import holds_answer
from .attack import Attacked, Changes, NotApplicable
from .counted import Counted
from .filler import fillers
from .inert import inert
from .material import Material
from .planting import planted
from .wordings import filled, wordings
from .wrong import wrong_answer


@dataclass(frozen=True)
class Poison(Counted):
    """Plants passages S + I: S is the question, so that they are found, I claims the target (Zou et al. 2024).

    The target is the first of the case's that can be told from an accepted answer, or one made by rule. The texts I
    are those that the case brings in ``extra[texts]`` (made inert), and then ones written by rule. ``prefix=False``
    leaves S out; with it, a question that holds an accepted answer brings it in. The control plants S with text on
    other subjects of I's length.
    """

    prefix: bool = True
    texts: str = "adv_texts"

    name: ClassVar[str] = "poison"
    goal: ClassVar[str] = "Make the pipeline give a chosen wrong answer, by passages planted in its corpus."
    source: ClassVar[str] = (
        "Zou et al. 2024, PoisonedRAG: Knowledge Corruption Attacks to Retrieval-Augmented Generation of LLMs"
    )
    changes: ClassVar[frozenset[Changes]] = frozenset({"planted"})
    strengths: ClassVar[tuple[float, ...]] = (1.0, 5.0)
    unit: ClassVar[str] = "planted passages"

    def _made(self, case: Case, count: int, material: Material, rng: Random, *, is_harmful: bool) -> Attacked:
        target = wrong_answer(case, material, rng)
        claims = list(islice(self._claims(case, target, rng), count))
        if not claims and count:
            raise NotApplicable("every passage that could be written by rule holds an accepted answer")
        if not is_harmful:
            claims = fillers([len(claim) for claim in claims], material, rng, [*case.answers, target])
        documents = tuple(planted(self.name, case, i, self._found(case, claim)) for i, claim in enumerate(claims))
        return Attacked(case.query, planted=documents, targets=(target,), realised=float(len(documents)))

    def _found(self, case: Case, text: str) -> Content:
        """S + I as one passage."""
        if not self.prefix:
            return Content(text)
        return Content(" ".join(part for part in (case.query.text, text) if part), case.query.images)

    def _claims(self, case: Case, target: str, rng: Random) -> Iterator[str]:
        given = case.extra.get(self.texts, ())
        if isinstance(given, str) or not all(isinstance(text, str) for text in given):
            raise BadInput(f'extra["{self.texts}"] of the case "{case.id}" must be a list of texts')
        yield from map(inert, given)
        parts = (wordings("poison-openings"), wordings("poison-claims"), wordings("poison-closings"))
        forms = [" ".join(form) for form in product(*parts)]
        rng.shuffle(forms)
        written = (filled(form, {"target": target}) for form in forms)
        yield from (text for text in written if not holds_answer(text, case.answers))
