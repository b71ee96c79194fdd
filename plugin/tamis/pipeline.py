"""harden(): a LlamaIndex index, retriever or Tamis store in, a query engine that withstands look-alikes out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from llama_index.core import Settings, get_response_synthesizer
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.indices.base import BaseIndex
from llama_index.core.indices.vector_store.base import VectorStoreIndex
from llama_index.core.llms import LLM, MockLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.response_synthesizers.no_text import NoText

from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.guard import GuardedSynthesizer, guard_of
from tamis.rerankers import AdaptiveTopK, DuplicateFilter, Reranker
from tamis.rerankers.defend import defence_of
from tamis.rerankers.order import order_named
from tamis.retrievers import HybridRetriever, Store
from tamis.retrievers.settings import at_least_one

from .config import PipelineConfig

Source = BaseIndex[Any] | BaseRetriever | Store


class Stages(NamedTuple):
    """A hardened pipeline in parts, for engines that ``harden`` does not build: chat, citation, agents."""

    retriever: BaseRetriever
    postprocessors: list[BaseNodePostprocessor]


def stages(source: Source, config: PipelineConfig | str | Path | None = None, **settings: Any) -> Stages:
    """The stages that ``harden`` would put into an engine, in the order in which they run.

    ``config`` is a PipelineConfig or a tamis.toml, ``settings`` override it: see PipelineConfig for their names.
    """
    chosen = _chosen(config, settings)
    at_least_one("candidates", chosen.candidates)
    media = _media(source, chosen.media)
    post: list[BaseNodePostprocessor] = [
        Reranker(
            scorer=chosen.scorer,
            calibrator=chosen.calibrator,
            fallback=chosen.fallback,
            deadline_s=chosen.deadline_s,
            batch_size=chosen.batch_size,
            media=media,
        )
    ]
    if chosen.duplicates is not None:
        post.append(DuplicateFilter(threshold=chosen.duplicates))
    post.extend(_defences(chosen.defences))
    post.append(
        AdaptiveTopK(
            policy=chosen.policy,
            min_k=chosen.min_k,
            max_k=chosen.max_k,
            token_budget=chosen.token_budget,
            echoes=chosen.echoes,
        )
    )
    post.append(order_named(chosen.order))
    return Stages(_retriever(source, chosen, media), post)


def harden(
    source: Source,
    config: PipelineConfig | str | Path | None = None,
    *,
    llm: LLM | None = None,
    response_synthesizer: BaseSynthesizer | None = None,
    **settings: Any,
) -> RetrieverQueryEngine:
    """A query engine that reranks, drops what does not answer, and puts the best first.

    ``source`` is an index (searched by meaning and by words), a Tamis Store, or any retriever of your own, which is
    used as it is. Every stage can be set by name or with your own component: see PipelineConfig. The engine needs a
    language model only for ``query``; ``retrieve`` works without one. Where neither ``llm`` nor
    ``response_synthesizer`` is given and LlamaIndex's ``Settings`` have no model yet, ``query`` returns the passages
    with an empty answer. When nothing retrieved answers the question, nothing is kept, and LlamaIndex answers
    "Empty Response"; ``min_k=1`` always keeps the best. With ``guard=True`` answers are checked sentence by sentence
    against what was kept, while they are written: see ``tamis.guard.Guard`` for its settings.
    """
    chosen = _chosen(config, settings)
    guard = guard_of(chosen.guard)
    parts = stages(source, chosen)
    synthesizer = response_synthesizer or _synthesizer(llm)
    return RetrieverQueryEngine(
        retriever=parts.retriever,
        response_synthesizer=GuardedSynthesizer(synthesizer, guard, llm=llm) if guard is not None else synthesizer,
        node_postprocessors=parts.postprocessors,
    )


def _chosen(config: PipelineConfig | str | Path | None, settings: dict[str, Any]) -> PipelineConfig:
    if not isinstance(config, PipelineConfig | str | Path | None):
        raise BadSetting(f"config is {config!r}; it must be a PipelineConfig or the path of a tamis.toml")
    base = config if isinstance(config, PipelineConfig) else PipelineConfig.load(config) if config else PipelineConfig()
    return base.with_settings(settings)


def _media(source: Source, given: MediaPolicy | None) -> MediaPolicy:
    if given is None:
        return source.media if isinstance(source, Store) else MediaPolicy()
    if not isinstance(given, MediaPolicy):
        raise BadSetting(f"media is {given!r}; it must be a MediaPolicy")
    return given


def _retriever(source: Source, config: PipelineConfig, media: MediaPolicy) -> BaseRetriever:
    if isinstance(source, BaseRetriever):
        return source
    options: dict[str, Any] = {
        "similarity_top_k": config.candidates,
        "source_top_k": max(config.candidates, 100),
        "fusion": config.fusion,
        "media": media,
    }
    if isinstance(source, Store):
        return HybridRetriever.from_store(source, **options)
    if isinstance(source, VectorStoreIndex):
        return HybridRetriever.from_index(source, **options)
    if isinstance(source, BaseIndex):
        return source.as_retriever()
    raise BadSetting(f"harden takes a LlamaIndex index, a retriever or a tamis Store, not a {type(source).__name__}")


def _defences(given: Any) -> list[BaseNodePostprocessor]:
    if given is None:
        return []
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise BadSetting(f'defences is {given!r}; it must be a list, such as ["instructions", "chorus"]')
    built = [defence_of(one) for one in given]
    for spec, defence in zip(given, built, strict=True):
        if not isinstance(defence, BaseNodePostprocessor):
            raise BadSetting(f"a defence is {spec!r}; it must be a name, a table with its name, or a postprocessor")
    return built


def _synthesizer(llm: LLM | None) -> BaseSynthesizer:
    # Settings.llm builds a client of a hosted model when it is merely looked at; the attribute behind it does not.
    configured = llm or Settings._llm
    if configured is None:
        # LlamaIndex's factory drops the model for this mode, and would build a hosted one instead.
        return NoText(llm=MockLLM())
    return get_response_synthesizer(llm=configured)
