"""A target built over the documents of each request: what makes attacks on the corpus real."""

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting

from ..case import Document
from ..target import Request, Takes, Target, TargetFactory
from ..trace import Trace
from .checks import attacks_of, check_takes, marked
from .function import name_of
from .threads import in_thread

Wrap = Callable[[Any], Target]
"""How what a factory made becomes a target."""


@dataclass
class _Built:
    """A pipeline, or one that is being built, and how many requests are at it."""

    target: "asyncio.Task[Target]"
    users: int = 0
    dropped: bool = False


class FactoryTarget:
    """Asks the pipeline that a factory builds over a request's corpus; each different corpus is built once.

    With ``Request.documents`` that corpus is theirs and the planted ones. Without, it is ``documents``, built once for
    all requests; planted passages then enter at its retrieval boundary where the pipeline takes them, and are built in
    where it does not. ``keep`` pipelines are kept, the least recently asked is closed first, none while it is asked.
    The factory runs in a thread; it must not change what it built before (a collection of the same name, say).

    Whether it takes images is found out once, from a pipeline built over one document; ``images`` says so instead.
    Raises BadSetting for ``keep`` below 1.
    """

    def __init__(
        self,
        factory: TargetFactory,
        documents: Sequence[Document] = (),
        *,
        wrap: Wrap,
        name: str | None = None,
        images: bool | None = None,
        keep: int = 8,
    ) -> None:
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
            raise BadSetting(f"keep is {keep!r}; it must be a whole number of at least 1")
        self._factory = factory
        self._documents = tuple(documents)
        self._wrap = wrap
        self._name = name or name_of(factory)
        self._images = images
        self._keep = keep
        self._built: OrderedDict[str, _Built] = OrderedDict()
        self._shared: str | None = None
        self._probing = threading.Lock()

    @property
    def name(self) -> str:
        """Its name, or the factory's."""
        return self._name

    @property
    def takes(self) -> frozenset[Takes]:
        """Documents and planted passages always, images where the pipelines take them."""
        with self._probing:
            if self._images is None:
                probe = self._documents[:1] or (Document("probe", Content("A passage.")),)
                self._images = "images" in self._made(probe).takes
        takes: set[Takes] = {"documents", "planted"}
        return frozenset(takes | {"images"} if self._images else takes)

    async def run(self, request: Request) -> Trace:
        """One request. Raises BadInput for no corpus at all, and what the factory and its pipeline raise."""
        if request.query.images:
            check_takes(self._name, await in_thread(lambda: self.takes), request)
        attacks = attacks_of(request)
        if request.documents is not None:
            corpus = _distinct((*request.documents, *request.planted))
            async with self._target(digest_of(corpus), corpus) as target:
                return marked(await target.run(replace(request, documents=None, planted=())), attacks)
        async with self._target(self._shared_digest(), self._documents) as target:
            if not request.planted or "planted" in target.takes:
                return marked(await target.run(request), attacks)
        corpus = _distinct((*self._documents, *request.planted))
        async with self._target(digest_of(corpus), corpus) as target:
            return marked(await target.run(replace(request, planted=())), attacks)

    async def build_shared(self) -> None:
        """Builds the pipeline over the documents that all requests share, where there are any."""
        if self._documents:
            async with self._target(self._shared_digest(), self._documents):
                pass

    async def close(self) -> None:
        """Closes every pipeline that was built."""
        entries = list(self._built.values())
        self._built.clear()
        for entry in entries:
            await _let_go(entry)

    @asynccontextmanager
    async def _target(self, digest: str, corpus: Sequence[Document]) -> AsyncIterator[Target]:
        if not corpus:
            raise BadInput(f'the target "{self._name}" has no documents to build a pipeline over')
        entry = self._built.get(digest)
        if entry is None or (
            entry.target.done() and (entry.target.cancelled() or entry.target.exception() is not None)
        ):
            # Built in a task of its own: a case that is given up must not take it from the others that wait for it.
            entry = self._built[digest] = _Built(asyncio.create_task(in_thread(self._made, corpus)))
        self._built.move_to_end(digest)
        entry.users += 1
        try:
            await self._drop_oldest()
            yield await asyncio.shield(entry.target)
        finally:
            entry.users -= 1
            if entry.dropped and not entry.users:
                await _let_go(entry)

    async def _drop_oldest(self) -> None:
        keys = [key for key in self._built if key != self._shared]
        for key in keys[: max(0, len(keys) - self._keep)]:
            entry = self._built.pop(key)
            if entry.users:
                entry.dropped = True
            else:
                await _let_go(entry)

    def _shared_digest(self) -> str:
        if self._shared is None:
            self._shared = digest_of(self._documents)
        return self._shared

    def _made(self, corpus: Sequence[Document]) -> Target:
        return self._wrap(self._factory(corpus))


async def _let_go(entry: _Built) -> None:
    if not entry.target.done():
        entry.target.cancel()
    elif not entry.target.cancelled() and entry.target.exception() is None:
        await entry.target.result().close()


def _distinct(documents: Sequence[Document]) -> tuple[Document, ...]:
    """Each id once, the last that bears it in the place of the first: what was planted stands for what it replaces."""
    held: dict[str, Document] = {}
    for one in documents:
        held[one.id] = one
    return tuple(held.values())


def digest_of(documents: Sequence[Document]) -> str:
    """What tells one corpus from another: ids, texts, images by their source, dates and order.

    >>> digest_of([Document("a", Content("x"))]) == digest_of([Document("a", Content("x"))])
    True
    """
    digest = hashlib.sha256()
    for one in documents:
        parts = [one.id.encode("utf-8", "surrogatepass"), one.content.text.encode("utf-8", "surrogatepass")]
        parts.append(str(one.date).encode())
        for image in one.content.images:
            if image.data is not None:
                parts += [b"data", image.data]
            else:
                parts += [b"path" if image.path is not None else b"url", (image.path or image.url or "").encode()]
        for part in (str(len(parts)).encode(), *parts):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()
