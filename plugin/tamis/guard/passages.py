"""Passages are screened before a model sees them: within a guarded answer, or as a postprocessor of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import Field, field_serializer, field_validator

from tamis.core.errors import BadSetting
from tamis.models.screen import Screen
from tamis.nodes import content_of
from tamis.rerankers.stage import Stage

from .events import GuardPassageEvent
from .guard import Guard, OnUnknown, screen_of
from .ruling import screened_by

dispatcher = get_dispatcher(__name__)


def harmless(guard: Guard, nodes: Sequence[NodeWithScore], answer: str = "") -> list[NodeWithScore]:
    """The passages that may reach a model, the same objects in their order; each that may not is told in an event."""
    if guard.screen is None:
        return list(nodes)
    contents = [content_of(node, MetadataMode.LLM) for node in nodes]
    kept = []
    for node, ruling in zip(nodes, screened_by(guard, contents).rulings, strict=True):
        drop = ruling.decision == "harmful" or (ruling.decision == "unknown" and guard.on_unknown == "cut")
        if not drop:
            kept.append(node)
        if drop or ruling.decision == "unknown":
            dispatcher.event(
                GuardPassageEvent(
                    answer=answer,
                    node_id=node.node.node_id,
                    dropped=drop,
                    decision=ruling.decision,
                    reason=ruling.reason,
                    harmful=ruling.harmful,
                    category=ruling.category,
                )
            )
    return kept


class PassageScreen(Stage):
    """Drops passages that a screen holds to be harmful: for chat engines, agents and whatever else has postprocessors.

    ``screen`` is a Screen, its name, its file or its table; ``on_unknown`` says whether a passage that it has no result
    for stays ("pass") or goes ("cut"). The others go on, the same objects with their scores. Every passage that goes,
    or was not screened, is a GuardPassageEvent. Raises BadSetting or UnknownComponent for a screen that is none.
    """

    screen: Any = Field(description="A Screen, its name, its file, or its name and settings.")
    on_unknown: OnUnknown = "pass"

    def __init__(
        self,
        screen: Screen | str | Mapping[str, Any],
        on_unknown: OnUnknown = "pass",
        *,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(screen=screen, on_unknown=on_unknown, callback_manager=callback_manager)

    @field_validator("screen", mode="before")
    @classmethod
    def _build_screen(cls, value: Any) -> Any:
        screen = screen_of(value)
        if screen is None:
            raise BadSetting("screen is None; a PassageScreen needs one")
        return screen

    @field_serializer("screen")
    def _write_screen(self, screen: Screen) -> dict[str, Any]:
        from tamis.models.screens import SCREENS

        return SCREENS.spec(screen)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return harmless(Guard(judge=None, screen=self.screen, on_unknown=self.on_unknown), nodes)
