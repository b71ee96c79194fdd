"""Prompts as token ids: foreign text made harmless, images expanded, what does not fit cut out of the text."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput, TamisError
from tamis.core.image import Image
from tamis.core.well_formed import well_formed
from tamis.models.template import Owner, Part, neutralised

from .pictures import Picture
from .special_tokens import frame_tokens
from .visual import VisualTokens

Ids = NDArray[np.int64]


class Placed(NamedTuple):
    """An image in a prompt: its visual tokens lie in ``ids[start:end]`` and number ``tokens``."""

    picture: Picture
    start: int
    end: int
    tokens: int


@dataclass(frozen=True)
class Encoded:
    """A prompt as the model takes it.

    ``ids`` has shape (n,). ``keys`` equals it but for visual tokens, whose key tells one image from another, so that
    two prompts agree up to where their keys do. ``shared`` tokens stand before the second side begins, and
    ``prefix`` names the text and images up to there. ``cut`` tokens were left out.
    """

    ids: Ids
    keys: Ids
    images: tuple[Placed, ...]
    shared: int
    prefix: str
    cut: int = 0

    def __len__(self) -> int:
        return len(self.ids)


class _Piece(NamedTuple):
    text: str
    owner: Owner
    picture: Picture | None = None


class Encoder:
    """Makes token ids of prompts in parts, at most ``max_length`` for each; visual tokens count.

    A prompt that is too long loses the end of its query, as far as that takes more than half of the room, then of its
    passage; never a part of the frame or an image. Where a side would have nothing left there is no prompt.
    """

    def __init__(self, tokenizer: Any, visual: VisualTokens, placeholder: str, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.visual = visual
        self.placeholder = placeholder
        self.max_length = max_length
        known = frame_tokens(tokenizer)
        if visual.token_id is not None and visual.token.strip():
            known[visual.token] = visual.token_id
        self.special_tokens = sorted(known)
        self._special_ids = np.array(sorted({*known.values()} - {tokenizer.unk_token_id}), dtype=np.int64)

    def encoded(
        self, prompts: Sequence[Sequence[Part]], pictures: Mapping[Image, Picture], markers: Iterable[str]
    ) -> list[Encoded | TamisError]:
        """One entry for each prompt: its ids, or why there are none (its frame and images alone are too long)."""
        harmful = [*self.special_tokens, *markers]
        plain = _Neutraliser(harmful)
        pieces = [[_piece(part, pictures, plain) for part in parts] for parts in prompts]
        written = [self._written(row) for row in pieces]
        tokens = self._tokens([text.text for text in written]) if written else []
        found: list[Encoded | TamisError] = []
        for row, text, made in zip(pieces, written, tokens, strict=True):
            try:
                found.append(self._fitted(row, text, made))
            except TamisError as error:
                found.append(error)
        return found

    def _tokens(self, texts: list[str]) -> list["_Tokens"]:
        made = self.tokenizer(
            texts,
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        return [
            _Tokens(np.array(ids, dtype=np.int64), np.array(offsets, dtype=np.int64).reshape(-1, 2))
            for ids, offsets in zip(made["input_ids"], made["offset_mapping"], strict=True)
        ]

    def _written(self, pieces: Sequence[_Piece]) -> "_Written":
        """The prompt as one text. An image whose expansion is nothing but its token stands there once."""
        text: list[str] = []
        spans: list[tuple[int, int]] = []
        at = 0
        for piece in pieces:
            shown = piece.text if piece.picture is None else self._placeholder(piece.picture)
            text.append(shown)
            spans.append((at, at + len(shown)))
            at += len(shown)
        return _Written("".join(text), spans)

    def _placeholder(self, picture: Picture) -> str:
        expansion = self.visual.expansion(picture.width, picture.height)
        token = self.visual.token
        shown = token if len(expansion.text) == len(token) * expansion.tokens else expansion.text
        return self.placeholder.replace(token, shown) if token in self.placeholder else shown

    def _fitted(self, pieces: list[_Piece], written: "_Written", tokens: "_Tokens") -> Encoded:
        cut = 0
        room = self.max_length
        for attempt in range(8):
            if (spoiled := self._foreign_special(pieces, written, tokens)) is not None:
                if attempt == 7:
                    raise BadInput("the text holds special tokens of the model that cannot be taken out of it")
                pieces = [
                    piece._replace(text=" ".join(piece.text)) if at in spoiled else piece
                    for at, piece in enumerate(pieces)
                ]
                written = self._written(pieces)
                tokens = self._tokens([written.text])[0]
                continue
            excess = len(tokens.ids) + self._hidden(pieces) - self.max_length
            if excess <= 0:
                return self._placed(pieces, written, tokens, cut)
            sides = _sides(pieces)
            pieces, less = self._shorter(pieces, written, tokens, room)
            if lost := sorted(sides - _sides(pieces)):
                raise BadInput(
                    f"the frame and the images leave no room for the {lost[0]}; max_length is {self.max_length}"
                )
            room -= 1
            cut += less
            written = self._written(pieces)
            tokens = self._tokens([written.text])[0]
        raise BadInput(f"the prompt cannot be cut to {self.max_length} tokens")

    def _hidden(self, pieces: Iterable[_Piece]) -> int:
        """The visual tokens that the text does not show: of an image that stands there once, all but one."""
        hidden = 0
        for piece in pieces:
            if piece.picture is not None:
                expansion = self.visual.expansion(piece.picture.width, piece.picture.height)
                if len(expansion.text) == len(self.visual.token) * expansion.tokens:
                    hidden += expansion.tokens - 1
        return hidden

    def _foreign_special(self, pieces: Sequence[_Piece], written: "_Written", tokens: "_Tokens") -> set[int] | None:
        """The pieces of a query or passage in which a special token was recognised; None where there is none."""
        special = np.flatnonzero(np.isin(tokens.ids, self._special_ids))
        if not len(special):
            return None
        found: set[int] = set()
        for at, (piece, (start, end)) in enumerate(zip(pieces, written.spans, strict=True)):
            if piece.owner != "frame" and piece.picture is None and end > start:
                spans = tokens.offsets[special]
                if bool(((spans[:, 0] < end) & (spans[:, 1] > start) & (spans[:, 1] > spans[:, 0])).any()):
                    found.add(at)
        return found or None

    def _shorter(
        self, pieces: list[_Piece], written: "_Written", tokens: "_Tokens", room: int
    ) -> tuple[list[_Piece], int]:
        """The pieces with as much text cut as ``room`` asks for, and how many tokens that was."""
        inside: dict[str, NDArray[np.int64]] = {}
        for owner in ("query", "passage"):
            mask = np.zeros(len(tokens.ids), dtype=bool)
            for piece, (start, end) in zip(pieces, written.spans, strict=True):
                if piece.owner == owner and piece.picture is None and end > start:
                    mask |= (tokens.offsets[:, 0] >= start) & (tokens.offsets[:, 0] < end)
            inside[owner] = np.flatnonzero(mask)
        query, passage = len(inside["query"]), len(inside["passage"])
        free = room - (len(tokens.ids) + self._hidden(pieces) - query - passage)
        if free < 2:
            raise BadInput(
                f"its frame and images take {room - free} tokens, which leaves no room for text; max_length is "
                f"{self.max_length}"
            )
        allowed = {"query": min(query, max(free // 2, 1) if passage else free)}
        allowed["passage"] = min(passage, free - allowed["query"])
        shorter = list(pieces)
        for owner, kept in allowed.items():
            if kept < len(inside[owner]):
                limit = int(tokens.offsets[inside[owner][kept], 0])
                for at, (piece, (start, end)) in enumerate(zip(pieces, written.spans, strict=True)):
                    if piece.owner == owner and piece.picture is None and end > limit:
                        shorter[at] = piece._replace(text=piece.text[: max(0, limit - start)])
        return shorter, query + passage - allowed["query"] - allowed["passage"]

    def _placed(self, pieces: Sequence[_Piece], written: "_Written", tokens: "_Tokens", cut: int) -> Encoded:
        boundary = _second_side(pieces, written.spans)
        shared = 0 if boundary is None else int((tokens.offsets[:, 1] <= boundary).sum())
        pictures = [piece.picture for piece in pieces if piece.picture is not None]
        prefix = self._prefix(pieces, written, boundary)
        if not pictures:
            return Encoded(tokens.ids, tokens.ids, (), shared, prefix, cut)
        token_id = self.visual.token_id
        visual = np.flatnonzero(tokens.ids == token_id)
        repeats = np.ones(len(tokens.ids), dtype=np.int64)
        expansions = [self.visual.expansion(picture.width, picture.height) for picture in pictures]
        shown = [
            1 if len(expansion.text) == len(self.visual.token) * expansion.tokens else expansion.tokens
            for expansion in expansions
        ]
        if len(visual) != sum(shown):
            raise BadInput(
                f"the tokenizer made {len(visual)} image tokens of a prompt with {sum(shown)}: the image token "
                f'"{self.visual.token}" and the tokenizer do not belong together'
            )
        owners = np.repeat(np.arange(len(pictures)), shown)
        for place, owner in zip(visual, owners, strict=True):
            if shown[owner] == 1:
                repeats[place] = expansions[owner].tokens
        ids = np.repeat(tokens.ids, repeats)
        keys = ids.copy()
        starts = np.concatenate([[0], np.cumsum(repeats)])
        placed: list[Placed] = []
        first = 0
        for number, picture in enumerate(pictures):
            places = visual[first : first + shown[number]]
            first += shown[number]
            start, end = int(starts[places[0]]), int(starts[places[-1] + 1])
            span = slice(start, end)
            keys[span] = np.where(ids[span] == token_id, -1 - int(picture.digest[:15], 16), ids[span])
            placed.append(Placed(picture, start, end, expansions[number].tokens))
        return Encoded(ids, keys, tuple(placed), int(starts[shared]), prefix, cut)

    def _prefix(self, pieces: Sequence[_Piece], written: "_Written", boundary: int | None) -> str:
        if boundary is None:
            return ""
        told = [written.text[:boundary]]
        told += [
            piece.picture.digest
            for piece, (_, end) in zip(pieces, written.spans, strict=True)
            if piece.picture is not None and end <= boundary
        ]
        return sha256("\x00".join(told).encode("utf-8", "surrogatepass")).hexdigest()


class _Written(NamedTuple):
    text: str
    spans: list[tuple[int, int]]


class _Tokens(NamedTuple):
    ids: Ids
    offsets: NDArray[np.int64]


class _Neutraliser:
    """``neutralised``, remembered for the query, which comes in every prompt, and skipped where nothing is found."""

    def __init__(self, markers: Sequence[str]) -> None:
        self.markers = markers
        self._pattern = re.compile("|".join(re.escape(marker) for marker in markers)) if markers else None
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        if self._pattern is None or not self._pattern.search(text):
            return text
        if text not in self._known:
            self._known[text] = neutralised(text, self.markers)
        return self._known[text]


def _piece(part: Part, pictures: Mapping[Image, Picture], plain: _Neutraliser) -> _Piece:
    if part.image is not None:
        return _Piece("", part.owner, pictures[part.image])
    text = well_formed(part.text)
    return _Piece(text if part.owner == "frame" else plain(text), part.owner)


def _sides(pieces: Iterable[_Piece]) -> set[Owner]:
    """The sides that hold something: an image, or text that is more than white space."""
    return {piece.owner for piece in pieces if piece.picture is not None or piece.text.strip()} - {"frame"}


def _second_side(pieces: Sequence[_Piece], spans: Sequence[tuple[int, int]]) -> int | None:
    """Where the side begins that comes second; None where there is only one."""
    first: Owner | None = None
    for piece, (start, _) in zip(pieces, spans, strict=True):
        if piece.owner == "frame":
            continue
        if first is None:
            first = piece.owner
        elif piece.owner != first:
            return start
    return None


def agreement(first: Ids, second: Ids) -> int:
    """How many keys two prompts have in common from the start.

    >>> agreement(np.array([1, 2, 3]), np.array([1, 2, 4, 5]))
    2
    """
    length = min(len(first), len(second))
    different = np.flatnonzero(first[:length] != second[:length])
    return int(different[0]) if len(different) else length


def outside_images(encoded: Encoded, length: int) -> int:
    """The longest prefix of at most ``length`` tokens that does not end inside an image."""
    for placed in encoded.images:
        if placed.start < length < placed.end:
            return placed.start
    return length
