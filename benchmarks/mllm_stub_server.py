"""The async benchmark's stub: a rerank server that takes everything at once and answers each after a fixed time.

    python benchmarks/mllm_stub_server.py --delay 0.1

It prints its port and serves until its standard input is closed. It speaks HTTP/1.1 with connections kept open and the
Jina-style rerank format; a document's relevance is 1 / (1 + its length), so that a client's answer can be checked.
"""

import argparse
import asyncio
import json
import re
import sys

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


def relevance(document: str) -> float:
    """What the stub thinks of a document, in (0, 1)."""
    return 1 / (1 + len(document))


class _Connection(asyncio.Protocol):
    """One client's connection: whole requests are cut out of the stream, each answered after the delay."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            if len(rest) < length:
                return
            body, self.received = rest[:length], rest[length:]
            asyncio.get_running_loop().call_later(self.delay, self._answer, body)

    def _answer(self, body: bytes) -> None:
        if self.transport.is_closing():
            return
        documents = json.loads(body)["documents"] if body else []
        results = [{"index": at, "relevance_score": relevance(str(one))} for at, one in enumerate(documents)]
        answer = json.dumps({"results": results}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
        self.transport.write(head.encode() + answer)  # type: ignore[attr-defined]


async def serve(delay: float) -> None:
    """Serves on a free port of the loopback until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(delay), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay", type=float, default=0.1, help="seconds from a request's last byte to its answer")
    asyncio.run(serve(parser.parse_args().delay))
