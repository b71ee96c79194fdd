"""A text in sentences, in linear time also where there are no spaces: minified code, rows of exclamation marks."""

import re
from collections.abc import Callable, Iterator

from llama_index.core.node_parser.text.utils import split_by_sentence_tokenizer

LONGEST_RUN = 200
"""Characters without white space, after which every mark that may end a sentence ends one.

At each such mark NLTK's tokenizer looks back to the last white space, which in a long run is quadratic.
"""

_RUN = re.compile(r"\S+")
_END = re.compile(r"[.?!](?=[^\s\w])")


def sentences() -> Callable[[str], list[str]]:
    """What splits a text into sentences that together are the text: NLTK's tokenizer, on one part after another."""
    split = split_by_sentence_tokenizer()
    return lambda text: [sentence for part in _parts(text) for sentence in split(part)]


def _parts(text: str, longest: int = LONGEST_RUN) -> Iterator[str]:
    """The whole text for almost every text; else it is cut in the runs where NLTK would be slow.

    >>> list(_parts("Wait! It is (so far) fine.", 3))
    ['Wait! It is (so far) fine.']
    >>> list(_parts("f(a)!(b)?(c) end", 3))
    ['f(a)!', '(b)?', '(c) end']
    """
    begin = 0
    for run in _RUN.finditer(text):
        if run.end() - run.start() <= longest:
            continue
        last = run.start()
        for mark in _END.finditer(text, run.start(), run.end()):
            if mark.end() - last >= longest:
                yield text[begin : mark.end()]
                begin = last = mark.end()
    if begin < len(text):
        yield text[begin:]
