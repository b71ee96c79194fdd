"""A case's documents as an attack leaves them."""

from tamis.core.errors import BadInput

from ..case import Case, Document
from .attack import Attacked


def documents_of(case: Case, attacked: Attacked) -> tuple[Document, ...]:
    """The case's own documents with what the attack changed, in their order, and behind them what it planted.

    Raises BadInput where the attack names a document that the case does not have, or plants an id twice.
    """
    own = {document.id for document in case.documents}
    if strangers := sorted(set(attacked.changed) - own):
        raise BadInput(f'the case "{case.id}" has no document "{strangers[0]}" for an attack to change')
    kept = (attacked.changed.get(document.id, document) for document in case.documents)
    documents = (*(document for document in kept if document is not None), *attacked.planted)
    ids = [document.id for document in documents]
    if len(set(ids)) < len(ids):
        twice = next(id for id in ids if ids.count(id) > 1)
        raise BadInput(f'the case "{case.id}" would have two documents with the id "{twice}" under attack')
    return documents
