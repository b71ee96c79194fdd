"""Ways to ask an engine, all of which must give the same."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse

Ask = Callable[[BaseQueryEngine, str], "tuple[str, list[str]]"]
"""The answer and the ids of its sources."""


def _read(response: Any) -> str:
    if isinstance(response, StreamingResponse):
        return "".join(response.response_gen)
    return str(response.response)


def _waiting(engine: BaseQueryEngine, query: str) -> tuple[str, list[str]]:
    response = engine.query(query)
    return _read(response), [one.node.node_id for one in response.source_nodes]


def _awaiting(engine: BaseQueryEngine, query: str) -> tuple[str, list[str]]:
    async def work() -> tuple[str, list[str]]:
        response = await engine.aquery(query)
        if isinstance(response, AsyncStreamingResponse):
            text = "".join([token async for token in response.response_gen])
        else:
            text = _read(response)
        return text, [one.node.node_id for one in response.source_nodes]

    return asyncio.run(work())


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return _waiting if request.param == "sync" else _awaiting
