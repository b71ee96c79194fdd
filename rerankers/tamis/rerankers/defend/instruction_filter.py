"""InstructionFilter: passages that speak to the model instead of to a reader do not reach it."""

from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import Field

from tamis.nodes import content_of

from ..stage import Stage
from .instructions import instructions

dispatcher = get_dispatcher(__name__)

_SHOWN = 160


class InstructionsEvent(BaseEvent):
    """Passages that were dropped: (node id, the sentence, cut, and why it is taken for an instruction)."""

    n_given: int
    n_kept: int
    dropped: list[tuple[str, str, str]]

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisInstructionsEvent"


class InstructionFilter(Stage):
    """Drops passages that hold a sentence addressed to the model: see ``instructions`` for what is taken for one.

    The others go on, the same objects with their scores. Only the first ``depth`` are read, None for all: put it where
    passages come best first, and what stands far below does not reach the model anyway. Text in images is seen where
    it stands in the node's text, as ``tamis index`` puts it. A guard by rules of English: it keeps out the plain forms
    of indirect prompt injection (Greshake et al. 2023, BIPIA Yi et al. 2023), not an attacker who writes around it.
    """

    depth: int | None = Field(default=24, ge=1, strict=True)

    def __init__(self, depth: int | None = 24, *, callback_manager: CallbackManager | None = None) -> None:
        super().__init__(depth=depth, callback_manager=callback_manager)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = query_bundle.query_str if query_bundle is not None else ""
        found = [instructions(content_of(node).text, query) for node in nodes[: self.depth]]
        found += [[] for _ in nodes[len(found) :]]
        kept = [node for node, some in zip(nodes, found, strict=True) if not some]
        dropped = [
            (node.node.node_id, some[0].text[:_SHOWN], some[0].reason)
            for node, some in zip(nodes, found, strict=True)
            if some
        ]
        dispatcher.event(InstructionsEvent(n_given=len(nodes), n_kept=len(kept), dropped=dropped))
        return kept
