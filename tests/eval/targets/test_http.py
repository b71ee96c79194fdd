import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, MediaRefused
from tamis.core.image import Image
from tamis.eval.case import Document
from tamis.eval.target import Request
from tamis.eval.targets import BadReply, HttpTarget, TargetRefused, TargetUnavailable
from tamis.eval.trace import Trace

Reply = tuple[int, dict[str, str], bytes]
ASKED = Request("c1", Content("what is red?"))


@dataclass
class Endpoint:
    """A server on loopback that answers each request by a function of its path."""

    url: str
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def endpoint(answer: Callable[[str], Reply]) -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            here.bodies.append(json.loads(body))
            here.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, headers, content = answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that gave up is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    here = Endpoint(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=lambda: server.serve_forever(0.01))
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(target: HttpTarget, *requests: Request) -> list[Trace]:
    async def all_of_them() -> list[Trace]:
        try:
            return await asyncio.gather(*(target.run(request) for request in requests))
        finally:
            await target.close()

    return asyncio.run(all_of_them())


def ok(reply: object) -> Reply:
    return 200, {}, json.dumps(reply).encode()


def test_what_is_sent_and_what_is_made_of_the_reply() -> None:
    reply = ok({"answer": "red", "passages": [{"id": "p", "text": "planted", "score": 2}, {"id": "d", "text": "x"}]})
    picture = Image(data=b"GIF89a")
    request = Request(
        "c1",
        Content("what is red?", (picture,)),
        documents=(Document("d", Content("x"), date(2024, 5, 1)),),
        planted=(Document("p", Content("planted", (picture,)), planted="poison"),),
    )
    with endpoint(lambda path: reply) as server:
        target = HttpTarget(server.url + "/ask", takes=("documents", "planted", "images"))
        (trace,) = ask(target, request)
    url = "data:image/gif;base64,R0lGODlh"
    assert server.bodies == [
        {
            "case": "c1",
            "question": "what is red?",
            "images": [url],
            "documents": [{"id": "d", "text": "x", "images": [], "date": "2024-05-01"}],
            "planted": [{"id": "p", "text": "planted", "images": [url], "date": None}],
        }
    ]
    assert trace.answer == Content("red")
    assert [(one.id, one.score, one.planted) for one in trace.context] == [("p", 2.0, "poison"), ("d", None, None)]
    assert trace.seconds is not None


def test_only_a_text_question_is_sent_where_nothing_more_was_agreed() -> None:
    target = HttpTarget("http://127.0.0.1:9/ask")
    assert target.takes == frozenset()
    with pytest.raises(BadInput, match="images in the query"):
        ask(target, Request("c", Content("q", (Image(data=b"GIF89a"),))))


def test_an_image_that_may_not_be_opened_is_not_sent() -> None:
    with endpoint(lambda path: ok({"answer": ""})) as server, pytest.raises(MediaRefused):
        ask(HttpTarget(server.url, takes=["images"]), Request("c", Content("q", (Image(path="/etc/hostname"),))))
    assert server.bodies == []


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        ((429, {"retry-after": "7"}, b"slow down"), TargetUnavailable, "answered HTTP 429"),
        ((503, {}, b""), TargetUnavailable, "answered HTTP 503"),
        ((401, {}, b"bad key"), TargetRefused, "answered HTTP 401"),
        ((204, {}, b""), TargetRefused, "answered HTTP 204"),
        ((200, {}, b"{broken"), BadReply, "7 bytes that are not JSON"),
        ((200, {}, b"\xff\xfe"), BadReply, "not JSON"),
        ((200, {}, b"[" * 100_000), BadReply, "JSON"),
        ((200, {}, b"[1]"), BadReply, "a JSON list"),
        ((200, {}, b"{}"), BadReply, "none of answer"),
        ((200, {}, b'{"answer": null}'), None, ""),
        ((200, {}, b" " * 3_000), BadReply, "more than 2,000 bytes"),
        ((200, {}, b'{"answer": "' + b"x" * 600 + b'"}'), BadReply, "600 bytes; at most 500"),
        ((302, {"location": "/else"}, b""), TargetRefused, "HTTP 302"),
        ((307, {"location": "http://127.0.0.2:9/steal"}, b""), TargetRefused, "another host, 127.0.0.2"),
        ((307, {"location": "file:///etc/passwd"}, b""), TargetRefused, "another host"),
        ((308, {"location": "/again"}, b""), TargetRefused, "more than 3 times"),
    ],
)
def test_what_goes_wrong_has_a_type_and_shows_no_key(reply: Reply, error: type[Exception] | None, said: str) -> None:
    with endpoint(lambda path: reply) as server:
        host = server.url.removeprefix("http://")
        target = HttpTarget(
            f"http://user:k3y@{host}/ask?token=k3y",
            headers={"x-api-key": "k3y"},
            max_reply_bytes=2_000 if len(reply[2]) < 10_000 else 10**6,
            max_answer_bytes=500,
        )
        assert "k3y" not in repr(target) + target.name
        if error is None:
            assert ask(target, ASKED)[0].answer is None
            return
        with pytest.raises(error, match=said) as caught:
            ask(target, ASKED)
    assert "k3y" not in str(caught.value)
    assert "slow down" not in str(caught.value)
    assert server.headers[0]["x-api-key"] == "k3y"
    if isinstance(caught.value, TargetUnavailable):
        assert caught.value.retry_after_s == (7.0 if reply[0] == 429 else None)
    if isinstance(caught.value, TargetRefused) and reply[0] != 308:
        assert caught.value.status == reply[0]


def test_a_redirect_on_the_same_host_is_followed_with_the_body() -> None:
    def answer(path: str) -> Reply:
        return ok({"answer": path}) if path == "/ask/" else (307, {"location": "/ask/"}, b"")

    with endpoint(answer) as server:
        (trace,) = ask(HttpTarget(server.url + "/ask"), ASKED)
    assert trace.answer == Content("/ask/")
    assert server.bodies[0] == server.bodies[1]


def test_many_requests_at_once_get_their_own_answers() -> None:
    with endpoint(lambda path: ok({"answer": "x"})) as server:
        traces = ask(HttpTarget(server.url), *(Request(f"c{i}", Content(f"q{i}")) for i in range(16)))
    assert len(traces) == 16
    assert sorted(body["question"] for body in server.bodies) == sorted(f"q{i}" for i in range(16))


def test_an_endpoint_that_is_not_there_or_hangs() -> None:
    gate = threading.Event()

    def hangs(path: str) -> Reply:
        gate.wait(5)
        return ok({"answer": ""})

    with pytest.raises(TargetUnavailable, match="could not be asked: ConnectError"):
        ask(HttpTarget("http://127.0.0.1:9/"), ASKED)
    with endpoint(hangs) as server:
        with pytest.raises(TargetUnavailable, match=r"no answer in 0\.05 s"):
            ask(HttpTarget(server.url, timeout_s=0.05), ASKED)

        async def given_up() -> None:
            target = HttpTarget(server.url)
            try:
                async with asyncio.timeout(0.05):
                    await target.run(ASKED)
            finally:
                await target.close()

        with pytest.raises(TimeoutError):
            asyncio.run(given_up())
        gate.set()


def test_bad_settings_name_no_secret() -> None:
    for url in ("ftp://user:k3y@host/", "http://", "http://host:k3y/"):
        with pytest.raises(BadSetting) as caught:
            HttpTarget(url)
        assert "k3y" not in str(caught.value)
    with pytest.raises(BadSetting, match="authorization") as caught:
        HttpTarget("http://127.0.0.1/", headers={"authorization": "k3y\n"})
    assert "k3y" not in str(caught.value)
