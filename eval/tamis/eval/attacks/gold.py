"""The relevant documents of a case, wherever they are kept."""

from ..case import Case, Document
from .answers import holds_answer
from .material import Material


def gold_documents(case: Case, material: Material) -> list[Document]:
    """The case's relevant documents: its own ones, then those of the pool that it has none of, each in its order."""
    own = {document.id for document in case.documents}
    wanted = case.gold - own
    found = [document for document in case.documents if document.id in case.gold]
    return [*found, *(document for document in material.documents if document.id in wanted)] if wanted else found


def holding(case: Case, documents: list[Document]) -> list[Document]:
    """Those documents whose text holds an accepted answer."""
    return [document for document in documents if holds_answer(document.content.text, case.answers)]


def concerned(case: Case) -> list[Document]:
    """The case's own documents that matter to it: the relevant ones where any is known, otherwise all."""
    return [document for document in case.documents if document.id in case.gold] or list(case.documents)
