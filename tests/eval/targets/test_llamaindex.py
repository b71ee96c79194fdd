import asyncio
import time
from typing import Any

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.types import CompletionResponse
from llama_index.core.base.response.schema import Response
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.postprocessor import LongContextReorder, SimilarityPostprocessor
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import CustomQueryEngine, RetrieverQueryEngine, SubQuestionQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import (
    ImageNode,
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from llama_index_instrumentation import get_dispatcher

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.core.image import Image
from tamis.eval.target import Request
from tamis.eval.targets import BadReply, LlamaIndexTarget, TargetError
from tamis.eval.trace import Trace, Usage
from tamis.testing import FakeReranker, FixedRetriever

SCORES = (0.9, 0.7, 0.5)
NODES = [NodeWithScore(node=TextNode(id_=f"d{i}", text=f"passage {i}"), score=score) for i, score in enumerate(SCORES)]


def ask(target: LlamaIndexTarget, question: str = "what?") -> Trace:
    return asyncio.run(target.run(Request("c1", Content(question))))


def engine(*stages: Any, retriever: BaseRetriever | None = None, llm: Any = None, **settings: Any) -> Any:
    return RetrieverQueryEngine.from_args(
        retriever or FixedRetriever(NODES),
        llm=llm or MockLLM(max_tokens=3),
        node_postprocessors=list(stages),
        **settings,
    )


def steps(trace: Trace) -> list[tuple[str, list[str], list[float | None]]]:
    return [(one.name, [p.id for p in one.passages], [p.score for p in one.passages]) for one in trace.steps]


@pytest.mark.parametrize("threads", [False, True])
def test_each_step_the_prompt_the_answer_the_tokens_and_the_time(threads: bool) -> None:
    pipeline = engine(SimilarityPostprocessor(similarity_cutoff=0.6), LongContextReorder())
    trace = ask(LlamaIndexTarget(pipeline, threads=threads), "what is red?")
    assert steps(trace) == [
        ("retrieve", ["d0", "d1", "d2"], [0.9, 0.7, 0.5]),
        ("SimilarityPostprocessor", ["d0", "d1"], [0.9, 0.7]),
        ("LongContextReorder", ["d1", "d0"], [0.7, 0.9]),
    ]
    assert trace.answer == Content("text text text")
    assert trace.prompt is not None
    assert "passage 1" in trace.prompt
    assert "passage 2" not in trace.prompt
    assert trace.prompt.count("what is red?") == 1
    assert trace.usage.completion_tokens == 3
    assert trace.usage.prompt_tokens is not None
    assert 20 < trace.usage.prompt_tokens < 200
    assert trace.seconds is not None
    assert all(one.seconds is not None and 0 <= one.seconds <= trace.seconds for one in trace.steps)


class InPlace(BaseNodePostprocessor):
    """Reverses, with scores of its own written into the caller's nodes, and opens no span where it is asynchronous."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return reversed_in_place(nodes)

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        await asyncio.sleep(0.01)
        return reversed_in_place(nodes)


def reversed_in_place(nodes: list[NodeWithScore]) -> list[NodeWithScore]:
    for rank, node in enumerate(reversed(nodes)):
        node.score = -float(rank)
    return nodes[::-1]


@pytest.mark.parametrize("threads", [False, True])
def test_a_postprocessor_that_says_nothing_and_changes_scores_in_place_is_a_step(threads: bool) -> None:
    stage = InPlace()
    pipeline = engine(stage, SimilarityPostprocessor(similarity_cutoff=-1.5))
    trace = ask(LlamaIndexTarget(pipeline, threads=threads))
    assert steps(trace) == [
        ("retrieve", ["d0", "d1", "d2"], [0.9, 0.7, 0.5]),
        ("InPlace", ["d2", "d1", "d0"], [-0.0, -1.0, -2.0]),
        ("SimilarityPostprocessor", ["d2", "d1"], [-0.0, -1.0]),
    ]
    assert pipeline._node_postprocessors[0] is stage
    if not threads:
        seconds = trace.steps[1].seconds
        assert seconds is not None
        assert seconds >= 0.01


def test_a_reranker_that_sends_events_inside_its_span_is_one_step() -> None:
    trace = ask(LlamaIndexTarget(engine(FakeReranker(), FakeReranker())))
    assert [one.name for one in trace.steps] == ["retrieve", "FakeReranker", "FakeReranker 2"]


class Unseen(RetrieverQueryEngine):
    """Drops a passage between steps, where no event tells of it."""

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return super().retrieve(query_bundle)[1:]

    async def aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return (await super().aretrieve(query_bundle))[1:]


def test_what_the_synthesizer_was_given_is_the_context_even_where_nobody_said_so() -> None:
    pipeline = Unseen.from_args(FixedRetriever(NODES), llm=MockLLM(max_tokens=2))
    trace = ask(LlamaIndexTarget(pipeline))
    assert [(name, ids) for name, ids, _ in steps(trace)] == [
        ("retrieve", ["d0", "d1", "d2"]),
        ("synthesize", ["d1", "d2"]),
    ]


class Custom(CustomQueryEngine):
    retriever: Any
    llm: Any

    def custom_query(self, query_str: str) -> Response:
        nodes = self.retriever.retrieve(query_str)[:1]
        return Response(str(self.llm.complete("Say: " + nodes[0].node.get_content())), source_nodes=nodes)

    async def acustom_query(self, query_str: str) -> Response:
        return self.custom_query(query_str)


def test_an_engine_of_ones_own_is_seen_by_what_it_asks_and_names() -> None:
    trace = ask(LlamaIndexTarget(Custom(retriever=FixedRetriever(NODES), llm=MockLLM(max_tokens=2))))
    assert [(name, ids) for name, ids, _ in steps(trace)] == [("retrieve", ["d0", "d1", "d2"]), ("sources", ["d0"])]
    assert trace.prompt == "Say: passage 0"
    assert trace.answer == Content("text text")


def test_a_retriever_inside_a_retriever_is_a_part_of_it() -> None:
    fusion = QueryFusionRetriever([FixedRetriever(NODES)], llm=MockLLM(), num_queries=1, mode=FUSION_MODES.SIMPLE)
    for threads in (False, True):
        trace = ask(LlamaIndexTarget(fusion, threads=threads))
        assert [name for name, _, _ in steps(trace)] == ["retrieve"]
        assert trace.answer is None
        assert trace.prompt is None
        assert trace.usage == Usage()


@pytest.mark.parametrize("threads", [False, True])
def test_a_streamed_answer_is_read_to_its_end(threads: bool) -> None:
    trace = ask(LlamaIndexTarget(engine(streaming=True), threads=threads))
    assert trace.answer == Content("text text text")
    assert trace.prompt is not None
    assert trace.prompt.count("passage 0") == 1
    # What LlamaIndex's mock says when its stream ends is a word short.
    assert trace.usage.completion_tokens == 2


def test_no_passages_and_no_answer_is_an_empty_answer() -> None:
    trace = ask(LlamaIndexTarget(engine(retriever=FixedRetriever([]))))
    assert trace.answer == Content("")
    assert steps(trace) == [("retrieve", [], [])]
    assert trace.usage == Usage()


class Counted(MockLLM):
    """A model whose server says how many tokens there were."""

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text="yes", raw={"usage": {"prompt_tokens": 1234, "completion_tokens": 56}})

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        done: CompletionResponse = self.complete(prompt, formatted, **kwargs)
        return done


def test_the_servers_own_count_of_tokens_goes_first() -> None:
    assert ask(LlamaIndexTarget(engine(llm=Counted(max_tokens=None)))).usage == Usage(1234, 56)


@pytest.mark.parametrize("kind", [ContextChatEngine, CondensePlusContextChatEngine])
def test_a_chat_engine_answers_each_question_from_the_memory_it_had(kind: Any) -> None:
    memory = ChatMemoryBuffer.from_defaults(token_limit=1_000)
    chat = kind.from_defaults(FixedRetriever(NODES), llm=MockLLM(max_tokens=2), memory=memory)
    target = LlamaIndexTarget(chat)

    async def twice() -> tuple[Trace, Trace]:
        return await asyncio.gather(
            target.run(Request("a", Content("first question"))), target.run(Request("b", Content("second question")))
        )

    first, second = asyncio.run(twice())
    assert first.prompt is not None
    assert second.prompt is not None
    assert "second" not in first.prompt
    assert "first" not in second.prompt
    assert "passage 0" in first.prompt
    assert first.steps[0].name == "retrieve"
    assert memory.get_all() == []
    assert "images" not in target.takes


def test_a_passage_is_known_by_its_document_or_by_its_node() -> None:
    node = TextNode(id_="n1", text="x")
    node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id="doc")
    retriever = FixedRetriever([node])
    assert [one.id for one in ask(LlamaIndexTarget(retriever)).context] == ["doc"]
    assert [one.id for one in ask(LlamaIndexTarget(retriever, ids="node")).context] == ["n1"]
    with pytest.raises(BadSetting, match="document"):
        LlamaIndexTarget(retriever, ids="chunk")  # type: ignore[arg-type]


def test_nodes_of_every_kind_are_written_down() -> None:
    bare = TextNode(text="no id")
    bare.id_ = ""
    odd = NodeWithScore(node=TextNode(id_="t", text="x"), score=0.5)
    odd.score = float("nan")
    picture = ImageNode(id_="i", text="caption", image_path="/nowhere/a.png")
    first, second, third = ask(LlamaIndexTarget(FixedRetriever([bare, odd, picture]))).context
    assert first.id.startswith("no-id-")
    assert second.score is None
    assert third.content == Content("caption", (Image(path="/nowhere/a.png"),))


class Raising(FixedRetriever):
    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        raise ConnectionError("the store is down")


class Leaving(FixedRetriever):
    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        raise SystemExit(3)


class Nothing(FixedRetriever):
    async def aretrieve(self, str_or_query_bundle: Any) -> Any:
        return None


def test_a_bad_pipeline_fails_its_own_case_and_the_next_is_unharmed() -> None:
    with pytest.raises(ConnectionError, match="the store is down"):
        ask(LlamaIndexTarget(engine(retriever=Raising(NODES))))
    with pytest.raises(TargetError, match="SystemExit"):
        ask(LlamaIndexTarget(engine(retriever=Leaving(NODES))))
    with pytest.raises(BadReply, match="the retriever returned None"):
        ask(LlamaIndexTarget(Nothing(NODES)))
    assert len(ask(LlamaIndexTarget(engine())).context) == 3


@pytest.mark.parametrize("streaming", [False, True])
def test_an_answer_that_never_ends_is_an_error(streaming: bool) -> None:
    pipeline = engine(llm=MockLLM(max_tokens=2_000), streaming=streaming)
    with pytest.raises(BadReply, match="at most 1,000 are taken"):
        ask(LlamaIndexTarget(pipeline, max_answer_bytes=1_000))


class Blocking(BaseRetriever):
    """Has no async side, and takes its time."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        time.sleep(self.seconds)
        return [one.model_copy() for one in NODES]


@pytest.mark.parametrize("retriever", [FixedRetriever(NODES, delay_s=60), Blocking(5)])
def test_a_hanging_pipeline_is_let_go(retriever: BaseRetriever) -> None:
    async def given_up() -> None:
        async with asyncio.timeout(0.1):
            await LlamaIndexTarget(engine(retriever=retriever)).run(Request("c", Content("q")))

    started = time.perf_counter()
    with pytest.raises(TimeoutError):
        asyncio.run(given_up())
    assert time.perf_counter() - started < 2


def test_a_blocking_retriever_does_not_hold_up_the_others() -> None:
    async def many() -> None:
        target = LlamaIndexTarget(Blocking(0.2))
        await asyncio.gather(*(target.run(Request(str(i), Content("q"))) for i in range(8)))

    started = time.perf_counter()
    asyncio.run(many())
    assert time.perf_counter() - started < 1.0


def test_images_are_refused_where_nobody_sees_them() -> None:
    request = Request("c", Content("q", (Image(data=b"GIF89a"),)))
    with pytest.raises(BadInput, match="images in the query"):
        asyncio.run(LlamaIndexTarget(engine()).run(request))
    retriever = FixedRetriever(NODES)
    asyncio.run(LlamaIndexTarget(retriever, images=True).run(request))
    assert retriever.queries[0].images == request.query.images  # type: ignore[attr-defined]


def test_nothing_is_kept_when_nobody_evaluates() -> None:
    target = LlamaIndexTarget(engine())
    ask(target)
    ask(target)
    handlers = [one for one in get_dispatcher().span_handlers if type(one).__name__ == "_Spans"]
    assert len(handlers) == 1
    engine().query("not evaluated")
    assert handlers[0].open_spans == {}
    assert handlers[0].completed_spans == []


def test_what_is_no_pipeline_is_named() -> None:
    with pytest.raises(BadSetting, match="a MockLLM is no LlamaIndex query engine"):
        LlamaIndexTarget(MockLLM())  # type: ignore[arg-type]


def test_several_engines_in_one_are_steps_of_their_own() -> None:
    from llama_index.core.question_gen.types import BaseQuestionGenerator, SubQuestion
    from llama_index.core.tools import QueryEngineTool

    class Two(BaseQuestionGenerator):
        def _get_prompts(self) -> Any:
            return {}

        def _update_prompts(self, prompts: Any) -> None: ...

        def generate(self, tools: Any, query: QueryBundle) -> list[SubQuestion]:
            return [SubQuestion(sub_question=f"part {i}", tool_name=one.name) for i, one in enumerate(tools)]

        async def agenerate(self, tools: Any, query: QueryBundle) -> list[SubQuestion]:
            return self.generate(tools, query)

    tools = [
        QueryEngineTool.from_defaults(engine(retriever=FixedRetriever(NODES[:n])), name=f"t{n}", description="")
        for n in (1, 2)
    ]
    pipeline = SubQuestionQueryEngine.from_defaults(
        tools, question_gen=Two(), llm=MockLLM(max_tokens=2), use_async=True, verbose=False
    )
    trace = ask(LlamaIndexTarget(pipeline))
    names = [name for name, _, _ in steps(trace)]
    assert names[:2] == ["retrieve", "retrieve 2"]
    assert names[-1].startswith("synthesize")
    assert all("Sub question: part" in one.content.text for one in trace.context)
    assert trace.prompt is not None
    assert "passage" not in trace.prompt
