"""What a target is asked for beyond what it takes, and passages of a trace that somebody planted."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from tamis.core.content import Content
from tamis.core.errors import BadInput

from ..case import Document
from ..target import Request, Takes
from ..trace import Step, Trace


def check_takes(name: str, takes: frozenset[Takes], request: Request) -> None:
    """Raises BadInput, naming the target, for a request with more than it takes."""
    asked: dict[Takes, bool] = {
        "documents": request.documents is not None,
        "planted": bool(request.planted),
        "images": bool(request.query.images),
    }
    for part, there in asked.items():
        if there and part not in takes:
            what = {"documents": "a corpus", "planted": "planted passages", "images": "images in the query"}[part]
            raise BadInput(f'the target "{name}" cannot take {what}, and case "{request.case}" comes with it')


def attacks_of(request: Request) -> dict[str, str]:
    """The attack that made each planted or changed document of a request, by the document's id."""
    documents: Iterable[Document] = (*(request.documents or ()), *request.planted)
    return {one.id: one.planted for one in documents if one.planted is not None}


def marked(trace: Trace, attacks: Mapping[str, str]) -> Trace:
    """The trace with every passage marked whose id is that of a planted document."""
    if not attacks:
        return trace
    return replace(trace, steps=tuple(_marked(step, attacks) for step in trace.steps))


def _marked(step: Step, attacks: Mapping[str, str]) -> Step:
    passages = tuple(
        replace(passage, planted=attacks[passage.id]) if passage.planted is None and passage.id in attacks else passage
        for passage in step.passages
    )
    return replace(step, passages=passages)


def own_id(content: Content) -> str:
    """An id for a passage that came without one: by what it holds, so the same in every run.

    >>> own_id(Content("a red bus"))
    'no-id-b9fa3dbd62e3'
    """
    held = hashlib.sha256(content.text.encode("utf-8", "surrogatepass"))
    for image in content.images:
        held.update(b"\0")
        held.update(
            image.data if image.data is not None else (image.path or image.url or "").encode("utf-8", "replace")
        )
    return f"no-id-{held.hexdigest()[:12]}"
