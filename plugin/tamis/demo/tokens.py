"""Counts tokens offline, with the tokenizer that LlamaIndex brings along."""

import re
from collections.abc import Callable
from typing import NamedTuple

from llama_index.core.utils import get_tokenizer

_WORD_OR_MARK = re.compile(r"\w+|[^\w\s]")


class TokenCounter(NamedTuple):
    """How many tokens a text has, and by whose count."""

    name: str
    count: Callable[[str], int]


def token_counter() -> TokenCounter:
    """LlamaIndex's tokenizer (tiktoken's, whose table lies in its package); words and marks where that needs a network.

    >>> token_counter().count("")
    0
    """
    try:
        tokenize = get_tokenizer()
        tokenize("warm")
    except OSError:  # TIKTOKEN_CACHE_DIR points elsewhere, and the download failed
        return TokenCounter("words and punctuation marks", lambda text: len(_WORD_OR_MARK.findall(text)))
    encoding = getattr(getattr(tokenize, "func", tokenize), "__self__", None)
    return TokenCounter(str(getattr(encoding, "name", "LlamaIndex's tokenizer")), lambda text: len(tokenize(text)))
