"""Texts inside images, read by whatever OCR the application has, so that screens of text see them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tamis.core.content import Content
from tamis.core.errors import MediaError
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.models.screen import Screen, Screened

Ocr = Callable[[Any], str]
"""From a picture (Pillow, RGB) to its text; ``tamis.indexing.ocr.text_in_image`` is one."""


class ImageTexts(NamedTuple):
    """The texts of images in order ("" where there is none), and why some could not be read."""

    texts: tuple[str, ...]
    problems: tuple[str, ...]


UNSEEN = "its images were not looked at: put an OcrScreen around this screen, or take one that sees"


def text_alone(content: Content, result: Screened, threshold: float) -> Screened:
    """The result of a screen that read the text alone: none where there are images too and the text is not harmful.

    Harmless words beside a picture say nothing of the picture.
    """
    if content.images and (result.harmful is None or result.harmful < threshold):
        return Screened(None, UNSEEN)
    return result


def text_of_images(images: Sequence[Image], ocr: Ocr, media: MediaPolicy) -> ImageTexts:
    """The text in each image that ``media`` allows to be opened. An OCR that fails costs that image alone."""
    texts, problems = [], []
    for image in images:
        try:
            with media.open(image) as picture:
                texts.append(ocr(picture))
        except MediaError as error:
            texts.append("")
            problems.append(str(error))
        except (RuntimeError, ValueError, OSError) as error:
            texts.append("")
            problems.append(f"the text in {image.describe()} cannot be read: {type(error).__name__}")
    return ImageTexts(tuple(texts), tuple(problems))


@dataclass(frozen=True)
class OcrScreen:
    """Lets a screen of text read the texts inside images: a content is as harmful as its text alone or with those.

    Both are screened, so that harmless words around a harmful picture, and halves of one request in text and image,
    do not hide it. Where an image cannot be opened or read, a content that is not harmful without it gets None with
    the reason. Spans are places in the content's own text.
    """

    inner: Screen
    ocr: Ocr
    media: MediaPolicy = field(default_factory=MediaPolicy)

    @property
    def name(self) -> str:
        """That of the screen, and that it reads images."""
        return f"{self.inner.name}+ocr"

    @property
    def threshold(self) -> float:
        """That of the screen."""
        return self.inner.threshold

    def screen(self, contents: Sequence[Content]) -> list[Screened]:
        """One result for each content, in order."""
        read = [text_of_images(content.images, self.ocr, self.media) for content in contents]
        own = self._screened([Content(content.text) for content in contents])
        joined = [
            Content("\n".join(text for text in (content.text, *found.texts) if text.strip()))
            for content, found in zip(contents, read, strict=True)
        ]
        seen = self._screened([one if any(found.texts) else Content() for one, found in zip(joined, read, strict=True)])
        return [
            self._result(content, found, text, both)
            for content, found, text, both in zip(contents, read, own, seen, strict=True)
        ]

    def _screened(self, contents: Sequence[Content]) -> list[Screened | None]:
        usable = [at for at, content in enumerate(contents) if content]
        results: list[Screened | None] = [None] * len(contents)
        for at, result in zip(usable, self.inner.screen([contents[at] for at in usable]), strict=True):
            results[at] = result
        return results

    def _result(self, content: Content, found: ImageTexts, text: Screened | None, both: Screened | None) -> Screened:
        best = text
        if both is not None and (best is None or _rank(both) > _rank(best)):
            own = len(content.text) if content.text.strip() else 0
            inside = tuple(span for span in both.spans if span[1] <= own)
            best = both._replace(spans=inside, reason=both.reason or "with the text in its images")
        if found.problems and (best is None or best.harmful is None or best.harmful < self.threshold):
            return Screened(None, found.problems[0])
        if best is None:
            return Screened(None, "there is no text in it" + (" nor in its images" if content.images else ""))
        return best


def _rank(result: Screened) -> float:
    return -1.0 if result.harmful is None else result.harmful
