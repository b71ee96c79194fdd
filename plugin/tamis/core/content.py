"""What is searched, asked and answered: text with any number of images."""

from dataclasses import dataclass

from .image import Image


@dataclass(frozen=True, slots=True)
class Content:
    """A query, a passage or an answer. Nothing is opened by making one.

    >>> Content("a red bus").text
    'a red bus'
    >>> bool(Content())
    False
    """

    text: str = ""
    images: tuple[Image, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything at all in it (white space is nothing)."""
        return bool(self.images) or bool(self.text.strip())
