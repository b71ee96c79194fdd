"""EchoFilter: passages that repeat the question word for word were written to be found by it."""

import re
from collections.abc import Sequence

from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import Field

from tamis.models.echoes import is_echo
from tamis.nodes import content_of

from ..stage import Stage

dispatcher = get_dispatcher(__name__)

_ASKS = re.compile(
    r"^\W*(?:who|whom|whose|what|when|where|why|which|how|is|are|was|were|do|does|did|can|could|should|would|will|has)\b",
    re.IGNORECASE,
)
_OPENS_WITH_A_QUESTION = re.compile(r"^\W*(?:q(?:uestion)?\W+)?[^.!?\n]{8,200}\?", re.IGNORECASE)


class EchoEvent(BaseEvent):
    """Ids of the passages that were dropped because they repeat the question."""

    n_given: int
    n_kept: int
    dropped: list[str]

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisEchoEvent"


class EchoFilter(Stage):
    """Drops passages that hold the question word for word (four fifths of it, of four words or more, in one piece).

    That is how a poisoned passage is made to be found (PoisonedRAG, Zou et al. 2024). It is also how a list of
    questions and answers looks, so nothing is dropped where at least ``questions`` of the other passages open with a
    question, nor for a query that asks none. Only the first ``depth`` are looked at, None for all. The others go on,
    the same objects with their scores.

    Not among the defences that ``harden`` takes by itself: where a few passages among much else hold what is asked,
    they are lost (of MedQuAD's questions 2% are in the passage that answers them). Setting echoes aside when it is
    decided how many to keep costs no answer: see AdaptiveTopK.
    """

    questions: float = Field(default=0.1, gt=0, le=1)
    depth: int | None = Field(default=24, ge=1, strict=True)

    def __init__(
        self,
        questions: float = 0.1,
        depth: int | None = 24,
        *,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(questions=questions, depth=depth, callback_manager=callback_manager)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = query_bundle.query_str if query_bundle is not None else ""
        flagged = echoes([content_of(node).text for node in nodes[: self.depth]], query, self.questions)
        kept = [node for place, node in enumerate(nodes) if place not in flagged]
        dropped = [nodes[place].node.node_id for place in sorted(flagged)]
        dispatcher.event(EchoEvent(n_given=len(nodes), n_kept=len(kept), dropped=dropped))
        return kept


def echoes(texts: Sequence[str], query: str, questions: float) -> frozenset[int]:
    """The places of the texts that repeat a question, none where that is how the corpus is written.

    >>> sorted(echoes(["When was it built? In 1889.", "The tower is tall."], "when was it built?", 0.1))
    [0]
    >>> echoes(["When was it built? In 1889.", "How tall is the tower? 330 metres."], "when was it built?", 0.1)
    frozenset()
    """
    if not (query.rstrip().endswith("?") or _ASKS.match(query)):
        return frozenset()
    found = frozenset(place for place, text in enumerate(texts) if is_echo(text, query))
    others = [text for place, text in enumerate(texts) if place not in found]
    asking = sum(_OPENS_WITH_A_QUESTION.match(text) is not None for text in others)
    return frozenset() if others and asking >= questions * len(others) else found
