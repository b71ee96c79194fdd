import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from llama_index.core.indices import VectorStoreIndex
from llama_index.core.schema import Document as IndexDocument

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.core.image import Image
from tamis.eval.case import Document
from tamis.eval.target import Request, Target
from tamis.eval.targets import FactoryTarget, FunctionTarget, target_of
from tamis.eval.trace import Trace
from tamis.retrievers import TamisEmbedding

CORPUS = [Document("a", Content("the red bus stops here")), Document("b", Content("taxes are due in spring"))]
POISON = Document("p", Content("the red bus never stops"), planted="poison")


class Made(FunctionTarget):
    closed = 0

    async def close(self) -> None:
        Made.closed += 1


class Counting:
    """Builds functions that give back their corpus, and counts."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.built: list[list[str]] = []
        self.seconds = seconds
        self.lock = threading.Lock()

    def __call__(self, documents: Sequence[Document]) -> Target:
        time.sleep(self.seconds)
        with self.lock:
            self.built.append([one.id for one in documents])

        def answer(question: str) -> dict[str, Any]:
            return {"answer": "x", "passages": [{"id": one.id, "text": one.content.text} for one in documents]}

        return Made(answer)


def ask(target: Target, *requests: Request) -> list[Trace]:
    async def all_of_them() -> list[Trace]:
        return await asyncio.gather(*(target.run(request) for request in requests))

    return asyncio.run(all_of_them())


def asked(documents: Sequence[Document] | None = None, planted: Sequence[Document] = ()) -> Request:
    return Request("c", Content("where?"), None if documents is None else tuple(documents), tuple(planted))


def test_each_corpus_is_built_once_with_what_was_planted_and_changed() -> None:
    factory = Counting(0.02)
    target = target_of(factory, factory=True, documents=CORPUS)
    changed = Document("b", Content("another text"), planted="stale")
    traces = ask(
        target, asked(), asked(), asked(CORPUS[:1]), asked(CORPUS[:1]), asked(CORPUS[:1], [POISON]), asked([changed])
    )
    assert sorted(factory.built) == [["a"], ["a", "b"], ["a", "p"], ["b"]]
    assert [(one.id, one.planted) for one in traces[4].context] == [("a", None), ("p", "poison")]
    assert [(one.id, one.planted) for one in traces[5].context] == [("b", "stale")]


def test_a_planted_document_stands_for_the_one_whose_id_it_bears() -> None:
    other = Document("a", Content("the blue bus"), planted="swap")
    (trace,) = ask(target_of(Counting(), factory=True), asked(CORPUS, [other]))
    assert [(one.id, one.content.text) for one in trace.context] == [
        ("a", "the blue bus"),
        ("b", "taxes are due in spring"),
    ]


def test_a_shared_corpus_is_built_once_and_planted_passages_enter_at_its_boundary() -> None:
    built: list[int] = []

    def factory(documents: Sequence[Document]) -> Any:
        built.append(len(documents))
        index = VectorStoreIndex.from_documents(
            [IndexDocument(text=one.content.text, id_=one.id) for one in documents],
            embed_model=TamisEmbedding(embedder="fake"),
        )
        return index.as_retriever(similarity_top_k=2)

    target = target_of(factory, factory=True, documents=CORPUS)
    clean, attacked = ask(target, Request("c", Content("red bus")), Request("c", Content("red bus"), planted=(POISON,)))
    assert built == [2]
    assert [one.id for one in clean.context] == ["a", "b"]
    assert [(one.id, one.planted) for one in attacked.context] in (
        [("a", None), ("p", "poison")],
        [("p", "poison"), ("a", None)],
    )


def test_where_the_pipeline_cannot_take_planted_passages_they_are_built_in() -> None:
    factory = Counting()
    target = target_of(factory, factory=True, documents=CORPUS)
    (trace,) = ask(target, asked(planted=[POISON]))
    assert [one.id for one in trace.context] == ["a", "b", "p"]


def test_only_so_many_pipelines_are_kept_and_the_rest_are_closed_when_nobody_asks_them() -> None:
    Made.closed = 0
    factory = Counting()
    target = FactoryTarget(factory, CORPUS, wrap=lambda made: made, keep=2)
    corpora = [[Document(f"d{i}", Content(str(i)))] for i in range(6)]

    async def one_after_the_other() -> None:
        await target.run(asked())
        for corpus in corpora:
            await target.run(asked(corpus))
        await target.run(asked())

    asyncio.run(one_after_the_other())
    assert len(factory.built) == 7
    assert Made.closed == 4
    ask(target, *(asked(corpus) for corpus in corpora))
    asyncio.run(target.close())
    assert Made.closed == len(factory.built)


def test_a_case_given_up_does_not_take_the_pipeline_from_the_others() -> None:
    factory = Counting(0.15)
    target = target_of(factory, factory=True, documents=CORPUS)

    async def two() -> Trace:
        impatient = asyncio.create_task(target.run(asked()))
        patient = asyncio.create_task(target.run(asked()))
        await asyncio.sleep(0.05)
        impatient.cancel()
        return await patient

    assert len(asyncio.run(two()).context) == 2
    assert len(factory.built) == 1


def test_a_factory_that_fails_fails_its_case_and_is_tried_again() -> None:
    tries: list[int] = []

    def factory(documents: Sequence[Document]) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("no room")
        return lambda question: "x"

    target = target_of(factory, factory=True, documents=CORPUS)

    async def twice() -> Trace:
        with pytest.raises(OSError, match="no room"):
            await target.run(asked())
        return await target.run(asked())

    assert asyncio.run(twice()).answer == Content("x")


def test_what_it_takes_is_what_its_pipelines_take() -> None:
    def of_content(content: Content) -> str:
        return str(len(content.images))

    assert target_of(lambda documents: of_content, factory=True).takes == {"documents", "planted", "images"}
    blind = target_of(lambda documents: lambda question: "x", factory=True, documents=CORPUS, name="blind")
    assert blind.takes == {"documents", "planted"}
    with pytest.raises(BadInput, match='"blind" cannot take images'):
        ask(blind, Request("c", Content("q", (Image(data=b"GIF89a"),))))


def test_nothing_to_build_over_and_bad_settings() -> None:
    with pytest.raises(BadInput, match="no documents"):
        ask(target_of(Counting(), factory=True, name="empty"), asked())
    with pytest.raises(BadSetting, match="keep"):
        FactoryTarget(Counting(), wrap=lambda made: made, keep=0)
