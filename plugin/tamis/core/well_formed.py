"""Text that a tokenizer can take: JSON and PDF may bring halves of surrogate pairs, which have no UTF-8."""


def well_formed(text: str) -> str:
    r"""The text with a question mark in the place of each half of a surrogate pair.

    >>> well_formed("a\ud800b")
    'a?b'
    """
    return text.encode("utf-8", "replace").decode("utf-8")
