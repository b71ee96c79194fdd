"""Photos to be described, with the objects that are known to be in them, from a set of photos with captions."""

from collections.abc import Iterable

from tamis.core.content import Content

from ..case import Case, Document
from .objects import Vocabulary, coco_objects

QUESTION = "Describe this image."


def photo_descriptions(
    captions: Iterable[Case], photos: Iterable[Document], *, vocabulary: Vocabulary | None = None
) -> list[Case]:
    """One case for each photo of ``load(..., "coco-photos")``, its picture in the query.

    ``extra["objects"]`` are the labelled objects and those that any caption names, as CHAIR (Rohrbach et al. 2018)
    takes them: labels miss some of what people see. A photo without either is left out.
    """
    words = vocabulary or coco_objects()
    known: dict[str, set[str]] = {}
    for case in captions:
        for name in case.gold:
            known.setdefault(name, set()).update(case.extra.get("objects", ()), words.mentions(case.query.text))
    return [
        Case(
            id=photo.id,
            query=Content(QUESTION, photo.content.images),
            group=photo.id,
            extra={"objects": tuple(sorted(known[photo.id]))},
        )
        for photo in photos
        if known.get(photo.id)
    ]
