"""DuplicateFilter: of passages that say the same in the same words, only the best goes on."""

import math
import re
import secrets
import string
from collections.abc import Sequence
from functools import cache

import numpy as np
from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.schema import NodeWithScore, QueryBundle
from numpy.typing import NDArray
from pydantic import Field

from tamis.core.content import Content
from tamis.nodes import content_of

from .stage import Stage
from .stand_ins import StandInsEvent, collapsed

dispatcher = get_dispatcher(__name__)

Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]

MARK = 0xFF
"""Stands between texts; no text has this byte in UTF-8."""
SPACES = bytes(range(0x21)) + b".,;:!?\"'()[]{}<>\x7f"
SPACE = ord(" ")
TABLE = bytes.maketrans(SPACES + string.ascii_uppercase.encode(), b" " * len(SPACES) + string.ascii_lowercase.encode())
NON_ASCII_MARKS = re.compile("[\u2010-\u2027\u3001-\u303f\uff01-\uff0f\uff1a-\uff20«»¡¿]")
# Scripts that put no spaces between words count by character.
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
DIGIT = re.compile(r"\d")
ROUNDING = 1e-9
"""Thresholds such as 0.9 are no exact doubles; what is let through too much is looked at again."""


class DuplicatesEvent(StandInsEvent):
    """Which passages stood for which, as pairs of node ids: the one kept, and the one dropped for it."""

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisDuplicatesEvent"


class DuplicateFilter(Stage):
    """Keeps the first of passages that are the same or nearly so, the same object with its score, and drops the rest.

    Put it where passages come best first: the first is the best. Exact duplicates have the same text, white space
    aside, and the same images. Near duplicates have the same images, the same numbers and at least ``threshold`` of
    their word shingles in common: Jaccard similarity in (0, 1] of the sets of ``shingle`` consecutive words, case and
    punctuation aside (Broder 1997). Passages that differ in a number, a date or a version never count as duplicates,
    and passages shorter than a shingle only when they are exact. Each is compared with those kept before it.

    Which stood for which is told in a DuplicatesEvent, and by ``stands_for``. Raises BadSetting for a threshold outside
    (0, 1] or a shingle of less than one word.
    """

    threshold: float = Field(default=0.9, gt=0, le=1)
    shingle: int = Field(default=3, ge=1, strict=True)

    def __init__(
        self, threshold: float = 0.9, shingle: int = 3, *, callback_manager: CallbackManager | None = None
    ) -> None:
        super().__init__(threshold=threshold, shingle=shingle, callback_manager=callback_manager)

    def stands_for(self, nodes: Sequence[NodeWithScore]) -> list[int | None]:
        """For each node the place of the earlier one that stands for it, or None where it stands for itself."""
        return duplicates([content_of(node) for node in nodes], self.threshold, self.shingle)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        stand_ins = self.stands_for(nodes)
        kept, dropped = collapsed(nodes, stand_ins)
        dispatcher.event(DuplicatesEvent(n_given=len(nodes), n_kept=len(kept), dropped=dropped))
        return kept


def duplicates(contents: Sequence[Content], threshold: float, shingle: int) -> list[int | None]:
    """For each content the place of the first earlier one kept that it duplicates, or None.

    >>> duplicates([Content("A red bus."), Content("A blue car."), Content("A  red bus.")], 0.9, 3)
    [None, None, 0]
    """
    stand_ins: list[int | None] = [None] * len(contents)
    first: dict[Content, int] = {}
    for at, content in enumerate(contents):
        same = first.setdefault(content, at)
        stand_ins[at] = None if same == at else same
    singles = list(first.values())
    kept: dict[int, set[int]] = {}
    holders: dict[int, list[int]] = {}
    short: dict[Content, int] = {}
    for place, hashes in suspects([contents[at].text for at in singles], threshold, shingle).items():
        at, shingles = singles[place], set(hashes.tolist())
        if shingles:
            # Where shingles are repeated, some of the next smallest are looked at as well.
            enough = prefix_length(len(shingles), threshold) + len(hashes) - len(shingles)
            smallest = np.sort(hashes)[:enough].tolist()
            # In the order kept: the first is the best.
            candidates = sorted({holder for one in smallest if one in holders for holder in holders[one]})
            near = (other for other in candidates if similar(shingles, kept[other], threshold))
            stand_ins[at] = next((other for other in near if same_facts(contents[at], contents[other])), None)
            if stand_ins[at] is None:
                kept[at] = shingles
                for one in smallest:
                    holders.setdefault(one, []).append(at)
        else:
            plain = Content(" ".join(contents[at].text.split()), contents[at].images)
            same = short.setdefault(plain, at)
            stand_ins[at] = None if same == at else same
    # What an exact duplicate points to may itself have gone as a near duplicate of an earlier one.
    return [one if one is None or stand_ins[one] is None else stand_ins[one] for one in stand_ins]


def prefix_length(size: int, threshold: float) -> int:
    """How many of the smallest of a set's members tell whether another may be similar: that one has one of these, too.

    Sets of Jaccard similarity t share at least the part t of either, and cannot do so without one of the smallest
    (prefix filtering, Chaudhuri et al. 2006).

    >>> prefix_length(100, 0.9)
    11
    """
    return size - math.ceil(threshold * size - ROUNDING) + 1


def similar(left: set[int], right: set[int], threshold: float) -> bool:
    """Whether two sets have at least that Jaccard similarity."""
    common = len(left & right)
    return common >= threshold * (len(left) + len(right) - common)


def same_facts(left: Content, right: Content) -> bool:
    """Whether two passages have the same images, and no word with a digit is in one and not in the other.

    >>> same_facts(Content("in 1999, a red bus"), Content("A bus in 1999."))
    True
    >>> same_facts(Content("in 1999, a red bus"), Content("in 2001, a red bus"))
    False
    """
    if left.images != right.images:
        return False
    # Near duplicates have most pieces in common: only the others are taken apart.
    one, other = set(left.text.split()), set(right.text.split())
    changed = set(words_of(" ".join(one - other))).symmetric_difference(words_of(" ".join(other - one)))
    numbers = {word for word in changed if DIGIT.search(word.decode("utf-8", "replace"))}
    return not numbers or not numbers & set(words_of(left.text)).symmetric_difference(words_of(right.text))


def words_of(text: str) -> list[bytes]:
    """Words in lower case without punctuation, as UTF-8, in order; characters where a script has no spaces.

    >>> words_of("Call os.path.join(a, B)!")
    [b'call', b'os', b'path', b'join', b'a', b'b']
    """
    return spaced(text).translate(TABLE).split()


def spaced(text: str) -> bytes:
    """The text as UTF-8, with spaces for what is no ASCII but sets words apart; TABLE does the rest, for ASCII."""
    if text.isascii():
        return text.encode()
    apart = UNSPACED.sub(r" \g<0> ", NON_ASCII_MARKS.sub(" ", text.lower()))
    return " ".join(apart.split()).encode("utf-8", "surrogatepass")


def suspects(texts: Sequence[str], threshold: float, shingle: int) -> dict[int, Hashes]:
    """The hashed shingles of each text that may be a near duplicate, by its place, in order.

    Two sets of Jaccard similarity t share at least the part t of either. So a text of n shingles, more than (1 - t) n
    of which are met nowhere else, is no near duplicate of any. Texts too short for a shingle are among the suspects.
    """
    if not texts:
        return {}
    hashes, lengths = hashed_words(texts)
    owner = np.repeat(np.arange(len(texts)), lengths)
    shingles = rolling(hashes, shingle)
    # A shingle that begins in one text and ends in another is none.
    whole = owner[: len(shingles)] == owner[len(owner) - len(shingles) :]
    shingles, owner = shingles[whole], owner[: len(shingles)][whole]

    # The owner takes the place of a hash's last bits, so that one sort tells whose the shingles are that stand alone.
    # Two that differ only in those bits make a suspect too many, and no more.
    bits = np.uint64(len(texts).bit_length())
    ranked = np.sort((shingles >> bits << bits) | owner.view(np.uint64))
    again = ranked[1:] >> bits == ranked[:-1] >> bits
    alone = np.ones(len(ranked), dtype=bool)
    alone[1:] &= ~again
    alone[:-1] &= ~again
    owners = ranked[alone] & ((np.uint64(1) << bits) - np.uint64(1))
    total = np.bincount(owner, minlength=len(texts))
    unique = np.bincount(owners.view(np.int64), minlength=len(texts))
    borders = np.append(0, np.cumsum(total)).tolist()
    return {
        place: shingles[borders[place] : borders[place + 1]]
        for place in np.flatnonzero(unique <= (1 - threshold) * total + ROUNDING).tolist()
    }


def hashed_words(texts: Sequence[str]) -> tuple[Hashes, Integers]:
    """A hash of each word of all texts, one text after the other, and how many words each text has.

    All words are hashed at once, by their first eight bytes, their last eight and their length; the few that are
    longer than both together one by one.
    """
    joined = b" \xff ".join(map(spaced, texts)).translate(TABLE)
    # Padded, so that eight bytes can be read from anywhere in a word, and before its end.
    padded = b" " * 8 + joined + b" " * 8
    data = np.frombuffer(padded, dtype=np.uint8)
    in_word = data != SPACE
    edges = np.flatnonzero(in_word[1:] != in_word[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    sizes = ends - starts
    eights = np.ndarray((len(padded) - 7,), dtype="<u8", buffer=padded, strides=(1,))
    unused = (64 - 8 * np.minimum(sizes, 8)).astype(np.uint64)
    hashes = mix((eights[starts] << unused) ^ sizes.astype(np.uint64))
    longer = np.flatnonzero(sizes > 8)
    hashes[longer] = mix(hashes[longer] ^ eights[ends[longer] - 8])
    for place in np.flatnonzero(sizes > 16).tolist():
        hashes[place] = hash(padded[starts[place] : ends[place]]) & (2**64 - 1)
    marks = np.flatnonzero(data[starts] == MARK)
    lengths = np.diff(np.concatenate([[-1], marks, [len(starts)]])) - 1
    return np.delete(hashes, marks), lengths


@cache
def multiplier() -> np.uint64:
    """An odd number drawn anew by each program: nobody can write words whose hashes collide with those of others."""
    return np.uint64(secrets.randbits(64) | 1)


def mix(values: Hashes) -> Hashes:
    """Spreads every bit over all of them; different values stay different."""
    mixed = values * multiplier()
    mixed ^= mixed >> np.uint64(32)
    mixed *= multiplier()
    mixed ^= mixed >> np.uint64(29)
    return mixed


def rolling(hashes: Hashes, shingle: int) -> Hashes:
    """One hash for each run of ``shingle`` hashes: shape (n,) in, (n - shingle + 1,) out."""
    count = max(0, len(hashes) - shingle + 1)
    mixed = hashes[:count].copy()
    for step in range(1, shingle):
        mixed *= multiplier()
        mixed += hashes[step : step + count]
        mixed ^= mixed >> np.uint64(29)
    return mixed
