"""The sentences of an answer while it is being written: each as soon as nothing that follows can change it."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from tamis.models.sentences import sentences

_MAY_END = re.compile("[.!?…।॥؟۔。！？｡\n\v\f\x85\u2028\u2029]")
# A whole word behind a sentence decides whether the sentence ended before it.
_NEXT_WORD = re.compile(r"\s*\S+\s")
_BLANK_LINE = re.compile(r"[ \t\r]*\n[ \t\r]*\n")
_NEW_LINE = re.compile(r"[ \t\r]*\n")
_WIDE_END = re.compile("[。！？｡][」』”’）】》〉]*$")
# A number alone goes with what it counts.
_NUMBER = re.compile(r"\(?\d{1,3}[.)]")
_LOOKED_AT = 64
"""More characters behind a sentence than ``sentences`` looks at to tell whether it ended."""
_LOOKED_BACK = 400
"""More characters of the line before it than ``sentences`` looks at."""


class Piece(NamedTuple):
    """A sentence with the white space that stands before it. All pieces of a text together are the text."""

    lead: str
    text: str


@dataclass
class Pieces:
    """Takes a text in chunks, cut anywhere, and gives its pieces: the same ones however it was cut.

    Their texts are what ``tamis.models.sentences.sentences`` finds in the whole text. A piece is given when the next
    word, or the end of the paragraph, has settled that its sentence is over. Time grows with the length of the text.

    >>> pieces = Pieces()
    >>> pieces.feed("He paid 3."), pieces.feed("5 million. Wh"), pieces.feed("y? Nobody")
    ([], [], [Piece(lead='', text='He paid 3.5 million.')])
    >>> pieces.end()
    [Piece(lead=' ', text='Why?'), Piece(lead=' ', text='Nobody')]
    """

    # Chunks that were not looked at yet are joined only when a look is due: joining at every chunk would be quadratic.
    _chunks: list[str] = field(default_factory=list)
    _length: int = 0
    _given: int = 0
    _next_look: int = 0
    _may_end: bool = False

    def feed(self, chunk: str) -> list[Piece]:
        """The pieces that this chunk completed, in order."""
        self._chunks.append(chunk)
        self._length += len(chunk)
        self._may_end = self._may_end or bool(_MAY_END.search(chunk))
        if not self._may_end or self._length < self._next_look:
            return []
        found = self._look(last=False)
        # In a text that seems to end everywhere and ends nowhere, not every character is worth another look.
        self._next_look = 0 if found else self._length + (self._length - self._given) // 16
        return found

    def end(self) -> list[Piece]:
        """The pieces that were not complete; white space at the end of the text is a piece without a sentence."""
        found = self._look(last=True)
        rest = "".join(self._chunks)[self._given :]
        self._chunks, self._length, self._given, self._may_end = [], 0, 0, False
        return [*found, Piece(rest, "")] if rest else found

    def _look(self, *, last: bool) -> list[Piece]:
        text, found = "".join(self._chunks), []
        for begin, end in sentences(text):
            if end <= self._given:
                continue
            # Of a line that is partly forgotten, the first words may be told apart otherwise than before.
            begin = max(begin, self._given)
            begin += len(text[begin:end]) - len(text[begin:end].lstrip())
            if not last and (_NUMBER.fullmatch(text, begin, end) or not _is_settled(text, end)):
                break
            found.append(Piece(text[self._given : begin], text[begin:end]))
            self._given = end
        if found:
            line = text.rfind("\n", 0, self._given) + 1
            # Blanks at a line's beginning go with the line's end before it, as ``sentences`` reads it.
            line += 0 if not line else len(text[line : self._given]) - len(text[line : self._given].lstrip(" \t\r"))
            forgotten = max(line, self._given - _LOOKED_BACK)
            text, self._given = text[forgotten:], self._given - forgotten
            self._may_end = bool(_MAY_END.search(text, self._given))
        self._chunks, self._length = [text], len(text)
        return found


def _is_settled(text: str, end: int) -> bool:
    """Whether the sentence that ends here ends here whatever follows the text."""
    rest = text[end : end + _LOOKED_AT]
    if len(rest) >= _LOOKED_AT or _BLANK_LINE.match(rest):
        return True
    if _WIDE_END.search(text, max(0, end - 16), end) and rest:
        return True
    if text[end - 1] in ".!?…" and _NEW_LINE.match(rest):
        return True
    if rest.lstrip().startswith("["):
        # Perhaps a citation mark, which belongs to the sentence before it.
        return "]" in rest and bool(_NEXT_WORD.match(rest.partition("]")[2]))
    return bool(_NEXT_WORD.match(rest))
