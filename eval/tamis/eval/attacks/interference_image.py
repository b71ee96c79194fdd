"""An image without meaning beside a text."""

from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar, Literal, get_args

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.image import Image

from ..case import Case, Document
from .attack import Attacked, Changes, NotApplicable
from .drawing import noise, plain
from .gold import concerned
from .material import Material
from .strength import whole

Kind = Literal["noise", "black", "white", "unrelated"]


@dataclass(frozen=True)
class InterferenceImage:
    """Puts an image beside text: to passages that have none, or to a query that has none.

    Modality interference (Cai et al. 2025). ``kind`` is random pixels, all black, all white (336 x 336), or an image
    of the pool that belongs to another document ("unrelated"). ``where`` is "documents" (the relevant ones of the
    case's own without an image, all without where none is known relevant) or "query". The control's image is plain
    grey.
    """

    kind: Kind = "noise"
    where: Literal["documents", "query"] = "documents"

    goal: ClassVar[str] = "Change what a model reads in a text by an image that has nothing to do with it."
    source: ClassVar[str] = "Cai et al. 2025, Diagnosing and Mitigating Modality Interference in Multimodal LLMs"
    strengths: ClassVar[tuple[float, ...]] = (1.0,)
    unit: ClassVar[str] = "images beside each text"

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise BadSetting(f"kind must be noise, black, white or unrelated, not {self.kind!r}")
        if self.where not in ("documents", "query"):
            raise BadSetting(f"where must be documents or query, not {self.where!r}")

    @property
    def name(self) -> str:
        """The attack, and its kind and place where they are not the default."""
        kind = "" if self.kind == "noise" else f"-{self.kind}"
        return f"interference-image{kind}{'' if self.where == 'documents' else '-query'}"

    @property
    def changes(self) -> frozenset[Changes]:
        """The query or the documents."""
        return frozenset({self.where})

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case with that many images (at most 8) beside each text. Raises NotApplicable without such a text."""
        return self._made(case, strength, material, rng, is_harmful=True)

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """As many grey images in the same places. Raises NotApplicable."""
        return self._made(case, strength, material, rng, is_harmful=False)

    def _made(self, case: Case, strength: float, material: Material, rng: Random, *, is_harmful: bool) -> Attacked:
        if (count := whole(strength, self.unit)) > 8:
            raise BadSetting(f"at most 8 images are put beside a text, not {count}")
        texts = [one for one in concerned(case) if one.content.text.strip() and not one.content.images]
        if self.where == "documents" and not texts:
            raise NotApplicable("the case has no documents of its own with text and no image")
        if self.where == "query" and (case.query.images or not case.query.text.strip()):
            raise NotApplicable("the query is not text alone")
        images = self._images(case, count, material, rng)
        if not images:
            return Attacked(case.query)
        if not is_harmful:
            images = (plain("grey"),) * len(images)
        if self.where == "query":
            return Attacked(Content(case.query.text, images), realised=float(len(images)))
        changed: dict[str, Document | None] = {
            one.id: replace(one, content=Content(one.content.text, images), planted=self.name) for one in texts
        }
        return Attacked(case.query, changed=changed, realised=float(len(images)))

    def _images(self, case: Case, count: int, material: Material, rng: Random) -> tuple[Image, ...]:
        if self.kind == "noise":
            return tuple(noise(rng) for _ in range(count))
        if self.kind != "unrelated":
            return (plain(self.kind),) * count
        own = case.gold | {document.id for document in case.documents}
        others = [one for one in material.documents if one.content.images and one.id not in own]
        if not others:
            raise NotApplicable('the pool has no image that belongs to another document; kind = "noise" needs none')
        return tuple(one.content.images[0] for one in rng.sample(others, len(others))[:count])
