"""ListwiseReranker: a model orders windows of candidates, from the last to the first, so that the best rise."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import Field, model_validator

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models.chooser import Chooser, Writer
from tamis.models.counting import count

from ..ranker import Ranking, Read, by_place, why
from ..reranking import Steps
from ..stage import Stage
from .chooser_ranker import LETTERS, ChooserRanker
from .choosing import Ask, Reply, best_first, can_choose, can_write
from .permutation import parsed
from .prompt import ListPrompt, list_prompt

Mode = Literal["labels", "permutation"]

TOKENS_PER_ID = 6
"""As many as "[100] > " may have."""


class ListwiseReranker(ChooserRanker):
    """Orders candidates by windows that a model sees as a whole, the last ``window`` first, ``step`` further each time.

    Source: RankGPT (Sun et al. 2023; windows of 20, steps of 10), which rank_llm made usual. The first
    ``window - step`` places of the result are those of the best candidates, if the model is consistent.

    ``mode="labels"``: ``chooser`` is a Chooser; how likely each candidate's label is as the next token orders the
    window (FIRST, Reddy et al. 2024), one token a window. Labels that the model did not tell of stand behind, in the
    order they came in. ``mode="permutation"``: ``chooser`` is a Writer; the text that it writes is read as a
    permutation (see ``permutation.parsed``). In both modes what had to be repaired is counted ("repairs"; in the
    event's details "unknown", "repeated", "omitted"). Where the model told nothing that can be used, the window
    failed: it keeps its order, and the event says how many windows failed and why.

    A window costs one prompt, those of one query come one after the other, and those of different queries go to the
    model together (see ChooserRanker).

    Scores say places and nothing more: 1 for the first, then evenly down to 1/n. They are not calibrated: no threshold
    means anything on them. Candidates that no window that worked has seen, and that stand behind all others, have None,
    as do those with neither text nor image; where every window failed, all have None and the order is the retriever's.

    Raises BadSetting for a setting outside its range and for a chooser that cannot do what ``mode`` asks of it; when
    called, BadInput without a query.
    """

    window: int = Field(default=20, ge=2, strict=True)
    step: int = Field(default=10, ge=1, strict=True)
    mode: Mode = "labels"

    def __init__(
        self,
        chooser: Chooser | Writer | str | Mapping[str, Any],
        window: int = 20,
        step: int = 10,
        mode: Mode = "labels",
        top_n: int | None = None,
        *,
        deadline_s: float | None = None,
        prompt: ListPrompt | Path | str | None = None,
        max_words: int | None = 200,
        batch: int = 64,
        media: MediaPolicy | Mapping[str, Any] | None = None,
        metadata_mode: MetadataMode = MetadataMode.NONE,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        if prompt is None:
            prompt = "listwise" if mode == "labels" else "permutation"
        Stage.__init__(
            self,
            chooser=chooser,
            window=window,
            step=step,
            mode=mode,
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
    def _check_window(self) -> "ListwiseReranker":
        if self.step >= self.window:
            raise BadSetting(f"step is {self.step}; it must be less than the window, which is {self.window}")
        if self.mode == "labels" and not can_choose(self.chooser):
            raise BadSetting(f'mode "labels" needs a Chooser; {type(self.chooser).__name__} is none, try "permutation"')
        if self.mode == "permutation" and not can_write(self.chooser):
            raise BadSetting(f'mode "permutation" needs a Writer; {type(self.chooser).__name__} is none, try "labels"')
        if self.mode == "labels" and self.window > len(LETTERS):
            raise BadSetting(f"window is {self.window}; there are {len(LETTERS)} labels of one token")
        return self

    def _steps(self, nodes: Sequence[NodeWithScore], query: QueryBundle) -> Steps[Ranking]:
        until = self._until()
        read = yield from self._read(nodes, query, until)
        if isinstance(read, str):
            return Ranking.as_given(len(nodes), read)
        order = [at for at in range(len(nodes)) if at not in read.why_not]
        ranking = Ranking(list(order), [None] * len(nodes))
        ranking.reasons.update(read.why_not.values())
        details: dict[str, Any] = dict.fromkeys(("windows", "failed", "unknown", "repeated", "omitted"), 0)
        # One candidate is first without being compared.
        judged = {order[0]} if len(order) == 1 else set[int]()
        todo = windows(len(order), self.window, self.step)
        details["windows"] = len(todo)
        for number, (start, end) in enumerate(todo):
            members = order[start:end]
            outcome = yield self._ask(read, members, until)
            if outcome.late:
                # Nobody would wait for what the windows left are asked.
                details["failed"] += len(todo) - number
                ranking.reasons[f"a window failed: {why(outcome, self.deadline_s)}"] += len(todo) - number
                break
            if outcome.error is not None:
                reply = Reply(reason=why(outcome, self.deadline_s))
            else:
                (reply,) = outcome.value
                ranking.calls += 1
                ranking.prompts += 1
            places, reason = self._places(reply, len(members), details)
            if places is None:
                details["failed"] += 1
                ranking.reasons[f"a window failed: {reason}"] += 1
                continue
            judged.update(members)
            order[start:end] = [members[place] for place in places]
        known = max((place + 1 for place, at in enumerate(order) if at in judged), default=0)
        ranking.scores = by_place(order[:known], len(nodes))
        ranking.order = order + sorted(read.why_not)
        ranking.details = {"mode": self.mode, **details}
        return ranking

    def _ask(self, read: Read, members: Sequence[int], until: float | None) -> Ask:
        if self.mode == "labels":
            labels = LETTERS[: len(members)]
        else:
            labels = tuple(str(number + 1) for number in range(len(members)))
        passages: list[tuple[str, Content]] = [
            (label, read.passages[at]) for label, at in zip(labels, members, strict=True)
        ]
        prompt = list_prompt(self.prompt).prompt(read.query, passages, self.max_words)
        # The same for every window: a model may write on after the permutation, and must do so alike in all calls.
        tokens = self.window * TOKENS_PER_ID
        return Ask((prompt,), (labels,) if self.mode == "labels" else None, tokens, until)

    def _places(self, reply: Reply, size: int, details: dict[str, Any]) -> tuple[Sequence[int] | None, str]:
        """The order of a window's members, or None and why there is none; repairs are counted."""
        if reply.reason is not None:
            return None, reply.reason
        if self.mode == "labels":
            told = best_first(reply.value)
            silent = [at for at in range(size) if at not in told]
            details["omitted"] += len(silent)
            count("repairs", len(silent))
            return told + silent, ""
        permutation = parsed(reply.value, size)
        if permutation.order is None:
            count("failures")
            return None, "no valid id in what the model wrote"
        details["unknown"] += permutation.unknown
        details["repeated"] += permutation.repeated
        details["omitted"] += permutation.omitted
        count("repairs", permutation.repairs)
        return permutation.order, ""


def windows(candidates: int, window: int, step: int) -> list[tuple[int, int]]:
    """Start and end of each window, the last candidates first; every candidate is in at least one.

    >>> windows(45, 20, 10)
    [(25, 45), (15, 35), (5, 25), (0, 20)]
    >>> windows(3, 20, 10), windows(1, 20, 10)
    ([(0, 3)], [])
    """
    if candidates < 2:
        return []
    start = max(0, candidates - window)
    found = [(start, min(candidates, start + window))]
    while start > 0:
        start = max(0, start - step)
        found.append((start, start + window))
    return found
