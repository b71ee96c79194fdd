"""A guarded engine in the laboratory: its trace has what was released, and the passages that the model saw."""

import asyncio

import pytest
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.query_engine import RetrieverQueryEngine

from tamis.core.content import Content
from tamis.eval.target import Request
from tamis.eval.targets import target_of
from tamis.guard import GuardedQueryEngine, GuardedSynthesizer

from .stand_ins import ALSO, BAD, GOOD, FakeScreen, ScriptedLLM, engine, guard, nodes


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("at", ["the engine", "the synthesizer"])
def test_the_trace_of_a_guarded_engine(streaming: bool, at: str) -> None:
    llm = ScriptedLLM(f"{GOOD} {BAD}", ALSO)
    stock = engine(llm, streaming=streaming, passages=nodes("The bus is red.", "A grenade.", "It leaves at nine."))
    settings = guard(mode="regenerate", screen=FakeScreen())
    asked: BaseQueryEngine = GuardedQueryEngine(stock, settings)
    if at == "the synthesizer":
        asked = RetrieverQueryEngine(stock.retriever, GuardedSynthesizer(stock._response_synthesizer, settings))
    trace = asyncio.run(target_of(asked).run(Request("case", Content("How is the bus?"))))
    assert trace.answer is not None
    assert trace.answer.text == f"{GOOD} {ALSO}"
    steps = [(step.name, [passage.id for passage in step.passages]) for step in trace.steps]
    assert steps == [("retrieve", ["n0", "n1", "n2"]), ("synthesize", ["n0", "n2"])]
