"""AdaptiveTopK: keeps as many passages as the question needs, by a policy and within bounds."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from llama_index.core.utils import get_tokenizer
from pydantic import Field, field_serializer, field_validator, model_validator

from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.models.echoes import is_echo
from tamis.nodes import content_of

from ..stage import Stage
from . import POLICIES
from .policy import Policy

dispatcher = get_dispatcher(__name__)

Tokenizer = Callable[[str], Sequence[Any]]
Limit = Literal["policy", "min_k", "max_k", "token_budget", "no scores"]


class SelectionEvent(BaseEvent):
    """How many passages AdaptiveTopK kept, and why not more.

    ``limit`` says what decided: "policy", "min_k", "max_k", "token_budget", or "no scores" where no passage had one
    and the policy was not asked. ``n_unscored`` of the ``n_given`` had no score, ``n_unscored_kept`` of those stayed.
    ``n_beside_echoes`` were kept beside passages that repeat the query and would else have crowded them out.
    ``tokens`` is what the kept ones hold, counted only under a token budget.
    """

    policy: dict[str, Any]
    n_given: int
    n_kept: int
    n_unscored: int
    n_unscored_kept: int
    limit: Limit
    n_beside_echoes: int = 0
    tokens: int | None = None

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisSelectionEvent"


class AdaptiveTopK(Stage):
    """Keeps the best passages, as many as ``policy`` says, and drops the rest; it may keep none (abstain).

    Scores are the policy's probabilities: put a ``Reranker`` before it. The best are those of the highest score,
    of equal ones the first; what is kept stays in the order it came in, the same objects with the same scores.

    ``min_k`` and ``max_k`` bound what the policy says. ``token_budget`` bounds what is kept in tokens of the text an
    LLM is given (metadata included, images not counted): best first, up to and without the first passage that does
    not fit whole, even if that leaves fewer than ``min_k``. ``tokenizer`` counts them: text in, tokens out; None is
    LlamaIndex's own (``Settings.tokenizer``, else tiktoken's for gpt-3.5-turbo, which comes with it).

    A passage that holds the query word for word (``is_echo``) was perhaps written to be found by it, as poisoned ones
    are (PoisonedRAG, Zou et al. 2024), and seems so sure to answer that a policy keeps nothing else. With
    ``echoes="aside"`` the policy, where it keeps one, is asked about the others alone as well, and what it keeps of
    them is kept too; nothing is dropped for it. ``echoes="count"`` asks once, whatever passages say.

    A passage without a score is not known to be irrelevant, nor to be relevant. Where some have scores, those without
    only fill up to ``min_k``, behind them (``unscored="drop"``), or are all kept behind those that the policy keeps
    (``unscored="keep"``). Where none has, as when a reranker failed, the policy
    is not asked, and all are kept up to ``max_k`` and the budget.

    Raises BadSetting for a setting outside its range, UnknownComponent for a policy's name that is not known, and
    whatever the policy raises: BadInput for scores that are no probabilities, NotFitted before it was fitted.
    """

    policy: Any = Field(description="A Policy, its name, or its name and settings.")
    min_k: int = Field(default=0, ge=0, strict=True)
    max_k: int | None = Field(default=None, ge=1, strict=True)
    token_budget: int | None = Field(default=None, ge=1, strict=True)
    unscored: Literal["drop", "keep"] = "drop"
    echoes: Literal["count", "aside"] = "count"
    tokenizer: Tokenizer | None = Field(default=None, exclude=True)

    def __init__(
        self,
        policy: Policy | str | Mapping[str, Any] = "expected-f1",
        min_k: int = 0,
        max_k: int | None = None,
        token_budget: int | None = None,
        *,
        unscored: Literal["drop", "keep"] = "drop",
        echoes: Literal["count", "aside"] = "count",
        tokenizer: Tokenizer | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(
            policy=policy,
            min_k=min_k,
            max_k=max_k,
            token_budget=token_budget,
            unscored=unscored,
            echoes=echoes,
            tokenizer=tokenizer,
            callback_manager=callback_manager,
        )

    @field_validator("policy", mode="before")
    @classmethod
    def _build_policy(cls, value: Any) -> Any:
        policy = POLICIES.build(value)
        if isinstance(policy, type) or not isinstance(policy, Policy):
            raise BadSetting(f"the policy is {policy!r}; it must be an object with a method keep(probabilities)")
        return policy

    @field_serializer("policy")
    def _write_policy(self, policy: Policy) -> dict[str, Any]:
        return POLICIES.spec(policy)

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """The settings as JSON, all but the tokenizer. Raises UnknownComponent for a policy without a name."""
        # Asked first, as pydantic hides what a serialiser raises behind an error of its own.
        self._write_policy(self.policy)
        written: dict[str, Any] = super().to_dict(**kwargs)
        return written

    @model_validator(mode="after")
    def _check_bounds(self) -> "AdaptiveTopK":
        if self.max_k is not None and self.max_k < self.min_k:
            raise BadSetting(f"max_k is {self.max_k}, less than min_k, which is {self.min_k}")
        return self

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        scored = [at for at, node in enumerate(nodes) if node.score is not None]
        scored.sort(key=lambda at: nodes[at].score or 0.0, reverse=True)
        unscored = [at for at, node in enumerate(nodes) if node.score is None]

        query = query_bundle.query_str if query_bundle is not None and self.echoes == "aside" else ""
        chosen, beside, limit = self._chosen(nodes, scored, unscored, query)
        tokens = None
        if self.token_budget is not None:
            fitting, tokens = self._fitting([nodes[at] for at in chosen], self.token_budget)
            if fitting < len(chosen):
                chosen, limit = chosen[:fitting], "token_budget"
        dispatcher.event(
            SelectionEvent(
                policy=described(self.policy),
                n_given=len(nodes),
                n_kept=len(chosen),
                n_unscored=len(unscored),
                n_unscored_kept=len(set(chosen).intersection(unscored)),
                limit=limit,
                n_beside_echoes=len(beside.intersection(chosen)),
                tokens=tokens,
            )
        )
        return [nodes[at] for at in sorted(chosen)]

    def _chosen(
        self, nodes: Sequence[NodeWithScore], scored: list[int], unscored: list[int], query: str
    ) -> tuple[list[int], frozenset[int], Limit]:
        """Which to keep before the token budget, best first, those of them kept beside echoes, and what decided."""
        limit: Limit = "policy"
        beside: frozenset[int] = frozenset()
        if scored or not unscored:
            k = kept_by(self.policy, [nodes[at].score or 0.0 for at in scored])
            if query:
                beside = self._beside_echoes(nodes, scored, k, query)
            chosen = scored[:k] + [at for at in scored[k:] if at in beside]
            rest = [at for at in scored[k:] if at not in beside]
            if self.unscored == "keep":
                chosen = chosen + unscored
            else:
                rest = rest + unscored
            if len(chosen) < self.min_k and rest:
                chosen, limit = chosen + rest[: self.min_k - len(chosen)], "min_k"
        else:
            chosen, limit = unscored, "no scores"
        if self.max_k is not None and len(chosen) > self.max_k:
            chosen, limit = chosen[: self.max_k], "max_k"
        return chosen, beside, limit

    def _beside_echoes(self, nodes: Sequence[NodeWithScore], scored: list[int], k: int, query: str) -> frozenset[int]:
        """Which of ``scored[k:]`` the policy keeps once the echoes among all are left out, best first."""

        def repeats(at: int) -> bool:
            return is_echo(content_of(nodes[at]).text, query)

        if not any(map(repeats, scored[:k])):
            return frozenset()
        honest = [at for at in scored if not repeats(at)]
        wanted = kept_by(self.policy, [nodes[at].score or 0.0 for at in honest])
        return frozenset(honest[:wanted]).difference(scored[:k])

    def _fitting(self, nodes: Sequence[NodeWithScore], budget: int) -> tuple[int, int]:
        """How many of the first fit into the budget whole, and the tokens in them."""
        tokenizer = self.tokenizer or get_tokenizer()
        total = 0
        for number, node in enumerate(nodes):
            tokens = len(tokenizer(node.node.get_content(metadata_mode=MetadataMode.LLM)))
            if total + tokens > budget:
                return number, total
            total += tokens
        return len(nodes), total


def kept_by(policy: Policy, probabilities: Sequence[float]) -> int:
    """What the policy says. Raises BadInput for what is no number of candidates."""
    k = policy.keep(probabilities)
    try:
        count = operator.index(k)
    except TypeError:
        count = -1
    if not 0 <= count <= len(probabilities):
        raise BadInput(
            f"{type(policy).__name__}.keep returned {k!r} for {len(probabilities)} candidates; a policy must return "
            f"a whole number from 0 to {len(probabilities)}"
        )
    return count


def described(policy: Policy) -> dict[str, Any]:
    """A policy's name and settings for an event, also of one that is not registered."""
    try:
        return POLICIES.spec(policy)
    except UnknownComponent:
        return {"name": type(policy).__name__}
