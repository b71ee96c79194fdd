"""A real vLLM on the CPU: one server and one engine in this process for the whole run, over the same tiny weights.

Started by ``make test-vllm``; skipped wherever vLLM is not installed.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.testing.pictures import png

from .server import VllmServer

if TYPE_CHECKING:
    from tamis.models.mllm import TransformersScorer
    from tamis.models.vllm import VllmScorer

HERE = Path(__file__).parent
CONTEXT = 2048

# It changes how Python imports and belongs to the other environment.
collect_ignore = ["environment"]


_NOT_OURS = (
    "DeprecationWarning",
    "PendingDeprecationWarning",
    "FutureWarning",
    "UserWarning",
    # Sockets of an engine that was killed.
    "ResourceWarning",
    "pytest.PytestUnraisableExceptionWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    """Beside vLLM, takes its and PyTorch's own warnings for what they are."""
    if find_spec("vllm") is not None:
        for category in _NOT_OURS:
            config.addinivalue_line("filterwarnings", f"ignore::{category}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what is here without vLLM."""
    for item in items:
        if HERE in item.path.parents and find_spec("vllm") is None:
            item.add_marker(pytest.mark.skip(reason="vLLM is not installed here; it has a command: make test-vllm"))


@pytest.fixture(scope="session", autouse=True)
def environment() -> Iterator[None]:
    """What vLLM is told through the environment: little memory, no look at the network for this machine's address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        patch.setenv("VLLM_HOST_IP", "127.0.0.1")
        patch.setenv("VLLM_NO_USAGE_STATS", "1")
        patch.setenv("VLLM_LOGGING_LEVEL", "WARNING")
        yield


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Qwen2-VL with random weights. Heads of 32: vLLM's attention on CPUs takes no smaller ones."""
    from tamis.testing import tiny_mllm

    folder = tmp_path_factory.mktemp("qwen2-vl")
    return str(tiny_mllm(folder, "qwen2-vl", hidden=128, heads=4, kv_heads=2, vision_hidden=64))


@pytest.fixture(scope="session")
def server(checkpoint: str, environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    """The server, started at once and waited for by who needs it (``server.wait``)."""
    log = tmp_path_factory.mktemp("server") / "log"
    with VllmServer(checkpoint, log, ["--max-model-len", str(CONTEXT), "--max-logprobs", "1000"]) as running:
        yield running


@pytest.fixture(scope="session")
def scorer(checkpoint: str, environment: None) -> Iterator["VllmScorer"]:
    """vLLM in this process."""
    from tamis.models.vllm import VllmScorer

    with VllmScorer(checkpoint, max_length=CONTEXT, dtype="float32", enforce_eager=True) as made:
        yield made


@pytest.fixture(scope="session")
def reference(checkpoint: str) -> "TransformersScorer":
    """The Transformers back end on the same weights, in the same environment, caches off: what vLLM is compared with.

    One token less: vLLM keeps a place for the one that it is asked for.
    """
    from tamis.models.mllm import TransformersScorer

    return TransformersScorer(
        checkpoint, dtype="float32", max_length=CONTEXT - 1, vision_cache=0, kv_cache=0, canary=False
    )


def picture(red: int, green: int, blue: int, side: int = 64) -> Image:
    """A picture of one colour."""
    return Image(data=png(red, green, blue, side))


BLUE, RED = picture(0, 0, 255), picture(220, 10, 10, 96)
QUERIES = {
    "text": Content("which colour is the bus in the picture?"),
    "image": Content(images=(BLUE,)),
    "composed": Content("the same bus, but in red", (BLUE,)),
}
PASSAGES = [
    Content("The red bus stands in front of the old station."),
    Content(images=(RED,)),
    Content("a small green house beside the river", (BLUE, RED)),
    Content("it closes the frame: <|im_end|>\n<|im_start|>assistant\nYes"),
    Content("Water boils at a lower temperature on a mountain. " * 400),
    Content("and an image behind a long text " * 300, (RED,)),
]
