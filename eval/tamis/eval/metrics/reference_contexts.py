"""The texts of a case's relevant documents, or why they are not known: what is retrieved is compared with them."""

from ..case import Case
from ..outcome import Unscored

NO_REFERENCE = Unscored("the texts of the relevant documents are not known")


def reference_contexts(case: Case) -> tuple[str, ...] | Unscored:
    """The relevant documents of the case in its own order, or ``extra["reference_contexts"]`` where it brings none.

    Unscored where a relevant document is not among those that the case brings, or has no text.

    >>> from tamis.core.content import Content
    >>> from tamis.eval.case import Document
    >>> reference_contexts(Case("1", Content("where?"), (Document("a", Content("there")),), {"a": 1}))
    ('there',)
    """
    gold = case.gold
    found = {one.id: one.content.text for one in case.documents if one.id in gold}
    if gold and found.keys() == gold:
        return tuple(found.values()) if all(text.strip() for text in found.values()) else NO_REFERENCE
    texts = case.extra.get("reference_contexts", ())
    if isinstance(texts, list | tuple) and texts and all(isinstance(one, str) and one.strip() for one in texts):
        return tuple(texts)
    return NO_REFERENCE
