"""GuardedQueryEngine: any query engine, whose answers rest on their sources, sentence by sentence."""

import copy
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.callbacks.base import CallbackManager
from llama_index.core.llms import LLM, MockLLM
from llama_index.core.prompts.mixin import PromptDictType, PromptMixinType
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from tamis.core.errors import BadSetting
from tamis.core.threads import in_thread
from tamis.nodes import content_of

from .answers import Writer, aguarded, guarded, rewrite_template
from .course import Course
from .guard import Guard, guard_of
from .passages import harmless
from .queries import is_refused
from .synthesizer import GuardedSynthesizer, arefusal, refusal

_SYNTHESIZERS = ("_response_synthesizer", "response_synthesizer")
"""Where LlamaIndex's engines, and those written after its examples, keep their synthesizer."""


class GuardedQueryEngine(BaseQueryEngine):
    """Asks another query engine and gives its answer as far as it holds: see ``Guard``.

    A harmful query is refused before anything is asked. An engine with a response synthesizer (RetrieverQueryEngine,
    CitationQueryEngine and most others) is asked as a shallow copy whose synthesizer is a ``GuardedSynthesizer``:
    passages are screened before the model sees them. Of any other (a router, say) the answer is guarded and rests on
    its source nodes, and passages are not screened: put a ``PassageScreen`` into it, or guard what it asks. Where an
    engine's synthesizer is given the answers of other engines, those count as passages: guard the others as well.

    ``llm`` takes answers up again; by default the engine's own. Raises BadSetting where it has none and the guard's
    mode is "regenerate". The engine itself stays as it is.
    """

    def __init__(
        self,
        query_engine: BaseQueryEngine,
        guard: Guard | Mapping[str, Any] | bool = True,
        *,
        llm: LLM | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        settings = guard_of(guard)
        if settings is None:
            raise BadSetting(f"guard is {guard!r}; a guarded query engine needs one")
        if not isinstance(query_engine, BaseQueryEngine):
            raise BadSetting(f"a guarded query engine takes a query engine, not a {type(query_engine).__name__}")
        super().__init__(callback_manager or query_engine.callback_manager)
        self._query_engine = query_engine
        self._guard = settings
        self._rewrite_template = rewrite_template()
        self._llm = llm
        if settings.mode == "regenerate" and self._model() is None:
            raise BadSetting(
                f'the mode "regenerate" needs a language model, and the {type(query_engine).__name__} shows none: '
                'give llm=, or take the mode "cut" or "mark"'
            )

    @property
    def guard(self) -> Guard:
        """The settings."""
        return self._guard

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """What the engine retrieves, without passages that may not reach a model."""
        return harmless(self._guard, self._query_engine.retrieve(query_bundle))

    async def aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """As ``retrieve``."""
        engine: Any = self._query_engine
        if hasattr(engine, "aretrieve"):
            found = await engine.aretrieve(query_bundle)
        else:
            found = await in_thread(engine.retrieve, query_bundle)
        return await in_thread(harmless, self._guard, found)

    def synthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """What the engine makes of these passages, under guard."""
        answer = uuid.uuid4().hex
        if is_refused(self._guard, query_bundle, answer):
            return refusal(self._guard, streaming=self._streaming())
        if (engine := self._inside(answer)) is not None:
            return engine.synthesize(query_bundle, nodes, additional_source_nodes)
        kept = harmless(self._guard, nodes, answer)
        response = self._query_engine.synthesize(query_bundle, kept, additional_source_nodes)
        return guarded(response, self._course(query_bundle, response, answer), self._writer())

    async def asynthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """As ``synthesize``."""
        answer = uuid.uuid4().hex
        if await in_thread(is_refused, self._guard, query_bundle, answer):
            return arefusal(self._guard, streaming=self._streaming())
        if (engine := self._inside(answer)) is not None:
            return await engine.asynthesize(query_bundle, nodes, additional_source_nodes)
        kept = await in_thread(harmless, self._guard, nodes, answer)
        response = await self._query_engine.asynthesize(query_bundle, kept, additional_source_nodes)
        return await aguarded(response, self._course(query_bundle, response, answer), self._writer())

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        answer = uuid.uuid4().hex
        if is_refused(self._guard, query_bundle, answer):
            return refusal(self._guard, streaming=self._streaming())
        if (engine := self._inside(answer)) is not None:
            return engine.query(query_bundle)
        response = self._query_engine.query(query_bundle)
        return guarded(response, self._course(query_bundle, response, answer), self._writer())

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        answer = uuid.uuid4().hex
        if await in_thread(is_refused, self._guard, query_bundle, answer):
            return arefusal(self._guard, streaming=self._streaming())
        if (engine := self._inside(answer)) is not None:
            return await engine.aquery(query_bundle)
        response = await self._query_engine.aquery(query_bundle)
        return await aguarded(response, self._course(query_bundle, response, answer), self._writer())

    def _inside(self, answer: str) -> BaseQueryEngine | None:
        """The engine as a copy that guards where it writes; None where it does not say where that is."""
        name = self._synthesizer_name()
        if name is None:
            return None
        inner = GuardedSynthesizer(getattr(self._query_engine, name), self._guard, llm=self._llm)
        inner._rewrite_template = self._rewrite_template
        inner._screens_queries, inner._answer = False, answer
        clone = copy.copy(self._query_engine)
        # Not setattr: an engine that is a pydantic model would validate, or refuse.
        vars(clone)[name] = inner
        return clone

    def _synthesizer_name(self) -> str | None:
        held = vars(self._query_engine)
        return next((name for name in _SYNTHESIZERS if isinstance(held.get(name), BaseSynthesizer)), None)

    def _streaming(self) -> bool:
        name = self._synthesizer_name()
        return name is not None and bool(getattr(self._query_engine, name)._streaming)

    def _model(self) -> LLM | None:
        if self._llm is not None:
            return self._llm
        name = self._synthesizer_name()
        holder = self._query_engine if name is None else getattr(self._query_engine, name)
        found = getattr(holder, "_llm", None) or getattr(holder, "llm", None)
        return found if isinstance(found, LLM) else None

    def _writer(self) -> Writer:
        # Without a model nothing is regenerated, and none is asked.
        return Writer(self._model() or MockLLM(), self._rewrite_template)

    def _course(self, query: QueryBundle, response: Any, answer: str) -> Course:
        sources = getattr(response, "source_nodes", None) or ()
        evidence = [content_of(node, MetadataMode.LLM) for node in sources]
        return Course(self._guard, query.query_str, evidence, room=self._writer().room, answer=answer)

    def _get_prompts(self) -> PromptDictType:
        return {"rewrite_template": self._rewrite_template}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        self._rewrite_template = prompts.get("rewrite_template", self._rewrite_template)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {"query_engine": self._query_engine}
