"""DuplicateFilter: of passages that say the same in the same words, only the best goes on."""

import math
import re
import secrets
from collections.abc import Sequence
from functools import cache

import numpy as np
from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import NodeWithScore, QueryBundle
from numpy.typing import NDArray
from pydantic import Field

from tamis.core.content import Content
from tamis.nodes import content_of

from .stage import Stage

dispatcher = get_dispatcher(__name__)

Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]

MARK = 0xFF
"""Stands between texts; no text has this byte in UTF-8."""
SPACES = bytes(range(0x21)) + b".,;:!?\"'()[]{}<>\x7f"
SPACE = ord(" ")
TABLE = bytes.maketrans(SPACES, b" " * len(SPACES))
NON_ASCII_MARKS = re.compile("[\u2010-\u2027\u3001-\u303f\uff01-\uff0f\uff1a-\uff20«»¡¿]")
# Scripts that put no spaces between words count by character.
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
DIGIT = re.compile(r"\d")
ROUNDING = 1e-9
"""Thresholds such as 0.9 are no exact doubles; what is let through too much is looked at again."""


class DuplicatesEvent(BaseEvent):
    """Which passages stood for which: pairs of (node id of the one kept, node id of the one dropped for it)."""

    n_given: int
    n_kept: int
    dropped: list[tuple[str, str]]

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
        kept = [node for node, stand_in in zip(nodes, stand_ins, strict=True) if stand_in is None]
        dropped = [
            (nodes[stand_in].node.node_id, node.node.node_id)
            for node, stand_in in zip(nodes, stand_ins, strict=True)
            if stand_in is not None
        ]
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
    for place, shingles in suspects([contents[at].text for at in singles], threshold, shingle).items():
        at = singles[place]
        first_ones = prefix(shingles, threshold)
        if shingles:
            # In the order kept: the first is the best.
            candidates = sorted({holder for one in first_ones for holder in holders.get(one, ())})
            near = (other for other in candidates if similar(shingles, kept[other], threshold))
            stand_ins[at] = next((other for other in near if same_facts(contents[at], contents[other])), None)
        else:
            plain = Content(" ".join(contents[at].text.split()), contents[at].images)
            same = short.setdefault(plain, at)
            stand_ins[at] = None if same == at else same
        if stand_ins[at] is None:
            kept[at] = shingles
            for one in first_ones:
                holders.setdefault(one, []).append(at)
    # What an exact duplicate points to may itself have gone as a near duplicate of an earlier one.
    return [one if one is None or stand_ins[one] is None else stand_ins[one] for one in stand_ins]


def prefix(shingles: set[int], threshold: float) -> list[int]:
    """So many of the smallest that two sets of at least that Jaccard similarity have one of theirs in common.

    Prefix filtering (Chaudhuri et al. 2006): such sets share t of either, and cannot do so without a small one.

    >>> prefix({5, 1, 4, 2, 3}, 0.8)
    [1, 2]
    """
    return sorted(shingles)[: len(shingles) - math.ceil(threshold * len(shingles) - ROUNDING) + 1]


def similar(left: set[int], right: set[int], threshold: float) -> bool:
    """Whether two sets have at least that Jaccard similarity."""
    common = len(left & right)
    return common >= threshold * (len(left) + len(right) - common)


def same_facts(left: Content, right: Content) -> bool:
    """Whether two passages have the same images, and no word with a digit is in one and not in the other."""
    if left.images != right.images:
        return False
    changed = set(words_of(left.text)).symmetric_difference(words_of(right.text))
    return not any(DIGIT.search(word.decode("utf-8", "replace")) for word in changed)


def words_of(text: str) -> list[bytes]:
    """Words in lower case without punctuation, as UTF-8, in order; characters where a script has no spaces.

    >>> words_of("Call os.path.join(a, B)!")
    [b'call', b'os', b'path', b'join', b'a', b'b']
    """
    return lowered(text).translate(TABLE).split()


def lowered(text: str) -> bytes:
    """The text in lower case as UTF-8, with spaces for what is no ASCII but sets words apart."""
    lower = text.lower()
    if not lower.isascii():
        lower = " ".join(UNSPACED.sub(r" \g<0> ", NON_ASCII_MARKS.sub(" ", lower)).split())
    return lower.encode("utf-8", "surrogatepass")


def suspects(texts: Sequence[str], threshold: float, shingle: int) -> dict[int, set[int]]:
    """The hashed shingles of each text that may be a near duplicate, by its place, in order.

    Two sets of Jaccard similarity t share at least the part t of either. So a text of n shingles, more than (1 - t) n
    of which are met nowhere else, is no near duplicate of any. Texts too short for a shingle are among the suspects.
    """
    if not texts:
        return {}
    hashes, lengths = hashed_words(texts)
    owner = np.repeat(np.arange(len(texts), dtype=np.uint64), lengths)
    shingles = rolling(hashes, shingle)
    # A shingle that begins in one text and ends in another is none.
    whole = owner[: len(shingles)] == owner[len(owner) - len(shingles) :]
    shingles, owner = shingles[whole], owner[: len(shingles)][whole]

    # The owner takes the place of a hash's last bits, so that one sort brings equal shingles and owners together. Two
    # shingles that differ only in those bits make a suspect too many, and no more.
    bits = np.uint64(len(texts).bit_length())
    ranked = np.sort((shingles >> bits << bits) | owner)
    again = ranked[1:] >> bits == ranked[:-1] >> bits
    alone = ~(np.append(again, False) | np.append(False, again))[: len(ranked)]
    owners = ranked & ((np.uint64(1) << bits) - np.uint64(1))
    total = np.bincount(owner.astype(np.int64), minlength=len(texts))
    unique = np.bincount(owners[alone].astype(np.int64), minlength=len(texts))
    borders = np.append(0, np.cumsum(total))
    return {
        place: set(shingles[borders[place] : borders[place + 1]].tolist())
        for place in np.flatnonzero(unique <= (1 - threshold) * total + ROUNDING).tolist()
    }


def hashed_words(texts: Sequence[str]) -> tuple[Hashes, Integers]:
    """A hash of each word of all texts, one text after the other, and how many words each text has.

    All words are hashed at once, by their first eight bytes, their last eight and their length; the few that are
    longer than both together one by one.
    """
    joined = b" \xff ".join(map(lowered, texts)).translate(TABLE)
    # Padded, so that eight bytes can be read from anywhere in a word, and before its end.
    padded = b" " * 8 + joined + b" " * 8
    data = np.frombuffer(padded, dtype=np.uint8)
    in_word = data != SPACE
    edges = np.flatnonzero(in_word[1:] != in_word[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    sizes = ends - starts
    eights = np.ndarray((len(padded) - 7,), dtype="<u8", buffer=padded, strides=(1,))
    unused = (64 - 8 * np.minimum(sizes, 8)).astype(np.uint64)
    first, last = eights[starts] << unused, eights[ends - 8] >> unused
    hashes = mix(mix(first ^ sizes.astype(np.uint64)) ^ last)
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
    mixed = np.zeros(count, dtype=np.uint64)
    for step in range(shingle):
        mixed *= multiplier()
        mixed += hashes[step : step + count]
        mixed ^= mixed >> np.uint64(29)
    return mixed
