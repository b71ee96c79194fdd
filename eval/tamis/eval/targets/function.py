"""A function as a target: async or not, of a question, of a Content, or of a whole Request."""

import asyncio
import functools
import inspect
import time
import typing
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Literal

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..target import Request, Takes
from ..trace import Trace
from .checks import attacks_of, check_takes, marked
from .errors import TargetError
from .reply import MAX_ANSWER_BYTES, trace_of
from .threads import in_thread, said

Asks = Literal["question", "content", "request"]
"""What a function is called with: the question's text, its Content, or the Request."""

_TAKES: dict[Asks, frozenset[Takes]] = {
    "question": frozenset(),
    "content": frozenset({"images"}),
    "request": frozenset({"documents", "planted", "images"}),
}


class FunctionTarget:
    """Calls a function with each question; what it returns becomes the Trace (see ``trace_of``).

    Its one parameter says what it is called with: by its annotation (``str``, ``Content`` or ``Request``), without one
    by its name ("content", "request"), and else the question's text. So much it takes: a question alone, a question
    with images, or everything; ``takes`` says otherwise for a function that ignores a part of its Request. An async
    function runs in the event loop, any other in a thread of its own; a hanging one is let go when it is cancelled.

    Raises BadSetting for what cannot be called with one argument.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        takes: Collection[Takes] | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._function = function
        self._name = name or name_of(function)
        self._asks = asked_with(function)
        self._is_async = inspect.iscoroutinefunction(_unwrapped(function))
        self._takes = _TAKES[self._asks] if takes is None else frozenset(takes)
        self._max_answer_bytes = max_answer_bytes

    @property
    def name(self) -> str:
        """Its name, or the function's."""
        return self._name

    @property
    def takes(self) -> frozenset[Takes]:
        """What its parameter has room for, or what was said."""
        return self._takes

    async def run(self, request: Request) -> Trace:
        """One call. Raises BadInput for more than it takes, BadReply, and whatever the function raises."""
        check_takes(self._name, self._takes, request)
        argument = self._argument(request)
        started = time.perf_counter()
        if self._is_async:
            reply = await self._awaited(self._function(argument))
        else:
            reply = await in_thread(self._function, argument)
            if inspect.isawaitable(reply):
                reply = await self._awaited(reply)
        seconds = time.perf_counter() - started
        trace = marked(trace_of(reply, self._max_answer_bytes), attacks_of(request))
        return trace if trace.seconds is not None else replace(trace, seconds=seconds)

    async def close(self) -> None:
        """Nothing is held open."""

    async def _awaited(self, reply: Any) -> Any:
        try:
            return await reply
        except (Exception, asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            raise TargetError(said(error)) from error

    def _argument(self, request: Request) -> object:
        match self._asks:
            case "request":
                return request
            case "content":
                return request.query
            case "question":
                return request.query.text


def asked_with(function: Callable[..., Any]) -> Asks:
    """What a function is called with, by its one parameter. Raises BadSetting.

    >>> def answer(question: str) -> str: ...
    >>> asked_with(answer)
    'question'
    >>> asked_with(lambda request: "")
    'request'
    """
    parameters = required(function)
    if len(parameters) != 1:
        raise BadSetting(
            f"{name_of(function)} must be callable with one argument (a question, a Content or a Request); "
            f"it takes {', '.join(one.name for one in parameters) or 'none'}"
        )
    parameter = parameters[0]
    kind = _annotation(function, parameter)
    if kind is Request or (kind is None and parameter.name == "request"):
        return "request"
    if kind is Content or (kind is None and parameter.name == "content"):
        return "content"
    return "question"


def required(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that a call must give by position; the first that it may, where it must give none."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        raise BadSetting(f"{name_of(function)} does not say what it is called with: {error}") from error
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    for one in parameters:
        if one.kind is inspect.Parameter.KEYWORD_ONLY and one.default is one.empty:
            raise BadSetting(f'{name_of(function)} needs an argument "{one.name}" by name; give it a default')
    by_position = [one for one in parameters if one.kind in kinds]
    needed = [one for one in by_position if one.default is one.empty]
    spread = [one for one in parameters if one.kind is inspect.Parameter.VAR_POSITIONAL]
    return needed or by_position[:1] or spread


def name_of(function: object) -> str:
    """What a callable is called.

    >>> name_of(len)
    'len'
    """
    inner = _unwrapped(function)
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)


def _unwrapped(function: object) -> Any:
    """The function below partials, or what an object does when it is called."""
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function) and not inspect.isclass(function) and hasattr(function, "__call__"):  # noqa: B004
        return type(function).__call__.__get__(function)
    return function


def _annotation(function: Callable[..., Any], parameter: inspect.Parameter) -> object:
    if parameter.annotation is parameter.empty:
        return None
    try:
        return typing.get_type_hints(_unwrapped(function)).get(parameter.name, parameter.annotation)
    except (NameError, TypeError, AttributeError):
        # Annotations that name what is imported for type checkers only.
        written = str(parameter.annotation).rpartition(".")[2].strip("'\"")
        return {"Request": Request, "Content": Content}.get(written, str)
