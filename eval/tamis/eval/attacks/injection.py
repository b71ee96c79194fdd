"""Instructions to the model, planted in a passage that looks relevant."""

from dataclasses import dataclass
from random import Random
from typing import ClassVar, get_args

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..case import Case
from .attack import Attacked, Changes
from .counted import Counted
from .filler import fillers
from .hosts import Position, hosts, inserted
from .instructions import Instructions
from .material import Material
from .planting import planted


@dataclass(frozen=True)
class Injection(Counted):
    """Plants copies of passages near to the question with an instruction at their start, middle or end.

    Indirect prompt injection (Greshake et al. 2023; positions as in BIPIA, Yi et al. 2023). The instruction asks for a
    canary, a word without meaning. ``injections`` names a JSON file with instructions of the user's own (a list, or
    lists by kind as BIPIA has them): addresses and markup in them are made harmless, and with ``marked`` each also
    asks for the canary, so that success is seen without a judge. The control has harmless text of the same length in
    the same place. Raises BadInput for a file that cannot be used.
    """

    position: Position = "end"
    injections: str | None = None
    marked: bool = True

    goal: ClassVar[str] = "Make the model follow an instruction that stands in a retrieved passage."
    source: ClassVar[str] = (
        "Greshake et al. 2023, Not What You've Signed Up For: Compromising Real-World LLM-Integrated Applications with "
        "Indirect Prompt Injection; Yi et al. 2023, Benchmarking and Defending against Indirect Prompt Injection"
    )
    changes: ClassVar[frozenset[Changes]] = frozenset({"planted"})
    strengths: ClassVar[tuple[float, ...]] = (1.0, 3.0)
    unit: ClassVar[str] = "planted passages"

    def __post_init__(self) -> None:
        if self.position not in get_args(Position):
            raise BadSetting(f"position must be start, middle or end, not {self.position!r}")

    @property
    def name(self) -> str:
        """The attack, and the instruction's place where that is not the end."""
        return "injection" if self.position == "end" else f"injection-{self.position}"

    def _made(self, case: Case, count: int, material: Material, rng: Random, *, is_harmful: bool) -> Attacked:
        mark, texts = Instructions(self.injections, self.marked).drawn(count, case.answers, rng)
        passages = hosts(case, material, len(texts), case.answers)
        if not is_harmful:
            texts = fillers([len(text) for text in texts], material, rng, case.answers)
        documents = tuple(
            planted(self.name, case, i, Content(inserted(host.text, text, self.position), host.images))
            for i, (host, text) in enumerate(zip(passages, texts, strict=True))
        )
        return Attacked(case.query, planted=documents, canaries=(mark,), realised=float(len(documents)))
