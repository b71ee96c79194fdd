"""ChooserRanker: rankers that put several candidates to a model at once, and several queries' prompts in one call."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import Field, PrivateAttr

from tamis.core.errors import BadInput
from tamis.models.counting import count_all, counted
from tamis.models.deadline import until as returning_by

from ..ranker import Ranker, Ranking
from ..reranking import Report, Steps, counting_to
from ..scoring import Call, Outcome, aperform, perform
from .asks_model import AsksModel
from .batcher import Batcher, Batchers, grouped, shared_out
from .choosing import Ask, Reply, aask_all, ask_all, model_name

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""Labels: each is a single token of every tokenizer we know."""


class ChooserRanker(AsksModel, Ranker):
    """A ranker whose model is a Chooser or a Writer: ``chooser`` is one, its name, or its name and settings.

    ``prompt`` and ``max_words`` say how it is asked (see AsksModel); ``batch`` is how many prompts one call of the
    model may have. Calls of ``apostprocess_nodes`` that run at the same time share calls of the model, and so do the
    queries of ``rerank_many``.
    """

    chooser: Any = Field(description="A Chooser or Writer, its name, or its name and settings.")
    batch: int = Field(default=64, ge=1, strict=True)
    _batchers: Batchers = PrivateAttr(default_factory=Batchers)

    def _model_name(self) -> str:
        return model_name(self.chooser)

    def _perform(self, step: Any) -> Outcome:
        if not isinstance(step, Ask):
            return perform(step)
        found = perform(self._call([step], step.until))
        return found._replace(value=found.value[0]) if found.value is not None else found

    async def _aperform(self, step: Any) -> Outcome:
        if not isinstance(step, Ask):
            return await aperform(step)
        batcher = self._batcher()
        return await aperform(Call(lambda: None, lambda: batcher.ask(step), step.until))

    def _call(self, asks: Sequence[Ask], until: float | None) -> Call:
        def ask() -> list[list[Reply]]:
            with returning_by(until):
                return ask_all(self.chooser, asks)

        return Call(ask, lambda: aask_all(self.chooser, asks), until)

    def _batcher(self) -> Batcher:
        # The chooser of the moment: a setting that is changed holds from the next call on.
        return self._batchers.here(lambda: Batcher(lambda asks: aask_all(self.chooser, asks), self.batch))

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with self._batcher().at_work():
            return await super()._apostprocess_nodes(nodes, query_bundle)

    def rerank_many(
        self, queries: Sequence[QueryBundle | str], node_lists: Sequence[Sequence[NodeWithScore]]
    ) -> list[list[NodeWithScore]]:
        """The same as one call of ``postprocess_nodes`` for each query, with far fewer calls of the model.

        What the queries ask at the same stage goes together, up to ``batch`` prompts a call. ``deadline_s`` holds for
        all of them together. Raises BadInput where there is not one list of nodes for each query.
        """
        if len(queries) != len(node_lists):
            raise BadInput(f"{len(queries)} queries for {len(node_lists)} lists of nodes; there must be one list each")
        with ExitStack() as stack:
            runs: list[Run] = []
            for query, nodes in zip(queries, node_lists, strict=True):
                if nodes:
                    bundle = QueryBundle(query) if isinstance(query, str) else query
                    report = stack.enter_context(self._reported(list(nodes), bundle))
                    runs.append(Run(report, nodes, self._steps(nodes, bundle)))
            for run in runs:
                run.send(None)
            while at_work := [run for run in runs if run.report.result is None]:
                self._advance(at_work)
            for run in runs:
                if run.report.result is not None:
                    run.report.nodes = self._ranked(run.nodes, run.report.result)
        ranked = iter(runs)
        return [next(ranked).report.nodes if nodes else [] for nodes in node_lists]

    def _advance(self, runs: Sequence["Run"]) -> None:
        """Takes the next step of every query, with joint calls for what they ask."""
        asking = [run for run in runs if isinstance(run.step, Ask)]
        for run in runs:
            if not isinstance(run.step, Ask):
                run.send(perform(run.step))
        turn = iter(asking)
        for group in grouped([run.step for run in asking], self.batch):
            together = [next(turn) for _ in group]
            ends = [ask.until for ask in group if ask.until is not None]
            until = min(ends, default=None)
            if until is not None and time.monotonic() >= until:
                outcome = Outcome(late=True)
            else:
                with counted() as counts:
                    outcome = perform(self._call(group, until))
                shares = shared_out(counts.to_dict(), [len(ask.prompts) for ask in group])
                count_all(counts.to_dict())
                for run, share in zip(together, shares, strict=True):
                    run.report.counts.update(share)
            for place, run in enumerate(together):
                value = None if outcome.value is None else outcome.value[place]
                run.send(outcome._replace(value=value))


@dataclass
class Run:
    """One query of several that are ranked together: its steps and what it waits for."""

    report: Report
    nodes: Sequence[NodeWithScore]
    steps: Steps[Ranking]
    step: Any = None

    def send(self, outcome: Outcome | None) -> None:
        """Goes on to the next step with what came of the last one."""
        with counting_to(self.report.counts):
            try:
                self.step = next(self.steps) if outcome is None else self.steps.send(outcome)
            except StopIteration as finished:
                self.report.result, self.step = finished.value, None
