"""Records what LlamaIndex's instrumentation and callbacks say while a component works, and leaves no trace."""

import inspect
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.callbacks import CallbackManager, CBEventType
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.span import BaseSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index_instrumentation import get_dispatcher


@dataclass
class Recording:
    """What was seen: events in order, and for each span the object whose method it was."""

    events: list[BaseEvent] = field(default_factory=list)
    spans: list[tuple[str, object]] = field(default_factory=list)

    def count(self, kind: type[BaseEvent]) -> int:
        """How many events of that class."""
        return sum(isinstance(event, kind) for event in self.events)

    def spans_of(self, component: object) -> list[str]:
        """The names of the component's own spans."""
        return [name for name, owner in self.spans if owner is component]


class _Events(BaseEventHandler):
    seen: Any = None

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.seen.append(event)


class _Spans(BaseSpanHandler[BaseSpan]):
    # Set after construction: the base class takes no fields but its own.
    seen: Any = None

    def span_enter(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        parent_id: str | None = None,
        tags: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.seen.append((id_.rsplit("-", 5)[0], instance))

    def span_exit(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        result: Any | None = None,
        **kwargs: Any,
    ) -> None:
        """Nothing is kept open."""

    def span_drop(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        err: BaseException | None = None,
        **kwargs: Any,
    ) -> None:
        """Nothing is kept open."""

    def new_span(self, *args: Any, **kwargs: Any) -> BaseSpan | None:
        return None

    def prepare_to_exit_span(self, *args: Any, **kwargs: Any) -> BaseSpan | None:
        return None

    def prepare_to_drop_span(self, *args: Any, **kwargs: Any) -> BaseSpan | None:
        return None


@contextmanager
def recording() -> Iterator[Recording]:
    """Everything the root dispatcher hears inside the block."""
    seen = Recording()
    events, spans = _Events(), _Spans()
    events.seen, spans.seen = seen.events, seen.spans
    root = get_dispatcher("root")
    root.add_event_handler(events)
    root.add_span_handler(spans)
    try:
        yield seen
    finally:
        # By identity: two handlers of the same class with equal fields are equal to pydantic.
        root.event_handlers[:] = [handler for handler in root.event_handlers if handler is not events]
        root.span_handlers[:] = [handler for handler in root.span_handlers if handler is not spans]


class CallbackCounter(BaseCallbackHandler):
    """Counts the starts and ends of every kind of legacy callback event."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.starts: Counter[CBEventType] = Counter()
        self.ends: Counter[CBEventType] = Counter()

    def manager(self) -> CallbackManager:
        """A callback manager that reports to this counter."""
        return CallbackManager([self])

    def on_event_start(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        parent_id: str = "",
        **kwargs: Any,
    ) -> str:
        self.starts[event_type] += 1
        return event_id

    def on_event_end(
        self, event_type: CBEventType, payload: dict[str, Any] | None = None, event_id: str = "", **kwargs: Any
    ) -> None:
        self.ends[event_type] += 1

    def start_trace(self, trace_id: str | None = None) -> None:
        """Traces are not counted."""

    def end_trace(self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None) -> None:
        """Traces are not counted."""
