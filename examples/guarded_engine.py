"""A guarded engine: the sentence that the passages do not support is written again, before anybody has read it.

Prints:

    stock:   Tickets to the museum cost twelve euros. A guided tour in French is included. The museum is open from ten.
    decided:
      supported   released    Tickets to the museum cost twelve euros.
      unsupported regenerated A guided tour in French is included.
      supported   released    Children under ten pay nothing.
      supported   released    The museum is open from ten to five.
    guarded:
      Tickets to the museum cost twelve euros. Children under ten pay nothing. The museum is open from ten to five.
"""

from typing import Any

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.llms.types import CompletionResponse, CompletionResponseGen, LLMMetadata
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.llms import CustomLLM

from tamis.guard import GuardedQueryEngine, GuardSentenceEvent
from tamis.retrievers import TamisEmbedding

PASSAGES = (
    "The museum is open from ten to five, and until eight on Thursdays.",
    "Tickets to the museum cost twelve euros; children under ten pay nothing.",
    "The museum was opened in 1911 by the mayor of the city.",
)
WRITTEN = "Tickets to the museum cost twelve euros. A guided tour in French is included. The museum is open from ten."
WRITTEN_AGAIN = "Children under ten pay nothing. The museum is open from ten to five."


class Model(CustomLLM):
    """Stands in for a language model that makes something up, and does better when it is told."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=8_000, model_name="stand-in")

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=WRITTEN_AGAIN if "<rejected>" in prompt else WRITTEN)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        text = self.complete(prompt).text
        for at in range(0, len(text), 4):
            yield CompletionResponse(text=text[: at + 4], delta=text[at : at + 4])


class Decisions(BaseEventHandler):
    """Prints what the guard decides."""

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        if isinstance(event, GuardSentenceEvent):
            print(f"  {event.decision:11s} {event.action:11s} {event.text}")


def main() -> None:
    """Asks an index that you have already, as it comes and guarded: the same model, the same passages."""
    documents = [Document(text=passage) for passage in PASSAGES]
    index = VectorStoreIndex.from_documents(documents, embed_model=TamisEmbedding())
    stock = index.as_query_engine(llm=Model(), streaming=True, similarity_top_k=3)
    # "exact" takes what stands in the passages word for word; as it comes, a guard judges by facts and by wording, and
    # both must agree: GuardedQueryEngine(stock), or harden(index, guard=True).
    guarded = GuardedQueryEngine(stock, {"judge": "exact"})

    print("stock:  ", stock.query("What does a visit cost?"))
    handler = Decisions()
    get_dispatcher().add_event_handler(handler)
    print("decided:")
    answer = str(guarded.query("What does a visit cost?"))
    get_dispatcher().event_handlers.remove(handler)
    print("guarded:\n ", answer)


if __name__ == "__main__":
    main()
