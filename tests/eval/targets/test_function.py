import asyncio
import functools
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.core.image import Image
from tamis.eval.case import Document
from tamis.eval.target import Request, Target
from tamis.eval.targets import BadReply, FunctionTarget, TargetError
from tamis.eval.trace import Trace

ASKED = Request("c1", Content("what is red?"))
PICTURE = Image(data=b"GIF89a")


def ask(target: Target, request: Request = ASKED) -> Trace:
    return asyncio.run(target.run(request))


def test_a_question_in_and_an_answer_out_with_the_time_it_took() -> None:
    def answer(question: str) -> str:
        time.sleep(0.02)
        return question.upper()

    trace = ask(FunctionTarget(answer))
    assert trace.answer == Content("WHAT IS RED?")
    assert trace.steps == ()
    assert trace.seconds is not None
    assert trace.seconds >= 0.02


class Answerer:
    def __init__(self) -> None:
        self.asked: list[object] = []

    async def __call__(self, request: Request) -> str:
        self.asked.append(request)
        return "seen"


def test_a_parameter_says_what_a_function_is_called_with() -> None:
    def of_content(anything: Content) -> str:
        return f"{type(anything).__name__}"

    def by_name(request):  # type: ignore[no-untyped-def]
        return type(request).__name__

    def plain(query):  # type: ignore[no-untyped-def]
        return type(query).__name__

    def text(found: Callable[..., Any]) -> str | None:
        return None if (answer := ask(FunctionTarget(found)).answer) is None else answer.text

    assert text(of_content) == "Content"
    assert text(by_name) == "Request"
    assert text(plain) == "str"
    assert text(functools.partial(lambda style, question: style + question, ">")) == ">what is red?"
    answerer = Answerer()
    assert text(answerer) == "seen"
    assert answerer.asked == [ASKED]


def test_it_takes_what_its_parameter_has_room_for_and_refuses_the_rest() -> None:
    def of_request(request: Request) -> str:
        return ""

    def of_content(content: Content) -> str:
        return ""

    assert FunctionTarget(of_request).takes == {"documents", "planted", "images"}
    assert FunctionTarget(of_content).takes == {"images"}
    target = FunctionTarget(lambda question: "", name="mine")
    assert target.takes == frozenset()
    planted = Request("c7", Content("q"), planted=(Document("p", Content("x"), planted="poison"),))
    with pytest.raises(BadInput, match='"mine" cannot take planted passages, and case "c7"'):
        ask(target, planted)
    with pytest.raises(BadInput, match="a corpus"):
        ask(target, Request("c7", Content("q"), documents=()))
    with pytest.raises(BadInput, match="images in the query"):
        ask(target, Request("c7", Content("q", (PICTURE,))))
    assert FunctionTarget(of_request, takes={"planted"}).takes == {"planted"}


def test_planted_documents_are_marked_in_what_it_gives_back() -> None:
    def found(request: Request) -> dict[str, object]:
        return {"answer": "x", "passages": [{"id": one.id, "text": one.content.text} for one in request.planted]}

    planted = (Document("p", Content("x"), planted="poison"), Document("q", Content("y")))
    marks = [one.planted for one in ask(FunctionTarget(found), Request("c", Content("q"), planted=planted)).context]
    assert marks == ["poison", None]


def test_what_cannot_be_called_with_one_question_is_refused() -> None:
    def two(question: str, corpus: str) -> str:
        return ""

    def named(question: str, *, corpus: str) -> str:
        return ""

    with pytest.raises(BadSetting, match=r"two .*takes question, corpus"):
        FunctionTarget(two)
    with pytest.raises(BadSetting, match='"corpus" by name'):
        FunctionTarget(named)


def test_an_error_of_the_function_is_its_own_and_none_ends_the_run() -> None:
    def broken(question: str) -> str:
        raise KeyError("no index")

    def leaving(question: str) -> str:
        sys.exit(3)

    async def leaving_async(question: str) -> str:
        sys.exit(3)

    def stopping(question: str) -> str:
        raise StopIteration

    with pytest.raises(KeyError, match="no index"):
        ask(FunctionTarget(broken))
    for function in (leaving, leaving_async, stopping):
        with pytest.raises(TargetError, match=r"the target raised (SystemExit: 3|StopIteration)"):
            ask(FunctionTarget(function))


def test_nothing_and_too_much_are_errors_and_an_empty_answer_is_an_answer() -> None:
    with pytest.raises(BadReply, match="the target returned None"):
        ask(FunctionTarget(lambda question: None))
    with pytest.raises(BadReply, match=r"10,000,000 bytes; at most 1,000,000"):
        ask(FunctionTarget(lambda question: "x" * 10_000_000))
    with pytest.raises(BadReply, match="a int"):
        ask(FunctionTarget(lambda question: 7))
    assert ask(FunctionTarget(lambda question: "")).answer == Content("")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_hanging_function_is_let_go(kind: str) -> None:
    async def hangs_async(question: str) -> str:
        await asyncio.sleep(60)
        return ""

    def hangs(question: str) -> str:
        time.sleep(5)
        return ""

    async def given_up() -> None:
        async with asyncio.timeout(0.05):
            await FunctionTarget(hangs if kind == "sync" else hangs_async).run(ASKED)

    started = time.perf_counter()
    with pytest.raises(TimeoutError):
        asyncio.run(given_up())
    # Neither the wait nor the end of the event loop waits for the thread.
    assert time.perf_counter() - started < 2


def test_more_blocking_calls_run_at_once_than_asyncio_has_threads() -> None:
    def slow(question: str) -> str:
        time.sleep(0.2)
        return ""

    async def all_of_them() -> None:
        target = FunctionTarget(slow)
        await asyncio.gather(*(target.run(ASKED) for _ in range(40)))

    started = time.perf_counter()
    asyncio.run(all_of_them())
    assert time.perf_counter() - started < 1.5
