"""Hard negatives: passages near to the question that do not answer it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import ClassVar, Literal, get_args

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..case import Case, Document
from .answers import holds_answer
from .attack import Attacked, Changes, NotApplicable
from .filler import cut, fillers
from .material import Material
from .planting import planted
from .strength import whole

Hardness = Literal["bm25", "dense", "random"]


@dataclass(frozen=True)
class Distractors:
    """Plants documents of the pool that are neither relevant nor hold an accepted answer (Jin et al. 2024).

    ``hardness`` says which: the nearest by BM25, by the pool's similarity ("dense"), or any. The control plants
    documents at random, cut or filled to the same lengths. Where the target keeps the pool as its own corpus, second
    copies are planted.
    """

    hardness: Hardness = "bm25"

    goal: ClassVar[str] = "Lead the answer astray with passages that look relevant and hold no accepted answer."
    source: ClassVar[str] = "Jin et al. 2024, Long-Context LLMs Meet RAG: Overcoming Challenges for Long Inputs in RAG"
    changes: ClassVar[frozenset[Changes]] = frozenset({"planted"})
    strengths: ClassVar[tuple[float, ...]] = (1.0, 2.0, 5.0, 10.0, 20.0)
    unit: ClassVar[str] = "planted passages"

    def __post_init__(self) -> None:
        if self.hardness not in get_args(Hardness):
            raise BadSetting(f"hardness must be bm25, dense or random, not {self.hardness!r}")

    @property
    def name(self) -> str:
        """The attack, and its hardness where that is not the default."""
        return "distractors" if self.hardness == "bm25" else f"distractors-{self.hardness}"

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case with that many negatives, or as many as the pool has. Raises NotApplicable."""
        found = self._negatives(case, whole(strength, self.unit), material, rng)
        documents = tuple(planted(self.name, case, i, one.content, one.date) for i, one in enumerate(found))
        return Attacked(case.query, planted=documents, realised=float(len(documents)))

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The same number of documents at random, each of its negative's length. Raises NotApplicable."""
        hard = self._negatives(case, whole(strength, self.unit), material, rng)
        others = [one for one in material.drawn(3 * len(hard) + 32, rng) if _is_negative(case, one)]
        others = [one for one in others if one.content not in [negative.content for negative in hard]] or others
        documents = []
        for i, negative in enumerate(hard):
            content = _of_size(negative.content, others, case, material, rng)
            documents.append(planted(self.name, case, i, content))
        return Attacked(case.query, planted=tuple(documents), realised=float(len(documents)))

    def _negatives(self, case: Case, count: int, material: Material, rng: Random) -> list[Document]:
        if not (case.answers or case.gold or case.answerable is False):
            raise NotApplicable("neither accepted answers nor relevant documents are known, so no negative is sure")
        if not count:
            return []
        text = case.query.text
        if self.hardness == "random":
            found = _negatives_of(case, material.drawn(len(material.documents), rng), count)
        elif not text.strip():
            raise NotApplicable('the query has no text to be near to; hardness = "random" needs none')
        elif self.hardness == "dense":
            likeness = material.similarity(text, [one.content.text for one in material.documents])
            order = sorted(range(len(likeness)), key=lambda i: -likeness[i])
            found = _negatives_of(case, (material.documents[i] for i in order if likeness[i] > 0), count)
        else:
            depth = 2 * count + 50
            while True:
                near = material.near(text, depth)
                found = _negatives_of(case, near, count)
                if len(found) >= count or len(near) < depth:
                    break
                depth *= 4
        if not found:
            raise NotApplicable(
                "the pool has no document near to the query that is neither relevant nor holds an answer"
            )
        return found


def _negatives_of(case: Case, documents: Iterable[Document], count: int) -> list[Document]:
    return list(islice((one for one in documents if _is_negative(case, one)), count))


def _is_negative(case: Case, document: Document) -> bool:
    if document.id in case.gold or any(own.id == document.id for own in case.documents) or not document.content:
        return False
    is_copy = any(own.content == document.content for own in case.documents)
    return not is_copy and not holds_answer(document.content.text, case.answers)


def _of_size(size: Content, others: list[Document], case: Case, material: Material, rng: Random) -> Content:
    """One of the others, taken out, with as many images and as much text as ``size``."""

    def distance(document: Document) -> tuple[int, int]:
        images = abs(len(document.content.images) - len(size.images))
        return images, abs(len(document.content.text) - len(size.text))

    best = min(others, key=distance, default=None)
    if best is None:
        return Content(fillers([len(size.text)], material, rng, case.answers)[0], size.images)
    others.remove(best)
    text = cut(best.content.text, len(size.text)) if size.text else ""
    if len(text) < len(size.text):
        (more,) = fillers([len(size.text) - len(text)], material, rng, case.answers)
        text = cut(f"{text} {more}".strip(), len(size.text))
    return Content(text, best.content.images[: len(size.images)])
