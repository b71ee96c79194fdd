"""ragas where it is installed, models that say what they are told to, and what a pipeline did with a question."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import PIL.Image
import pytest

from tamis.core.content import Content
from tamis.core.errors import MissingExtra
from tamis.core.image import Image
from tamis.eval.attacks.attack import Attacked
from tamis.eval.bridges.ragas_door import from_ragas
from tamis.eval.case import Case, Document
from tamis.eval.metrics.metric import Observed
from tamis.eval.trace import Passage, Step, Trace
from tamis.eval.variant import CLEAN

See = Callable[..., Observed]
Load = Callable[[str], Any]


@pytest.fixture(scope="session")
def ragas() -> Load:
    """Gives modules of the installed ragas."""
    try:
        from_ragas("ragas")
    except MissingExtra as error:
        pytest.skip(f"{error}; it has an environment of its own: make test-ragas")
    return from_ragas


@pytest.fixture
def see() -> See:
    """One question with its answer and passages; texts "a", "b", ... are passages with that id."""

    def made(
        *steps: Sequence[Passage | str],
        answer: str | Content | None = "Paris.",
        answers: Sequence[str] = ("Paris.",),
        gold: Sequence[str] = ("a",),
        documents: Sequence[Document] | None = None,
        query: Content | None = None,
        **extra: Any,
    ) -> Observed:
        asked = query or Content("What is the capital of France?")
        if documents is None:
            documents = [Document(name, Content(f"{name}: Paris is the capital of France.")) for name in gold]
        case = Case("case", asked, tuple(documents), dict.fromkeys(gold, 1), answers=tuple(answers), extra=extra)
        trace = Trace(
            tuple(Step(f"step {number}", tuple(map(_passage, step))) for number, step in enumerate(steps)),
            Content(answer) if isinstance(answer, str) else answer,
        )
        return Observed(case, CLEAN, Attacked(asked), trace)

    return made


def _passage(one: Passage | str) -> Passage:
    return one if isinstance(one, Passage) else Passage(one, Content(f"{one}: Paris is the capital of France."))


@pytest.fixture
def picture() -> Callable[..., bytes]:
    def drawn(format: str = "PNG", colour: str = "red") -> bytes:
        written = BytesIO()
        PIL.Image.new("RGB", (4, 4), colour).save(written, format)
        return written.getvalue()

    return drawn


@pytest.fixture
def with_picture(picture: Callable[..., bytes]) -> Passage:
    return Passage("a", Content("A red square.", (Image(data=picture()),)))


class Asked(list[Any]):
    """What a model was asked, in order."""


@pytest.fixture
def scripted(ragas: Load) -> Callable[..., Any]:
    """A model for ragas' sample metrics: it gives these replies in turn, the last one ever after."""
    llms, results = ragas("ragas.llms.base"), ragas("langchain_core.outputs")

    class Scripted(llms.BaseRagasLLM):  # type: ignore[misc, name-defined]
        def __init__(self, *replies: str | Exception) -> None:
            super().__init__()
            self.replies, self.asked = list(replies), Asked()

        def generate_text(self, prompt: Any, n: int = 1, **settings: Any) -> Any:
            self.asked.append(prompt)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            if isinstance(reply, Exception):
                raise reply
            return results.LLMResult(generations=[[results.Generation(text=reply)] * n])

        async def agenerate_text(self, prompt: Any, n: int = 1, **settings: Any) -> Any:
            return self.generate_text(prompt, n)

        def is_finished(self, response: Any) -> bool:
            return True

    return Scripted


@pytest.fixture
def instructed(ragas: Load) -> Callable[..., Any]:
    """A model for the metrics of ``ragas.metrics.collections``: it fills what it is asked for with these values."""
    llms = ragas("ragas.llms.base")

    class Instructed(llms.InstructorBaseRagasLLM):  # type: ignore[misc, name-defined]
        provider, model = "test", "test"

        def __init__(self, **values: Any) -> None:
            self.values, self.asked = values, Asked()
            self.client = self.chat = self.completions = self

        def generate(self, prompt: str, response_model: Any) -> Any:
            self.asked.append(prompt)
            return response_model(**self.values)

        async def agenerate(self, prompt: str, response_model: Any) -> Any:
            return self.generate(prompt, response_model)

        async def create(self, messages: Any, response_model: Any, **settings: Any) -> Any:
            return self.generate(messages, response_model)

        def _map_provider_params(self) -> dict[str, Any]:
            return {}

    return Instructed
