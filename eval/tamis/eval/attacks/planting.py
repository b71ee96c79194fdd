"""Makes the documents that attacks put into a corpus or in the place of others."""

from datetime import date
from hashlib import sha256

from tamis.core.content import Content

from ..case import Case, Document


def planted(attack: str, case: Case, number: int, content: Content, dated: date | None = None) -> Document:
    """The attack's document of that number (from 0) for a case.

    Its id says nothing of where it comes from, for pipelines put ids into prompts. It is the same for the same attack,
    case and number, and none of the case's own documents has it.
    """
    own = {document.id for document in case.documents}
    name = f"{attack}\0{case.id}\0{number}"
    while (id := f"doc-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:20]}") in own:
        name += "\0"
    return Document(id, content, date=dated, planted=attack)
