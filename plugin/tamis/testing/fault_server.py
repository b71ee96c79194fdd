"""A model server on loopback that goes wrong on purpose, and counts: for tests of how steady a client is."""

import asyncio
import contextlib
import json
import math
import random
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from tamis.core.errors import BadSetting

from .fake_scorer import word_overlap

Fault = Literal[
    "rate-limit",
    "overloaded",
    "error",
    "reset",
    "stall",
    "truncated",
    "missing",
    "nan",
    "short",
    "long",
    "shuffled",
    "duplicate",
    "foreign",
    "redirect",
    "refused",
]
"""What may go wrong: 429 and 503 with ``Retry-After``, 500, a connection reset, no answer for ``stall_s``, JSON that
breaks off, scores missing or NaN, too few or too many of them, rows in another order (right, if read by index), an
index that comes twice, JSON of another service, a redirect elsewhere, and 400."""

_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)
_SIDES = re.compile(r"Passage:\n(?P<passage>.*)\n\nQuery:\n(?P<query>.*?)(?:\n\n|\Z)", re.DOTALL)


@dataclass
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: Any
    fault: Fault | None


@dataclass
class FaultServer:
    """Serves OpenAI-style chat with logprobs, ``/rerank`` (Jina, Cohere), ``/score`` (vLLM) and TEI's ``/rerank``.

    A passage's score is ``truth(query, passage)``, log-odds; None is refused with 400. Chat prompts are taken apart
    by the labels of the template "tamis". Every answer takes ``delay_s``; of the requests the share ``share`` goes
    wrong in one of the ways ``faults``, drawn with ``seed``. ``always`` (path, request number from 0) goes before that:
    it says what goes wrong with a request, None for nothing. Use it as a context manager:

    >>> with FaultServer() as server:
    ...     server.url.startswith("http://127.0.0.1:")
    True

    ``received`` are the requests so far, ``connections`` how many connections were opened, ``most_at_once`` how many
    requests were under way together.
    """

    faults: Sequence[Fault] = ()
    share: float = 0.3
    truth: Callable[[str, str], float | None] = word_overlap
    delay_s: float = 0.0
    stall_s: float = 30.0
    retry_after: str = "0.01"
    seed: int = 0
    always: Callable[[str, int], Fault | None] | None = None
    key: str | None = None
    top_logprobs: int | None = None
    port: int = 0
    received: list[Received] = field(default_factory=list, init=False)
    answered: Counter[str] = field(default_factory=Counter, init=False)
    connections: int = field(default=0, init=False)
    most_at_once: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if unknown := [fault for fault in self.faults if fault not in get_args(Fault)]:
            raise BadSetting(f'no fault is called "{unknown[0]}"; known: {", ".join(get_args(Fault))}')
        if not 0 <= self.share <= 1:
            raise BadSetting(f"share is {self.share}; it must lie in [0, 1]")
        self._random = random.Random(self.seed)
        self._at_once = 0

    @property
    def url(self) -> str:
        """The server's address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "FaultServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serves in a thread of its own, on the same port as before when it was stopped."""
        begun: threading.Event = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(begun,), name="fault-server", daemon=True)
        self._thread.start()
        begun.wait()

    def stop(self) -> None:
        """Breaks all connections off and ends the thread."""
        self._loop.call_soon_threadsafe(self._stopped.set_result, None)
        self._thread.join()

    def _run(self, begun: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve(begun))
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()

    async def _serve(self, begun: threading.Event) -> None:
        self._stopped: asyncio.Future[None] = self._loop.create_future()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=1024, limit=2**24)
        self.port = server.sockets[0].getsockname()[1]
        begun.set()
        await self._stopped
        server.close()
        # A connection that was accepted just now has a task that has not begun. It must begin, so that its end breaks
        # the connection off.
        await asyncio.sleep(0.001)
        while rest := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
        # Lets the transports of the connections that were broken off close their sockets.
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The client went away, or the server is being stopped.
            pass
        finally:
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; whether the connection stays open."""
        head = await reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(head)
        content = await reader.readexactly(int(found[1]) if found else 0)
        lines = head.decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = json.loads(content) if content else None
        fault = self._drawn(path)
        self.received.append(Received(path, headers, body, fault))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._answer(writer, path, headers, body, fault)
        finally:
            self._at_once -= 1

    def _drawn(self, path: str) -> Fault | None:
        if self.always is not None:
            return self.always(path, len(self.received))
        if self.faults and self._random.random() < self.share:
            return self._random.choice(list(self.faults))
        return None

    async def _answer(
        self, writer: asyncio.StreamWriter, path: str, headers: dict[str, str], body: Any, fault: Fault | None
    ) -> bool:
        await asyncio.sleep(self.stall_s if fault == "stall" else self.delay_s)
        self.answered[fault or "well"] += 1
        if fault == "reset":
            # A linger of 0 makes the close a reset.
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            return await _send(writer, 401, {"error": f"the key {headers.get('authorization')} is not known"})
        extra = {"retry-after": self.retry_after}
        if fault in _PLAIN:
            status, answer = _PLAIN[fault]
            where = {"location": "http://127.0.0.1:9/elsewhere"} if fault == "redirect" else extra
            return await _send(writer, status, answer, where if status in (302, 429, 503) else {})
        status, answer = self._scored(path, body, fault)
        text = json.dumps(answer)
        if fault == "truncated":
            text = text[: len(text) // 2]
        return await _send(writer, status, text)

    def _scored(self, path: str, body: Any, fault: Fault | None) -> tuple[int, Any]:
        if path.endswith("/tokenize"):
            return 200, {"tokens": [1000 + sum(map(ord, body["prompt"]))], "count": 1}
        if path.endswith("/chat/completions"):
            return self._chat(body, fault)
        if path.endswith("/score"):
            return self._list(body["text_1"], body["text_2"], fault, "data", "score", body.get("use_activation", True))
        if path.endswith("/rerank") and "texts" in body:
            return self._list(body["query"], body["texts"], fault, None, "score", not body.get("raw_scores", False))
        if path.endswith("/rerank"):
            return self._list(body["query"], body["documents"], fault, "results", "relevance_score", True)
        return 404, {"detail": "Not Found"}

    def _list(
        self, query: Any, passages: Sequence[Any], fault: Fault | None, key: str | None, score: str, squashed: bool
    ) -> tuple[int, Any]:
        values = [self.truth(_text(query), _text(passage)) for passage in passages]
        if any(value is None for value in values):
            return 400, {"error": {"message": "one of the documents cannot be read"}}
        rows: list[dict[str, Any]] = [
            {"index": at, score: 1 / (1 + math.exp(-value)) if squashed else value}
            for at, value in enumerate(value for value in values if value is not None)
        ]
        rows.sort(key=lambda row: -row[score])
        if fault == "shuffled":
            self._random.shuffle(rows)
        if fault in ("nan", "missing"):
            rows[0][score] = float("nan") if fault == "nan" else None
        if fault == "short":
            rows.pop()
        if fault == "long":
            rows.append({"index": len(rows), score: 0.5})
        if fault == "duplicate":
            rows[-1]["index"] = rows[0]["index"] if len(rows) > 1 else 1
        return 200, rows if key is None else {key: rows, "usage": {"prompt_tokens": len(passages)}}

    def _chat(self, body: Any, fault: Fault | None) -> tuple[int, Any]:
        text = _text(body["messages"][-1]["content"])
        sides = _SIDES.search(text)
        value = self.truth(sides["query"], sides["passage"]) if sides else self.truth(text, text)
        if value is None:
            return 400, {"error": {"message": "the prompt cannot be read"}}
        likely = {"Yes": -math.log1p(math.exp(-value)) - 0.01, "No": -math.log1p(math.exp(value)) - 0.01}
        rows: list[dict[str, Any]] = [{"token": token, "logprob": logprob} for token, logprob in likely.items()]
        rows += [{"token": chr(ord("A") + at), "logprob": -8.0 - at} for at in range(18)]
        if "logprob_token_ids" in body:
            for row in rows:
                row["token"] = f"token_id:{1000 + sum(map(ord, str(row['token'])))}"
            rows = [row for row in rows if int(str(row["token"])[9:]) in body["logprob_token_ids"]]
        rows.sort(key=lambda row: -float(row["logprob"]))
        most = body.get("top_logprobs", 20)
        rows = rows[: most if self.top_logprobs is None else min(most, self.top_logprobs)]
        if fault == "nan":
            rows[0]["logprob"] = float("nan")
        logprobs: Any = {"content": [{**rows[0], "top_logprobs": rows}]}
        if fault in ("missing", "short", "long", "duplicate"):
            logprobs = None if fault == "missing" else {"content": []}
        if fault == "shuffled":
            self._random.shuffle(rows)
        message = {"role": "assistant", "content": "Yes" if value > 0 else "No"}
        choice = {"index": 0, "message": message, "logprobs": logprobs if body.get("logprobs") else None}
        return 200, {"choices": [choice], "usage": {"prompt_tokens": len(text.split())}}


_PLAIN: dict[str | None, tuple[int, Any]] = {
    "rate-limit": (429, {"error": {"message": "too many requests"}}),
    "overloaded": (503, {"error": {"message": "come back later"}}),
    "error": (500, {"error": {"message": "out of memory"}}),
    "refused": (400, {"error": {"message": "no"}}),
    "foreign": (200, {"hello": "this is another service"}),
    "redirect": (302, {}),
}


def _text(content: Any) -> str:
    """The text of a message or a document, whether it is a string or a list of parts."""
    parts = content.get("content") if isinstance(content, dict) else content
    if isinstance(parts, str):
        return parts
    return " ".join(part["text"] for part in parts or () if part.get("type") == "text")


async def _send(writer: asyncio.StreamWriter, status: int, answer: Any, headers: dict[str, str] | None = None) -> bool:
    content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
    lines = [f"HTTP/1.1 {status} -", "content-type: application/json", f"content-length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + content)
    with contextlib.suppress(ConnectionError):
        await writer.drain()
    return True
