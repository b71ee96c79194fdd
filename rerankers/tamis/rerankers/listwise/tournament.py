"""TournamentReranker: a model compares a few candidates at a time until the best k are known, and no longer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import Field, model_validator

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models.chooser import Chooser

from ..ranker import Ranking, Read, by_place, why
from ..reranking import Steps
from ..stage import Stage
from .chooser_ranker import LETTERS, ChooserRanker
from .choosing import Ask, best_first, can_choose
from .known_order import KnownOrder, Learn
from .prompt import ListPrompt, list_prompt


class TournamentReranker(ChooserRanker):
    """Finds the best ``top_k`` candidates by comparing ``group`` of them at a time, images included.

    Source: setwise ranking (Zhuang et al. 2023), where the model names the best of a few by its next token. What a
    comparison showed is kept, with all that follows from it, and only what is still open is asked: see KnownOrder.
    ``learn="order"`` takes the labels' likelihoods for an order of the whole group, which saves comparisons;
    ``learn="best"`` takes nothing but the best of each. The groups of one round do not depend on each other and go to
    the model in one call, together with those of other queries (see ChooserRanker).

    With a consistent model the first ``top_k`` are exactly the best. A model that contradicts itself is held to what
    it said first; the event counts its contradictions. A comparison that failed, or told nothing new, counts as
    failed: its candidates stay in the order they came in, and the event says how many and why.

    Scores of the ``top_k`` say places and nothing more (see ListwiseReranker). All others stand behind in the
    retriever's order, with None: nothing is known of them but that they are not among the best. Where every
    comparison failed, all have None and the order is the retriever's. At the deadline the best by what is known so
    far are taken ("decided" is false in the event).

    Raises BadSetting for a setting outside its range; when called, BadInput without a query.
    """

    top_k: int = Field(default=10, ge=1, strict=True)
    group: int = Field(default=10, ge=2, strict=True)
    learn: Literal["order", "best"] = "order"

    def __init__(
        self,
        chooser: Chooser | str | Mapping[str, Any],
        top_k: int = 10,
        group: int = 10,
        learn: Learn = "order",
        top_n: int | None = None,
        *,
        deadline_s: float | None = None,
        prompt: ListPrompt | Path | str = "setwise",
        max_words: int | None = 200,
        batch: int = 64,
        media: MediaPolicy | Mapping[str, Any] | None = None,
        metadata_mode: MetadataMode = MetadataMode.NONE,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        Stage.__init__(
            self,
            chooser=chooser,
            top_k=top_k,
            group=group,
            learn=learn,
            top_n=top_n,
            deadline_s=deadline_s,
            prompt=str(prompt) if isinstance(prompt, Path) else prompt,
            max_words=max_words,
            batch=batch,
            media=media,
            metadata_mode=metadata_mode,
            callback_manager=callback_manager,
        )

    @model_validator(mode="after")
    def _check_group(self) -> "TournamentReranker":
        if not can_choose(self.chooser):
            raise BadSetting(f"a tournament needs a Chooser; {type(self.chooser).__name__} is none")
        if self.group > len(LETTERS):
            raise BadSetting(f"group is {self.group}; there are {len(LETTERS)} labels of one token")
        return self

    def _steps(self, nodes: Sequence[NodeWithScore], query: QueryBundle) -> Steps[Ranking]:
        until = self._until()
        read = yield from self._read(nodes, query, until)
        if isinstance(read, str):
            return Ranking.as_given(len(nodes), read)
        usable = [at for at in range(len(nodes)) if at not in read.why_not]
        ranking = Ranking(list(range(len(nodes))), [None] * len(nodes))
        ranking.reasons.update(read.why_not.values())
        known = KnownOrder(len(usable), self.top_k)
        worked = failed = rounds = passages = 0
        decided = True
        while groups := known.groups(self.group, self.learn):
            outcome = yield self._ask(read, usable, groups, until)
            if outcome.late or outcome.error is not None:
                # Of errors only a setup that no other comparison would work with; anything else is in the replies.
                ranking.reasons[why(outcome, self.deadline_s)] += 1
                decided = False
                break
            rounds += 1
            passages += sum(map(len, groups))
            ranking.prompts += len(groups)
            for group, reply in zip(groups, outcome.value, strict=True):
                told = [] if reply.value is None else [group[place] for place in best_first(reply.value)]
                if told and known.answered(group, told, self.learn):
                    worked += 1
                    continue
                failed += 1
                ranking.reasons[f"a comparison failed: {reply.reason or 'it contradicts the others'}"] += 1
                known.answered(group, sorted(group), "order")
        ranking.calls = rounds
        if worked or len(usable) == 1:
            best = [usable[at] for at in known.ranked()]
            ranking.scores = by_place(best, len(nodes))
            ranking.order = best + [at for at in range(len(nodes)) if at not in best]
        ranking.details = {
            "rounds": rounds,
            "passages": passages,
            "failed": failed,
            "contradictions": known.contradictions,
            "decided": decided,
        }
        return ranking

    def _ask(self, read: Read, usable: Sequence[int], groups: Sequence[Sequence[int]], until: float | None) -> Ask:
        prompts, labels = [], []
        for group in groups:
            own = LETTERS[: len(group)]
            passages: list[tuple[str, Content]] = [
                (label, read.passages[usable[at]]) for label, at in zip(own, group, strict=True)
            ]
            prompts.append(list_prompt(self.prompt).prompt(read.query, passages, self.max_words))
            labels.append(own)
        return Ask(tuple(prompts), tuple(labels), until=until)
