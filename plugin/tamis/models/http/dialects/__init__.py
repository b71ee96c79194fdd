"""What servers speak: one file for each dialect, which writes requests and reads answers, and does no I/O."""

from collections.abc import Mapping
from typing import Literal, get_args

from tamis.core.errors import UnknownComponent

from .chat import ChatDialect, VllmChatDialect
from .dialect import Dialect, Side, Wording
from .rerank import RerankDialect
from .tei import TeiDialect
from .vllm_score import VllmScoreDialect

DialectName = Literal["openai-chat", "vllm-chat", "rerank", "vllm-score", "tei"]

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (ChatDialect(), VllmChatDialect(), RerankDialect(), VllmScoreDialect(), TeiDialect())
}

__all__ = [
    "DIALECTS",
    "ChatDialect",
    "Dialect",
    "DialectName",
    "Side",
    "VllmChatDialect",
    "Wording",
    "dialect_of",
]


def dialect_of(name: str) -> Dialect:
    """The dialect of that name. Raises UnknownComponent with those that exist."""
    if name not in DIALECTS:
        raise UnknownComponent(f'no dialect is called "{name}"; known: {", ".join(get_args(DialectName))}')
    return DIALECTS[name]
