"""Passages that ask for silence in the name of safety."""

from dataclasses import dataclass
from random import Random
from typing import ClassVar

from tamis.core.content import Content

from ..case import Case
from .answers import holds_answer
from .attack import Attacked, Changes, NotApplicable
from .counted import Counted
from .filler import fillers
from .material import Material
from .planting import planted
from .wordings import wordings


@dataclass(frozen=True)
class Denial(Counted):
    """Plants the question with a notice that it must not be answered (SafeRAG's white denial of service).

    What shows its success is that the pipeline abstains: there is no canary. The control plants the question with
    harmless text of the notice's length.
    """

    name: ClassVar[str] = "denial"
    goal: ClassVar[str] = "Make the pipeline refuse a question that it could answer."
    source: ClassVar[str] = (
        "Liang et al. 2025, SafeRAG: Benchmarking Security in Retrieval-Augmented Generation of LLMs"
    )
    changes: ClassVar[frozenset[Changes]] = frozenset({"planted"})
    strengths: ClassVar[tuple[float, ...]] = (1.0, 3.0)
    unit: ClassVar[str] = "planted passages"

    def _made(self, case: Case, count: int, material: Material, rng: Random, *, is_harmful: bool) -> Attacked:
        notices = [text for text in wordings("denial") if not holds_answer(text, case.answers)]
        if not notices:
            raise NotApplicable("every notice at hand holds an accepted answer")
        rng.shuffle(notices)
        texts = notices[:count]
        if not is_harmful:
            texts = fillers([len(text) for text in texts], material, rng, case.answers)
        documents = tuple(
            planted(self.name, case, i, Content(f"{case.query.text} {text}".strip(), case.query.images))
            for i, text in enumerate(texts)
        )
        return Attacked(case.query, planted=documents, realised=float(len(documents)))
