"""Streams: nothing is released that was not judged, nobody waits in vain, and who goes away stops the model."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from llama_index.core.base.llms.types import CompletionResponse, CompletionResponseAsyncGen
from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from pydantic import PrivateAttr

from tamis.guard import GuardedQueryEngine, GuardOutcomeEvent
from tamis.testing.event_loop import must_not_block
from tamis.testing.recording import recording

from .stand_ins import ALSO, BAD, GOOD, FakeJudge, ScriptedLLM, engine, guard

LONG = " ".join([GOOD, ALSO] * 40)


def streaming(llm: ScriptedLLM, **settings: Any) -> GuardedQueryEngine:
    return GuardedQueryEngine(engine(llm, streaming=True), guard(**settings))


def opened(guarded: GuardedQueryEngine) -> StreamingResponse:
    response = guarded.query("How is the bus?")
    assert isinstance(response, StreamingResponse)
    return response


async def aopened(guarded: GuardedQueryEngine) -> AsyncStreamingResponse:
    response = await guarded.aquery("How is the bus?")
    assert isinstance(response, AsyncStreamingResponse)
    return response


def test_a_sentence_is_released_as_soon_as_it_is_complete_and_never_before_it_is_judged() -> None:
    llm, judge = ScriptedLLM(f"{GOOD} {ALSO} It ends.", step=1), FakeJudge()
    released = ""
    for text in opened(streaming(llm, judge=judge)).response_gen:
        released += text
        assert judge.calls[-1] == [text.strip()]
        # No more was written than it takes to know that the sentence is over: a word of the next one.
        assert len(llm.seen.written) <= len(released) + 9
    assert released == f"{GOOD} {ALSO} It ends."
    assert len(judge.calls) == 3


@pytest.mark.parametrize("mode", ["cut", "regenerate"])
def test_the_model_stops_where_the_answer_stops(mode: str) -> None:
    llm = ScriptedLLM(f"{GOOD} {BAD} {LONG}", ALSO, step=1)
    text = "".join(opened(streaming(llm, mode=mode)).response_gen)
    assert BAD not in text
    assert len(llm.seen.written) < len(f"{GOOD} {BAD} {GOOD} {ALSO}")
    assert llm.seen.open == 0


def test_closing_a_stream_closes_the_models() -> None:
    llm = ScriptedLLM(LONG, step=1)
    tokens = opened(streaming(llm)).response_gen
    assert next(tokens) == GOOD
    assert llm.seen.open == 1
    with recording() as seen:
        tokens.close()
    assert llm.seen.open == 0
    assert [event.ending for event in seen.events if isinstance(event, GuardOutcomeEvent)] == ["stopped"]
    assert len(llm.seen.written) < 40


def test_closing_an_awaited_stream_closes_the_models() -> None:
    llm = ScriptedLLM(LONG, step=1)

    async def work() -> None:
        tokens = (await aopened(streaming(llm))).response_gen
        assert await anext(tokens) == GOOD
        assert llm.seen.open == 1
        with recording():
            await tokens.aclose()
        assert llm.seen.open == 0

    asyncio.run(work())


class Connection:
    """What an HTTP client reads from."""

    def __init__(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    async def aclose(self) -> None:
        self.is_open = False


class ClientStream:
    """Like a stream of OpenAI's client: it refers to its own generator, so that dropping it does not end it."""

    def __init__(self, text: str) -> None:
        self.response = Connection()
        self._iterator = self._read(text)

    def _read(self, text: str) -> Iterator[str]:
        try:
            yield from text
        finally:
            self.response.close()

    def __iter__(self) -> Iterator[str]:
        for item in self._iterator:  # noqa: UP028 - "yield from" would hand the closing on
            yield item

    def __next__(self) -> str:
        return next(self._iterator)

    def close(self) -> None:
        self.response.close()


class AsyncClientStream:
    """The same, awaited."""

    def __init__(self, text: str) -> None:
        self.response = Connection()
        self._iterator = self._read(text)

    async def _read(self, text: str) -> AsyncIterator[str]:
        try:
            for character in text:
                yield character
        finally:
            await self.response.aclose()

    async def __aiter__(self) -> AsyncIterator[str]:
        async for item in self._iterator:
            yield item

    async def __anext__(self) -> str:
        return await anext(self._iterator)

    async def close(self) -> None:
        await self.response.aclose()


class HttpLLM(ScriptedLLM):
    """Streams through a client, and keeps its connections to be looked at."""

    _connections: list[Connection] = PrivateAttr(default_factory=list)

    def __init__(self, *replies: str) -> None:
        super().__init__(*replies)

    @property
    def connections(self) -> list[Connection]:
        """Those that were opened so far."""
        return self._connections

    def _streamed(self, text: str) -> Any:
        client = ClientStream(text)
        self.connections.append(client.response)
        so_far = ""
        for delta in client:
            so_far += delta
            yield CompletionResponse(text=so_far, delta=delta)

    async def _astreamed(self, text: str) -> CompletionResponseAsyncGen:
        client = AsyncClientStream(text)
        self.connections.append(client.response)
        so_far = ""
        async for delta in client:
            so_far += delta
            yield CompletionResponse(text=so_far, delta=delta)


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No garbage is collected that something still refers to."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("mode", ["cut", "regenerate"])
def test_the_connection_is_closed_where_the_answer_stops(mode: str) -> None:
    llm = HttpLLM(f"{GOOD} {BAD} {LONG}", ALSO)
    assert "".join(opened(streaming(llm, mode=mode)).response_gen).startswith(GOOD)
    assert llm.connections
    assert not any(one.is_open for one in llm.connections)


@pytest.mark.usefixtures("uncollected")
def test_closing_a_stream_closes_the_connection() -> None:
    llm = HttpLLM(LONG)
    tokens = opened(streaming(llm)).response_gen
    assert next(tokens) == GOOD
    assert [one.is_open for one in llm.connections] == [True]
    tokens.close()
    assert [one.is_open for one in llm.connections] == [False]


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("mode", ["cut", "regenerate"])
def test_an_awaited_connection_is_closed_where_the_answer_stops(mode: str) -> None:
    llm = HttpLLM(f"{GOOD} {BAD} {LONG}", ALSO)

    async def work() -> None:
        response = await aopened(streaming(llm, mode=mode))
        assert "".join([token async for token in response.response_gen]).startswith(GOOD)
        assert llm.connections
        assert not any(one.is_open for one in llm.connections)

    asyncio.run(work())


@pytest.mark.parametrize("where", ["the model writes", "a judge judges"])
def test_cancelling_whoever_reads_stops_the_model(where: str) -> None:
    judging = where == "a judge judges"
    llm = ScriptedLLM(LONG, step=1, delay_s=0.0 if judging else 0.005)

    async def work() -> None:
        response = await aopened(streaming(llm, judge=FakeJudge(delay_s=0.2 if judging else 0.0)))

        async def read() -> str:
            return "".join([token async for token in response.response_gen])

        reader = asyncio.create_task(read())
        await asyncio.sleep(0.1)
        assert llm.seen.open == 1
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await asyncio.sleep(0.01)
        assert llm.seen.open == 0

    asyncio.run(work())


def test_an_error_in_the_stream_comes_after_what_was_released() -> None:
    with recording() as seen:
        tokens = opened(streaming(ScriptedLLM(GOOD + " It leaves ", breaks="the server went away"))).response_gen
        assert next(tokens) == GOOD
        with pytest.raises(ConnectionError, match="went away"):
            next(tokens)
    [outcome] = [event for event in seen.events if isinstance(event, GuardOutcomeEvent)]
    assert (outcome.ending, outcome.reason) == ("failed", "ConnectionError: the server went away")


def test_judging_never_holds_up_the_event_loop() -> None:
    guarded = GuardedQueryEngine(engine(ScriptedLLM(script=lambda prompt: GOOD)), guard(judge=FakeJudge(delay_s=0.3)))
    must_not_block(lambda: guarded.aquery("How is the bus?"))


def test_awaited_judging_is_done_in_other_threads_and_waited_for_judging_in_the_callers() -> None:
    import threading

    judge = FakeJudge()
    guarded = GuardedQueryEngine(engine(ScriptedLLM(script=lambda prompt: GOOD)), guard(judge=judge))
    guarded.query("How is the bus?")
    assert judge.threads == {threading.get_ident()}
    judge.threads.clear()
    asyncio.run(guarded.aquery("How is the bus?"))
    assert threading.get_ident() not in judge.threads
    assert judge.threads


def answers_of(count: int) -> Callable[[str], str]:
    """A model that answers each question with its own number, every third one wrongly."""

    def script(prompt: str) -> str:
        number = int(prompt.rpartition("number ")[2].split("?")[0])
        assert number < count
        return f"The number is {number}. {BAD if number % 3 == 0 else GOOD} So it is {number}."

    return script


def test_many_answers_at_once_do_not_touch_each_other() -> None:
    count = 24
    guarded = streaming(ScriptedLLM(script=answers_of(count), step=2, delay_s=0.0005), judge=FakeJudge(delay_s=0.002))

    async def one(number: int) -> str:
        response = await guarded.aquery(f"What is number {number}?")
        assert isinstance(response, AsyncStreamingResponse)
        return "".join([token async for token in response.response_gen])

    async def work() -> list[str]:
        return list(await asyncio.gather(*(one(number) for number in range(count))))

    for number, text in enumerate(asyncio.run(work())):
        assert text.startswith(f"The number is {number}.")
        assert text.endswith("sources.]" if number % 3 == 0 else f"So it is {number}.")


def test_many_threads_at_once_get_what_each_would_get_alone() -> None:
    from concurrent.futures import ThreadPoolExecutor

    guarded = GuardedQueryEngine(engine(ScriptedLLM(script=answers_of(24))), guard())
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda number: str(guarded.query(f"What is number {number}?")), range(24)))
    assert together == [str(guarded.query(f"What is number {number}?")) for number in range(24)]


def test_a_very_long_answer_is_judged_in_good_time() -> None:
    """Fifty thousand words: work for judge and splitter grows with the answer, not with its square."""
    text = " ".join([GOOD, ALSO] * 4_000)
    start = time.process_time()
    assert str(GuardedQueryEngine(engine(ScriptedLLM(text)), guard()).query("How is the bus?")) == text
    assert time.process_time() - start < 20
