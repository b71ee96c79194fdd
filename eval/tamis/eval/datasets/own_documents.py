"""Gives each case of a shared corpus documents of its own: what answers it, and near ones that do not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from tamis.core.errors import BadInput, BadSetting

from ..attacks.answers import holds_answer
from ..attacks.material import Material
from ..case import Case, Document
from ..run.data import Data


@dataclass(frozen=True)
class OwnDocuments:
    """A data set whose cases share a corpus, as one in which each case has documents of its own.

    See ``with_own_documents``. Raises BadSetting for fewer than 0 ``others``, and BadInput for cases where the data set
    has no corpus to take them from.
    """

    data: Data
    others: int = 4

    def __post_init__(self) -> None:
        if isinstance(self.others, bool) or not isinstance(self.others, int) or self.others < 0:
            raise BadSetting(f"a case has 0 or more other documents of its own, not {self.others!r}")

    @property
    def name(self) -> str:
        """The data set's."""
        return self.data.name

    @property
    def format(self) -> str:
        """The data set's format, and how many others there are: that decides a run's numbers."""
        return f"{self.data.format}, with {self.others} other documents of each case's own"

    @property
    def path(self) -> str:
        """Where the data set lies, "" where it lies nowhere."""
        return str(getattr(self.data, "path", ""))

    def cases(self) -> Iterator[Case]:
        """A fresh stream of the cases. Raises BadInput where a case has no documents and the data set no corpus."""
        for case in self.data.cases():
            if not case.documents and not self._pool.documents:
                raise BadInput(f"{self.name}: there is no corpus of which a case could be given documents of its own")
            yield from with_own_documents([case], self._pool, others=self.others)

    def documents(self) -> Iterator[Document]:
        """The corpus that they are taken from."""
        return self.data.documents()

    def digest(self) -> str:
        """The data set's: nothing else is read."""
        return self.data.digest()

    @cached_property
    def _pool(self) -> Material:
        from ..attacks.pool import Pool

        return Pool(tuple(self.data.documents()))

    def __getstate__(self) -> dict[str, object]:
        """Without the index, which is made anew where it is needed."""
        return {"data": self.data, "others": self.others}


def with_own_documents(cases: Iterable[Case], material: Material, *, others: int = 4, seed: int = 0) -> list[Case]:
    """The cases, each with its relevant documents and ``others`` near to its question that hold no accepted answer.

    In an order drawn for each case. So any pipeline that takes documents can be asked, and attacks may change them.
    Cases whose relevant documents the material does not have are left out, and those that have documents stay as they
    are.
    """
    found = []
    for case in cases:
        if case.documents:
            found.append(case)
            continue
        gold = [document for name in sorted(case.gold) if (document := material.get(name)) is not None]
        if not gold:
            continue
        documents = [*gold, *_near(case, gold, material, others)]
        Random(f"{seed}:{case.id}:own documents").shuffle(documents)
        found.append(replace(case, documents=tuple(documents)))
    return found


def _near(case: Case, gold: list[Document], material: Material, count: int) -> list[Document]:
    contents = {document.content for document in gold}
    near = [
        one
        for one in material.near(case.query.text, 2 * count + 20)
        if one.id not in case.gold and one.content not in contents and not holds_answer(one.content.text, case.answers)
    ]
    return near[:count]
