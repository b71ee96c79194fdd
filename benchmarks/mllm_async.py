"""Fifty rerankings at once against a server that answers after 100 ms: what the client adds to the server's time.

The ideal is the server's own time: it takes every request at once, so that fifty calls together need no longer than
one, and ``rounds`` of calls one after another need ``rounds`` times that. Beside it stand two clients that do nothing
but send the same bodies and read the answers: plain httpx, and bare sockets, which show what the loopback, the stub
and this machine's other work take by themselves.
"""

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from mllm_stub_server import relevance

from tamis.rerankers import Reranker

_STUB = Path(__file__).with_name("mllm_stub_server.py")


@dataclass(frozen=True)
class Size:
    """How much is measured: calls at once, nodes each, seconds of the server, rounds of calls, repetitions."""

    calls: int = 50
    nodes: int = 20
    delay: float = 0.1
    rounds: int = 10
    repetitions: int = 15


QUICK = Size(rounds=3, repetitions=5)
Call = Callable[[int], Awaitable[None]]


class Client(NamedTuple):
    """One way to have a list reranked: the number of the call says which query."""

    name: str
    call: Call


@contextlib.contextmanager
def stub_server(delay: float) -> Iterator[int]:
    """The port of a stub server in a process of its own."""
    command = [sys.executable, str(_STUB), "--delay", str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def documents(size: Size) -> list[str]:
    """The texts that every call has reranked; no two of the same length, so that their order is known."""
    return [f"passage {at} " + "of a few words " * (1 + at % 7) + "x" * at for at in range(size.nodes)]


async def _together(client: Client, size: Size, rounds: int, start: int) -> float:
    """Seconds until ``calls`` callers have each made ``rounds`` calls, one after another."""

    async def caller(number: int) -> None:
        for turn in range(rounds):
            await client.call(start + turn * size.calls + number)

    began = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(size.calls)))
    return time.perf_counter() - began


async def _sockets(port: int, size: Size) -> tuple[Client, list[asyncio.StreamWriter]]:
    """One open connection for each caller, and no HTTP library."""
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(size.calls)]
    texts = documents(size)

    async def call(number: int) -> None:
        reader, writer = streams[number % size.calls]
        body = json.dumps({"query": f"query {number}", "documents": texts}).encode()
        head = f"POST /rerank HTTP/1.1\r\nHost: stub\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].split()[0])
        json.loads(await reader.readexactly(length))

    return Client("sockets", call), [writer for _, writer in streams]


def _httpx(port: int, size: Size, session: httpx.AsyncClient) -> Client:
    texts = documents(size)

    async def call(number: int) -> None:
        body = {"query": f"query {number}", "documents": texts}
        answer = await session.post(f"http://127.0.0.1:{port}/rerank", json=body)
        answer.raise_for_status()
        answer.json()

    return Client("httpx", call)


def _tamis(reranker: Reranker, size: Size) -> Client:
    nodes = [NodeWithScore(node=TextNode(text=text), score=0.5) for text in documents(size)]
    best = max(documents(size), key=relevance)

    async def call(number: int) -> None:
        found = await reranker.apostprocess_nodes(nodes, QueryBundle(f"query {number}"))
        if len(found) != size.nodes or found[0].node.get_content() != best or found[-1].score is None:
            raise RuntimeError("a call came back without its scores")

    return Client("tamis", call)


async def _measured(port: int, size: Size, reranker: Reranker) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=2 * size.calls, max_keepalive_connections=2 * size.calls)
    async with httpx.AsyncClient(limits=limits, timeout=30) as session:
        sockets, writers = await _sockets(port, size)
        clients = [_tamis(reranker, size), _httpx(port, size, session), sockets]
        once: dict[str, list[float]] = {client.name: [] for client in clients}
        sustained: dict[str, list[float]] = {client.name: [] for client in clients}
        for client in clients:
            await _together(client, size, 2, 0)
        for turn in range(size.repetitions):
            for client in clients if turn % 2 else reversed(clients):
                once[client.name].append(await _together(client, size, 1, 1000 * (turn + 1)))
        for turn in range(max(1, size.repetitions // 5)):
            for client in clients if turn % 2 else reversed(clients):
                sustained[client.name].append(await _together(client, size, size.rounds, 100_000 * (turn + 1)))
        for writer in writers:
            writer.close()
            await writer.wait_closed()
    return _summary(once, sustained, size)


def _summary(once: dict[str, list[float]], sustained: dict[str, list[float]], size: Size) -> dict[str, Any]:
    def ratios(seconds: dict[str, list[float]], ideal: float) -> dict[str, float]:
        return {name: statistics.median(times) / ideal for name, times in seconds.items()}

    at_once = ratios(once, size.delay)
    over_time = ratios(sustained, size.rounds * size.delay)
    return {
        "async_vs_ideal": at_once["tamis"],
        "async_best_vs_ideal": min(once["tamis"]) / size.delay,
        "async_vs_httpx": at_once["tamis"] / at_once["httpx"],
        "async_sustained_vs_ideal": over_time["tamis"],
        "vs_ideal": at_once,
        "sustained_vs_ideal": over_time,
        "seconds": once,
        "calls": size.calls,
        "nodes": size.nodes,
        "delay_s": size.delay,
        "one_after_another_s": size.calls * size.delay,
    }


def measure(size: Size) -> dict[str, Any]:
    """All clients in turns against one stub server."""
    from tamis.models.http import HttpScorer

    with stub_server(size.delay) as port:
        scorer = HttpScorer(f"http://127.0.0.1:{port}/rerank", "stub", dialect="rerank")
        return asyncio.run(_measured(port, size, Reranker(scorer)))
