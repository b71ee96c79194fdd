"""The one loop that requests run on: whatever goes wrong at its beginning or its end, nobody waits for ever."""

import asyncio
import socket
import threading
import time
from concurrent.futures import CancelledError
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.models.http import HttpScorer, HttpScorerError
from tamis.models.http import worker as workers
from tamis.models.http.pool import Pool
from tamis.testing.fault_server import FaultServer


@pytest.mark.parametrize("passages", [None, 3])
def test_passages_that_are_no_list_are_an_error_and_no_hang(passages: Any) -> None:
    scorer = HttpScorer("http://127.0.0.1:1", "m", deadline_s=5.0)
    with pytest.raises(TypeError):
        scorer.score(Content("a"), passages)
    with pytest.raises(TypeError):
        asyncio.run(scorer.ascore(Content("a"), passages))


def test_work_that_cannot_begin_is_told() -> None:
    def work() -> Any:
        raise ValueError("there is nothing to begin")

    with pytest.raises(ValueError, match="nothing to begin"):
        workers.call(work)


def test_who_asks_while_it_ends_gets_another() -> None:
    workers.close()
    ending = workers.worker()

    async def slow() -> None:
        await asyncio.sleep(0.2)

    ending.closers.append(slow)
    closing = threading.Thread(target=workers.close)
    closing.start()
    while not ending._is_ending:
        time.sleep(0.001)
    with pytest.raises(workers.Ended):
        ending.submit(slow)

    async def work() -> int:
        return 1

    assert workers.call(work) == 1
    closing.join()
    assert ending.loop.is_closed()


# anyio's connect, cancelled before it has begun, leaves such a coroutine.
@pytest.mark.filterwarnings("ignore:.*connect_tcp", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_calls_and_closes_at_once_all_come_to_an_end() -> None:
    ends: list[str] = []

    def many() -> None:
        scorer = HttpScorer(server.url, "m", dialect="rerank", retries=0, deadline_s=10.0)
        for _ in range(20):
            try:
                scorer.score(Content("a"), [Content("a b")])
                ends.append("scored")
            except (CancelledError, HttpScorerError):
                ends.append("cut off")

    with FaultServer() as server:
        threads = [threading.Thread(target=many, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads) and len(ends) < 80:
            workers.close()
            time.sleep(0.002)
        for thread in threads:
            thread.join(20)
    assert len(ends) == 80


def test_a_name_that_cannot_be_looked_up_does_not_hold_up_other_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    real, go_on = socket.getaddrinfo, threading.Event()

    def slow(host: Any, *args: Any, **settings: Any) -> Any:
        if b"hangs" in (host if isinstance(host, bytes) else str(host).encode()):
            go_on.wait(20)
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return real(host, *args, **settings)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        with FaultServer() as server:
            hanging = HttpScorer("http://hangs.example:80", "m", deadline_s=0.2)
            assert hanging.score(Content("a"), [Content(f"passage {at}") for at in range(8)]) == [None] * 8
            well = HttpScorer(f"http://localhost:{server.port}", "m", dialect="rerank", deadline_s=10.0)
            began = time.monotonic()
            assert None not in well.score(Content("a b"), [Content("a b")])
            assert time.monotonic() - began < 5
    finally:
        go_on.set()


def test_connections_that_nobody_uses_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamis.models.http.pool.KEPT_S", 0.05)

    class Lane:
        def __init__(self) -> None:
            self.closed = asyncio.Event()

        async def aclose(self) -> None:
            self.closed.set()

    async def work() -> None:
        pool, lanes = Pool(), [Lane() for _ in range(5)]
        for lane in lanes:
            pool.keep("http://a:1", lane)  # type: ignore[arg-type]
        await asyncio.gather(*(lane.closed.wait() for lane in lanes))
        await pool.close()

    asyncio.run(asyncio.wait_for(work(), 10))
