"""What becomes of answers, whole or streamed, waited for or awaited, by the ways of the guard."""

from typing import Any

import pytest
from llama_index.core import get_response_synthesizer
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import AsyncStreamingResponse, Response, StreamingResponse
from llama_index.core.indices.query.query_transform.base import IdentityQueryTransform
from llama_index.core.query_engine import (
    CitationQueryEngine,
    CustomQueryEngine,
    RetrieverQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.response_synthesizers import BaseSynthesizer, ResponseMode
from llama_index.core.schema import NodeWithScore

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.guard import GuardedQueryEngine, GuardedSynthesizer
from tamis.nodes import node_of
from tamis.testing import FixedRetriever
from tamis.testing.pictures import png

from .conftest import Ask
from .stand_ins import ALSO, BAD, GOOD, LAST, FakeJudge, ScriptedLLM, engine, guard, nodes, retriever_of

ANSWER = f"{GOOD} {ALSO}\n\n{LAST}{BAD} {GOOD}"
NOTICE = "[The answer ends here: the next sentence is not supported by the sources.]"
IDS = ["n0", "n1", "n2"]
MODES = [ResponseMode.COMPACT, ResponseMode.REFINE, ResponseMode.TREE_SUMMARIZE, ResponseMode.SIMPLE_SUMMARIZE]

whole_or_streamed = pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])


@whole_or_streamed
@pytest.mark.parametrize("step", [1, 2, 7, 1_000])
def test_an_answer_that_holds_comes_through_character_by_character(ask: Ask, streaming: bool, step: int) -> None:
    text = f"  {GOOD} {ALSO}\n\n- {LAST}\n  👍🏽 e\u0301 «fin» \n"
    guarded = GuardedQueryEngine(engine(ScriptedLLM(text, step=step), streaming=streaming), guard())
    assert ask(guarded, "How is the bus?") == (text, IDS)


@whole_or_streamed
@pytest.mark.parametrize("step", [1, 5, 1_000])
def test_cut_ends_the_answer_before_the_first_sentence_that_does_not_hold(ask: Ask, streaming: bool, step: int) -> None:
    guarded = GuardedQueryEngine(engine(ScriptedLLM(ANSWER, step=step), streaming=streaming), guard())
    text, sources = ask(guarded, "How is the bus?")
    assert text == f"{GOOD} {ALSO}\n\n{LAST} {NOTICE}"
    assert sources == IDS


@whole_or_streamed
def test_mark_goes_on_and_says_which_sentence_does_not_hold(ask: Ask, streaming: bool) -> None:
    guarded = GuardedQueryEngine(engine(ScriptedLLM(ANSWER), streaming=streaming), guard(mode="mark"))
    text, _ = ask(guarded, "How is the bus?")
    assert text == f"{GOOD} {ALSO}\n\n{LAST}{BAD} [not supported by the sources] {GOOD}"


@whole_or_streamed
def test_regenerate_takes_the_answer_up_from_before_the_sentence(ask: Ask, streaming: bool) -> None:
    llm = ScriptedLLM(f"{GOOD} {BAD} {LAST}", f" \n{ALSO} {LAST}")
    guarded = GuardedQueryEngine(engine(llm, streaming=streaming), guard(mode="regenerate"))
    text, sources = ask(guarded, "How is the bus?")
    assert text == f"{GOOD} {ALSO} {LAST}"
    assert sources == IDS
    assert len(llm.seen.prompts) == 2
    prompt = llm.seen.prompts[1]
    assert '<passage id="1">\nThe bus is red and leaves' in prompt
    assert f"<answer>\n{GOOD}\n</answer>" in prompt
    assert f"<rejected>\n{BAD}\n</rejected>" in prompt
    assert "<question>\nHow is the bus?\n</question>" in prompt


@whole_or_streamed
def test_regeneration_is_bounded_and_then_cuts(ask: Ask, streaming: bool) -> None:
    llm = ScriptedLLM(f"{GOOD} {BAD}", BAD, f"{ALSO} To the moon again.")
    guarded = GuardedQueryEngine(engine(llm, streaming=streaming), guard(mode="regenerate", tries=2))
    text, _ = ask(guarded, "How is the bus?")
    assert text == f"{GOOD} {ALSO} {NOTICE}"
    assert len(llm.seen.prompts) == 3


@whole_or_streamed
@pytest.mark.parametrize("reply", ["NONE", "NONE.", " \n**NONE** "])
def test_where_the_passages_have_nothing_to_add_the_answer_ends(ask: Ask, streaming: bool, reply: str) -> None:
    guarded = GuardedQueryEngine(
        engine(ScriptedLLM(f"{GOOD} {BAD}", reply), streaming=streaming), guard(mode="regenerate")
    )
    assert ask(guarded, "How is the bus?")[0] == GOOD


@whole_or_streamed
def test_where_nothing_at_all_holds_the_answer_says_so(ask: Ask, streaming: bool) -> None:
    guarded = GuardedQueryEngine(engine(ScriptedLLM(BAD, "NONE"), streaming=streaming), guard(mode="regenerate"))
    assert ask(guarded, "How is the bus?")[0] == NOTICE


@whole_or_streamed
def test_what_a_regenerating_model_repeats_is_not_said_twice(ask: Ask, streaming: bool) -> None:
    llm = ScriptedLLM(f"{GOOD} {BAD}", f"The  bus is RED. {ALSO}")
    guarded = GuardedQueryEngine(engine(llm, streaming=streaming), guard(mode="regenerate"))
    assert ask(guarded, "How is the bus?")[0] == f"{GOOD} {ALSO}"


@whole_or_streamed
@pytest.mark.parametrize("replies", [[], [""], ["  "]], ids=["an error", "nothing", "white space"])
def test_a_model_that_fails_to_regenerate_loses_nothing_that_was_released(
    ask: Ask, streaming: bool, replies: list[str]
) -> None:
    llm = ScriptedLLM(f"{GOOD} {BAD}", *replies)
    guarded = GuardedQueryEngine(engine(llm, streaming=streaming), guard(mode="regenerate"))
    assert ask(guarded, "How is the bus?")[0] == f"{GOOD} {NOTICE}"


def test_an_error_of_the_engine_is_the_callers_as_without_a_guard(ask: Ask) -> None:
    with pytest.raises(RuntimeError, match="script has ended"):
        ask(GuardedQueryEngine(engine(ScriptedLLM()), guard()), "How is the bus?")


@whole_or_streamed
@pytest.mark.parametrize("mode", MODES)
def test_engines_of_every_kind_are_guarded(ask: Ask, streaming: bool, mode: ResponseMode) -> None:
    llm = ScriptedLLM(script=lambda prompt: f"{GOOD} {BAD} {LAST}")
    plain, _ = ask(engine(llm, streaming=streaming, mode=mode), "How is the bus?")
    assert BAD in plain
    guarded, sources = ask(GuardedQueryEngine(engine(llm, streaming=streaming, mode=mode), guard()), "How is the bus?")
    assert guarded == f"{GOOD} {NOTICE}"
    assert sources == IDS


def test_a_citation_engine_is_guarded_and_keeps_its_numbered_sources(ask: Ask) -> None:
    judge = FakeJudge()
    stock = CitationQueryEngine(
        FixedRetriever(nodes()), llm=ScriptedLLM(f"{GOOD} [1] {BAD}", step=4), citation_chunk_size=64
    )
    text, sources = ask(GuardedQueryEngine(stock, guard(judge=judge)), "How is the bus?")
    assert text == f"{GOOD} [1] {NOTICE}"
    assert len(sources) == 3
    assert judge.evidence[0][0].text.startswith("Source 1:")


def test_an_engine_that_only_answers_is_guarded_by_its_sources(ask: Ask) -> None:
    judge = FakeJudge()
    stock = TransformQueryEngine(engine(ScriptedLLM(f"{GOOD} {BAD}")), IdentityQueryTransform())
    text, sources = ask(GuardedQueryEngine(stock, guard(judge=judge)), "How is the bus?")
    assert text == f"{GOOD} {NOTICE}"
    assert sources == IDS
    assert [one.text for one in judge.evidence[0]] == [one.node.get_content() for one in nodes()]


def test_an_engine_that_only_answers_regenerates_with_the_model_it_is_given(ask: Ask) -> None:
    stock = TransformQueryEngine(engine(ScriptedLLM(f"{GOOD} {BAD}")), IdentityQueryTransform())
    guarded = GuardedQueryEngine(stock, guard(mode="regenerate"), llm=ScriptedLLM(ALSO))
    assert ask(guarded, "How is the bus?")[0] == f"{GOOD} {ALSO}"


class OneOfTheDocumentation(CustomQueryEngine):
    """As LlamaIndex's documentation writes them."""

    retriever: BaseRetriever
    response_synthesizer: BaseSynthesizer

    def custom_query(self, query_str: str) -> Any:
        return self.response_synthesizer.synthesize(query_str, self.retriever.retrieve(query_str))


def test_a_custom_engine_is_guarded_at_its_synthesizer(ask: Ask) -> None:
    stock = OneOfTheDocumentation(
        retriever=FixedRetriever(nodes()),
        response_synthesizer=get_response_synthesizer(llm=ScriptedLLM(f"{GOOD} {BAD}")),
    )
    assert ask(GuardedQueryEngine(stock, guard()), "How is the bus?")[0] == f"{GOOD} {NOTICE}"


@whole_or_streamed
def test_a_guarded_synthesizer_does_the_same_within_an_engine(ask: Ask, streaming: bool) -> None:
    inner = get_response_synthesizer(llm=ScriptedLLM(ANSWER), streaming=streaming)
    stock = RetrieverQueryEngine(FixedRetriever(nodes()), GuardedSynthesizer(inner, guard()))
    assert ask(stock, "How is the bus?") == (f"{GOOD} {ALSO}\n\n{LAST} {NOTICE}", IDS)


def test_a_guarded_synthesizer_guards_texts_too() -> None:
    import asyncio

    judge = FakeJudge()
    inner = get_response_synthesizer(llm=ScriptedLLM(script=lambda prompt: f"{GOOD} {BAD}"))
    guarded = GuardedSynthesizer(inner, guard(judge=judge))
    assert guarded.get_response("How is the bus?", ["The bus is red."]) == f"{GOOD} {NOTICE}"
    assert asyncio.run(guarded.aget_response("How is the bus?", ["The bus is red."])) == f"{GOOD} {NOTICE}"
    assert [one.text for one in judge.evidence[0]] == ["The bus is red."]


def test_responses_are_of_the_kind_the_engine_gives() -> None:
    import asyncio

    llm = ScriptedLLM(script=lambda prompt: GOOD)
    whole, streamed = (GuardedQueryEngine(engine(llm, streaming=one), guard()) for one in (False, True))
    assert type(whole.query("?")) is Response
    assert type(asyncio.run(whole.aquery("?"))) is Response
    assert type(streamed.query("?")) is StreamingResponse
    assert type(asyncio.run(streamed.aquery("?"))) is AsyncStreamingResponse


def test_nothing_that_was_handed_over_is_changed(ask: Ask) -> None:
    stock = engine(ScriptedLLM(script=lambda prompt: f"{GOOD} {BAD}"))
    synthesizer, before = stock._response_synthesizer, [one.to_dict() for one in retriever_of(stock).nodes]
    guarded = GuardedQueryEngine(stock, guard())
    ask(guarded, "How is the bus?")
    assert stock._response_synthesizer is synthesizer
    assert [one.to_dict() for one in retriever_of(stock).nodes] == before
    assert str(stock.query("How is the bus?")) == f"{GOOD} {BAD}"


def test_without_passages_the_engines_own_words_come_through(ask: Ask) -> None:
    judge = FakeJudge(denies=["Empty"])
    for streaming in (False, True):
        guarded = GuardedQueryEngine(engine(ScriptedLLM(), streaming=streaming, passages=[]), guard(judge=judge))
        assert ask(guarded, "How is the bus?")[0] == "Empty Response"
    assert judge.calls == []


def test_saying_that_there_is_no_answer_needs_no_support(ask: Ask) -> None:
    judge = FakeJudge(denies=["context"])
    guarded = GuardedQueryEngine(engine(ScriptedLLM("The context does not mention the price.")), guard(judge=judge))
    assert ask(guarded, "What does it cost?")[0] == "The context does not mention the price."
    assert judge.calls == []


def test_retrieving_and_synthesizing_apart_is_guarded() -> None:
    guarded = GuardedQueryEngine(engine(ScriptedLLM(f"{GOOD} {BAD}")), guard())
    from llama_index.core.schema import QueryBundle

    found = guarded.retrieve(QueryBundle("How is the bus?"))
    assert [one.node.node_id for one in found] == IDS
    assert str(guarded.synthesize(QueryBundle("How is the bus?"), found)) == f"{GOOD} {NOTICE}"


def test_a_notice_of_nothing_adds_nothing(ask: Ask) -> None:
    guarded = GuardedQueryEngine(engine(ScriptedLLM(f"{GOOD} {BAD}")), guard(notice=""))
    assert ask(guarded, "How is the bus?")[0] == GOOD


def test_the_prompt_can_be_seen_and_exchanged() -> None:
    from llama_index.core import PromptTemplate

    llm = ScriptedLLM(f"{GOOD} {BAD}", ALSO)
    guarded = GuardedQueryEngine(engine(llm), guard(mode="regenerate"))
    assert {"rewrite_template", "query_engine:response_synthesizer:text_qa_template"} <= set(guarded.get_prompts())
    guarded.update_prompts({"rewrite_template": PromptTemplate("Go on: {answer}")})
    assert str(guarded.query("How is the bus?")) == f"{GOOD} {ALSO}"
    assert llm.seen.prompts[1] == f"Go on: {GOOD}"


@whole_or_streamed
def test_a_multimodal_engine_is_guarded_and_its_images_are_evidence(ask: Ask, streaming: bool) -> None:
    judge = FakeJudge()
    llm = ScriptedLLM(f"{GOOD} {BAD}", chats=True)
    pictured = NodeWithScore(node=node_of(Content("A bus.", (Image(data=png(255, 0, 0)),)), id="n0"), score=1.0)
    stock = RetrieverQueryEngine.from_args(FixedRetriever([pictured]), llm=llm, multimodal=True, streaming=streaming)
    text, sources = ask(GuardedQueryEngine(stock, guard(judge=judge)), "How is the bus?")
    assert (text, sources) == (f"{GOOD} {NOTICE}", ["n0"])
    assert [(one.text, len(one.images)) for one in judge.evidence[0]] == [("A bus.", 1)]
