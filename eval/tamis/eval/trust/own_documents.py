"""Gives each case of a shared corpus documents of its own: what answers it, and near ones that do not."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from ..attacks.answers import holds_answer
from ..attacks.material import Material
from ..case import Case, Document


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
