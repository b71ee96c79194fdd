"""Which failures may pass, and how errors are told."""

import httpx
import pytest

from tamis.core.errors import BadInput, TamisError
from tamis.eval.run.attempt import is_passing, reason_of

REQUEST = httpx.Request("POST", "http://localhost/")


def _status(code: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("no", request=REQUEST, response=httpx.Response(code, request=REQUEST))


def _caused(cause: Exception) -> TamisError:
    error = BadInput("the endpoint gave no answer")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionRefusedError(),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("closed"),
        _status(429),
        _status(503),
        _caused(httpx.ReadError("reset")),
    ],
)
def test_what_may_pass(error: Exception) -> None:
    assert is_passing(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        BadInput("a planted passage"),
        KeyError("x"),
        _status(400),
        _status(404),
        _caused(ValueError()),
        httpx.InvalidURL("x"),
    ],
)
def test_what_will_not(error: Exception) -> None:
    assert not is_passing(error)


def test_a_reason_is_one_short_line() -> None:
    assert reason_of(RuntimeError()) == "RuntimeError"
    assert len(reason_of(RuntimeError("x\n" * 5000))) == 500
