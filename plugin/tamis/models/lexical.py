"""Words for lexical matching: what BM25 counts and what term coverage compares."""

import re
import threading
from collections.abc import Iterable
from functools import lru_cache
from unicodedata import normalize

# English function words that carry no topic, question words among them: no passage is about "what". Words that turn
# a meaning round or place it ("not", "before", "without", "all") stay.
STOP_WORDS = frozenset(
    """a about am an and are as at be because been being but by can could did do does doing each for from had has have
    having he her here hers herself him himself his how i if in into is it its itself just me more most my myself of
    on only or other our ours ourselves own same she should so some such than that the their theirs them themselves
    then there these they this those through to too us very was we were what when where which while who whom whose why
    will with would you your yours yourself yourselves""".split()  # noqa: SIM905
)

_WORD = re.compile(r"\w+")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_CJK_RUN = re.compile(f"([{_CJK}]+)")
# fromisoformat stays whole; isDir, is_dir and HTTPServer also give their parts.
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")

_stemmers = threading.local()


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The Snowball English stem of one lowercase word (Porter 2001).

    >>> stem("retrieving"), stem("retrieval")
    ('retriev', 'retriev')
    """
    stemmer = getattr(_stemmers, "english", None)
    if stemmer is None:
        import Stemmer

        # A stemmer keeps a buffer of its own, so each thread has one.
        stemmer = _stemmers.english = Stemmer.Stemmer("english", 0)
    return str(stemmer.stemWord(word))


_LONGEST = 128


@lru_cache(maxsize=200_000)
def _terms(word: str) -> tuple[str, ...]:
    """The terms of one run of at most 128 word characters, as it was written."""
    if not word.isascii() and _CJK_RUN.search(word):
        pieces = [piece for piece in _CJK_RUN.split(word) if piece]
        return tuple(term for piece in pieces for term in _cjk_or_word(piece))
    lowered = word.lower()
    found = [] if lowered in STOP_WORDS else [stem(lowered)]
    if "_" in word or not (word.islower() or word.isupper() or word.istitle() or word.isdigit()):
        parts = [part.lower() for part in _PART.findall(word)]
        if len(parts) > 1:
            found += [stem(part) for part in parts if part not in STOP_WORDS]
    return tuple(found)


def _terms_of_long(word: str) -> Iterable[str]:
    """The terms of a longer run: of what stands in it in scripts without spaces, and of the words between."""
    # Base64 and the like: no one asks for it, and every one would be a term of its own.
    if not word.isascii() and _CJK_RUN.search(word):
        for piece in filter(None, _CJK_RUN.split(word)):
            yield from _cjk_or_word(piece)


def _cjk_or_word(piece: str) -> Iterable[str]:
    if not _CJK_RUN.fullmatch(piece):
        return _terms(piece) if len(piece) <= _LONGEST else ()
    # These scripts write no spaces; overlapping pairs of characters stand in for words.
    return [piece] if len(piece) == 1 else [piece[i : i + 2] for i in range(len(piece) - 1)]


def tokenize(text: str) -> list[str]:
    """The terms of a text, in order, with repetitions.

    Words are lowercased and stemmed, stop words dropped; identifiers give themselves and their parts; Chinese,
    Japanese and Korean runs give pairs of characters. Letters and their marks may be written apart or as one.

    >>> tokenize("How are the passages ranked?")
    ['passag', 'rank']
    >>> tokenize("os.path.is_dir")
    ['os', 'path', 'is_dir', 'dir']
    >>> tokenize("東京都")
    ['東京', '京都']
    """
    if not text.isascii():
        # PDF files and some file systems write letters and their marks apart.
        text = normalize("NFC", text)
    words = _WORD.findall(text)
    return [term for word in words for term in (_terms(word) if len(word) <= _LONGEST else _terms_of_long(word))]
