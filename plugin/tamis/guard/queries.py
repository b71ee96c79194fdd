"""A query is screened before any model sees it."""

from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.schema import QueryBundle

from tamis.nodes import query_of

from .events import GuardOutcomeEvent, GuardQueryEvent
from .guard import Guard
from .ruling import screened_by

dispatcher = get_dispatcher(__name__)


def is_refused(guard: Guard, query: QueryBundle, answer: str) -> bool:
    """Whether a query is answered with a refusal; what was decided, and why, is told in events of this answer.

    Its text and its images are screened together. Without a screen nothing is refused.
    """
    if guard.screen is None:
        return False
    timed = screened_by(guard, [query_of(query)])
    ruling = timed.rulings[0]
    refused = ruling.decision == "harmful" or (ruling.decision == "unknown" and guard.on_unknown == "cut")
    dispatcher.event(
        GuardQueryEvent(
            answer=answer,
            refused=refused,
            decision=ruling.decision,
            reason=ruling.reason,
            harmful=ruling.harmful,
            category=ruling.category,
        )
    )
    if refused:
        dispatcher.event(
            GuardOutcomeEvent(
                answer=answer,
                ending="refused",
                reason=ruling.reason,
                counts={},
                released=0,
                regenerations=0,
                seconds=timed.seconds,
            )
        )
    return refused
