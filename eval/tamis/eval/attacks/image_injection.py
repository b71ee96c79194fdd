"""Instructions to the model, drawn into an image."""

from dataclasses import dataclass
from random import Random
from typing import ClassVar

from tamis.core.content import Content

from ..case import Case
from .attack import Attacked, Changes
from .counted import Counted
from .drawing import drawn_text
from .filler import joined
from .hosts import hosts
from .instructions import Instructions
from .material import Material
from .planting import planted
from .wordings import wordings


@dataclass(frozen=True)
class ImageInjection(Counted):
    """Plants passages near to the question with an image in which an instruction is written (Gong et al. 2023).

    The text of the passage is that of a near document and says nothing of it. ``injections`` and ``marked`` are as for
    injections in text. The control has harmless text of the same length in its image. Raises BadInput for a file
    that cannot be used.
    """

    injections: str | None = None
    marked: bool = True

    name: ClassVar[str] = "image-injection"
    goal: ClassVar[str] = "Make a model that sees follow an instruction written in a retrieved image."
    source: ClassVar[str] = (
        "Gong et al. 2023, FigStep: Jailbreaking Large Vision-Language Models via Typographic Visual Prompts; "
        "Greshake et al. 2023, Not What You've Signed Up For"
    )
    changes: ClassVar[frozenset[Changes]] = frozenset({"planted"})
    strengths: ClassVar[tuple[float, ...]] = (1.0, 3.0)
    unit: ClassVar[str] = "planted passages"

    def _made(self, case: Case, count: int, material: Material, rng: Random, *, is_harmful: bool) -> Attacked:
        mark, texts = Instructions(self.injections, self.marked).drawn(count, case.answers, rng)
        passages = hosts(case, material, len(texts), case.answers)
        if not is_harmful:
            # Written facts and not text of the pool, which may be in a script that cannot be drawn.
            facts = list(wordings("facts"))
            rng.shuffle(facts)
            texts = [joined(len(text), facts[i:] + facts[:i], case.answers) for i, text in enumerate(texts)]
        documents = tuple(
            planted(self.name, case, i, Content(host.text, (drawn_text(text),)))
            for i, (host, text) in enumerate(zip(passages, texts, strict=True))
        )
        return Attacked(case.query, planted=documents, canaries=(mark,), realised=float(len(documents)))
