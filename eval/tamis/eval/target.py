"""What is evaluated: anything that turns a request into a trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from tamis.core.content import Content

from .case import Document
from .trace import Trace

Takes = Literal["documents", "planted", "images"]
"""What a target can be given beside a text question: a corpus of the case's own, passages planted into its corpus, and
images in the query."""


@dataclass(frozen=True)
class Request:
    """What a target is asked. ``case`` is the id, for its logs.

    ``documents`` is the corpus to answer from, None for the target's own. ``planted`` are passages that stand in the
    corpus besides; where they rank is for the target's own retriever to say.
    """

    case: str
    query: Content
    documents: tuple[Document, ...] | None = None
    planted: tuple[Document, ...] = ()


@runtime_checkable
class Target(Protocol):
    """A pipeline under evaluation. Several requests run at once in one event loop; they must not mix.

    ``takes`` says what it can be given; a request with more than that raises BadInput naming the target.
    """

    @property
    def name(self) -> str: ...

    @property
    def takes(self) -> frozenset[Takes]: ...

    async def run(self, request: Request) -> Trace:
        """Answers one request. Any exception becomes a Failed outcome of this case alone."""
        ...

    async def close(self) -> None:
        """Lets go of what it holds open; it is not asked again."""
        ...


@runtime_checkable
class BuildsShared(Protocol):
    """A target that builds something for all requests that bring no documents."""

    async def build_shared(self) -> None:
        """Builds it, once; it is asked for before the first such request, with no deadline."""
        ...


class TargetFactory(Protocol):
    """Makes a pipeline over given documents: a LlamaIndex engine or retriever, an async function, or a Target."""

    def __call__(self, documents: Sequence[Document]) -> Any: ...
