"""Which tokens of a tokenizer are part of a prompt's frame, so that no query or passage may hold them."""

import re
from typing import Any

_NO_WORD = re.compile(r"[^\w\s]")


def frame_tokens(tokenizer: Any) -> dict[str, int]:
    """The tokens that could be taken for a frame, with their ids.

    They are the special ones, and of the others that were added those with a sign in them, such as "<think>": an added
    word, such as a fine-tune's "aspirin", is text.
    """
    found = {str(token): token_id for token_id, token in tokenizer.added_tokens_decoder.items() if _is_frame(token)}
    special = zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    found |= {str(text): token_id for text, token_id in special if token_id is not None}
    return {text: token_id for text, token_id in found.items() if text.strip()}


def _is_frame(token: Any) -> bool:
    return token.special or _NO_WORD.search(str(token)) is not None
