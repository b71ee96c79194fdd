"""CascadeReranker: a cheap scorer judges all candidates, dearer ones those that can still change what is kept."""

import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from llama_index.core.utils import get_tokenizer
from pydantic import Field, InstanceOf, field_serializer, field_validator, model_validator

from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models import SCORERS, Scorer

from ..calibrate import Calibrator, Line
from ..probability import sigmoid
from ..ranker import Ranker, Ranking, Read, why
from ..reranker import scorer_name
from ..reranking import Steps
from ..scoring import Task, call_of
from ..select import POLICIES, Policy
from ..stage import Stage
from .band import Band
from .bands import Bands, checked, fit_bands
from .budget import Budget, Spent
from .goal import Goal
from .plan import Batch, Standing, asking, started

Tokenizer = Callable[[str], list[Any]]


class CascadeReranker(Ranker):
    """Scores all candidates by the first of ``scorers``, and by dearer ones only those that may yet be kept.

    What is to be decided is which candidates are the best ``top_k``, or, with a ``policy``, which ones it keeps. From
    the cheap log-odds follows a band of dear ones (``bands``: see ``cascade_band.Band``), narrower the more is known of
    the query. Those with the highest chance to be kept are asked first, ``batch_size`` at a time. It stops when the
    chance that any candidate not asked should be kept is at most ``risk``, or when ``budget`` is spent. With three or
    more scorers each candidate climbs one step at a time.

    ``fit`` learns the bands from queries that all scorers judged in full, and when to stop, so that the kept set is
    that of the dear scorer on everything for a share of ``1 - risk`` of queries like those. Without it the bands are
    a guess on the side of asking, on log-odds as ``calibrators`` make them (one for each scorer, None: as they are).

    Scores are P(relevant): measured by the last scorer where it was asked, expected from the band elsewhere, as the
    last calibrator has it. Nothing is lost: what the dear scorer could not score keeps its expected score, where the
    first scorer fails the next one is asked about everything, and what nobody scored stands last, with None. The
    event's details have
    "asked" (passages put to each scorer but the first), "decided", "change" (the chance left that the kept set is
    another) and "stopped" ("decided", "everything asked", or what was spent).

    The budget counts passages and tokens (by ``tokenizer``, LlamaIndex's own by default; images not counted) put to
    every scorer but the first, and seconds of the whole call. Raises BadSetting for a setting outside its range and
    for bands or calibrators of other scorers.
    """

    scorers: list[Any] = Field(description="Scorers, cheap first: each one, its name, or its name and settings.")
    calibrators: list[InstanceOf[Calibrator] | None]
    top_k: int = Field(default=5, ge=1, strict=True)
    policy: Any = Field(default=None, description="A Policy that says what is kept, in place of top_k.")
    budget: InstanceOf[Budget]
    bands: InstanceOf[Bands] | None = None
    risk: float = Field(default=0.05, gt=0, lt=1)
    batch_size: int = Field(default=8, ge=1, strict=True)
    tokenizer: Tokenizer | None = Field(default=None, exclude=True)

    def __init__(
        self,
        scorers: Sequence[Scorer | str | Mapping[str, Any]],
        top_k: int = 5,
        policy: Policy | str | Mapping[str, Any] | None = None,
        budget: Budget | Mapping[str, Any] | None = None,
        *,
        calibrators: Sequence[Calibrator | str | Path | Mapping[str, Any] | None] | None = None,
        bands: Bands | str | Path | Mapping[str, Any] | None = None,
        risk: float = 0.05,
        batch_size: int = 8,
        top_n: int | None = None,
        tokenizer: Tokenizer | None = None,
        media: MediaPolicy | Mapping[str, Any] | None = None,
        metadata_mode: MetadataMode = MetadataMode.NONE,
        deadline_s: float | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        Stage.__init__(
            self,
            scorers=scorers,
            top_k=top_k,
            policy=policy,
            budget=budget,
            calibrators=calibrators if calibrators is not None else [None] * len(scorers),
            bands=bands,
            risk=risk,
            batch_size=batch_size,
            top_n=top_n,
            tokenizer=tokenizer,
            media=media,
            metadata_mode=metadata_mode,
            deadline_s=deadline_s,
            callback_manager=callback_manager,
        )

    @field_validator("scorers", mode="before")
    @classmethod
    def _build_scorers(cls, value: Any) -> Any:
        if isinstance(value, str | Mapping) or not isinstance(value, Sequence) or len(value) < 2:
            raise BadSetting(f"the scorers are {value!r}; a cascade needs two or more, cheap first")
        built = [SCORERS.build(one) for one in value]
        for scorer in built:
            if isinstance(scorer, type) or not isinstance(scorer, Scorer):
                raise BadSetting(f"a scorer is {scorer!r}; it must be an object with the methods score and ascore")
        return built

    @field_validator("calibrators", mode="before")
    @classmethod
    def _load_calibrators(cls, value: Any) -> Any:
        return [_calibrator(one) for one in value]

    @field_validator("policy", mode="before")
    @classmethod
    def _build_policy(cls, value: Any) -> Any:
        policy = None if value is None else POLICIES.build(value)
        if policy is not None and (isinstance(policy, type) or not isinstance(policy, Policy)):
            raise BadSetting(f"the policy is {policy!r}; it must be an object with a method keep(probabilities)")
        return policy

    @field_validator("budget", mode="before")
    @classmethod
    def _build_budget(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return Budget(**value)
        return Budget() if value is None else value

    @field_validator("bands", mode="before")
    @classmethod
    def _load_bands(cls, value: Any) -> Any:
        if isinstance(value, str | Path):
            return Bands.load(value)
        return Bands.from_dict(value) if isinstance(value, Mapping) else value

    @model_validator(mode="after")
    def _check_match(self) -> "CascadeReranker":
        if len(self.calibrators) != len(self.scorers):
            raise BadSetting(
                f"{len(self.calibrators)} calibrators for {len(self.scorers)} scorers; give one or None each"
            )
        if self.bands is not None and len(self.bands.bands) != len(self.scorers) - 1:
            raise BadSetting(
                f"{len(self.bands.bands)} bands for {len(self.scorers)} scorers; one is needed for each but the last"
            )
        names = self._names()
        for calibrator, name in zip(self.calibrators, names, strict=True):
            if calibrator is not None and calibrator.scorer not in (None, name, name.partition(":")[0]):
                raise BadSetting(f'a calibrator was fitted for the scorer "{calibrator.scorer}", not for "{name}"')
        fitted_for = None if self.bands is None or self.bands.goal is None else self.bands.goal.get("scorers")
        if fitted_for is not None and fitted_for != names:
            raise BadSetting(f"the bands were fitted for the scorers {fitted_for}, not for {names}; fit them anew")
        return self

    @field_serializer("scorers")
    def _write_scorers(self, scorers: list[Any]) -> list[dict[str, Any]]:
        return [SCORERS.spec(scorer) for scorer in scorers]

    @field_serializer("calibrators")
    def _write_calibrators(self, calibrators: list[Calibrator | None]) -> list[dict[str, Any] | None]:
        return [None if calibrator is None else calibrator.to_dict() for calibrator in calibrators]

    @field_serializer("policy")
    def _write_policy(self, policy: Policy | None) -> dict[str, Any] | None:
        return None if policy is None else POLICIES.spec(policy)

    @field_serializer("budget", "bands")
    def _write_settings(self, value: Budget | Bands | None) -> dict[str, Any] | None:
        return None if value is None else value.to_dict()

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """The settings as JSON, all but the tokenizer. Raises UnknownComponent for what no name is known for."""
        # Asked first, as pydantic hides what a serialiser raises behind an error of its own.
        self._write_scorers(self.scorers)
        self._write_policy(self.policy)
        written: dict[str, Any] = super().to_dict(**kwargs)
        return written

    def __getstate__(self) -> dict[str, Any]:
        # LlamaIndex drops what does not pickle.
        try:
            pickle.dumps(self.scorers)
        except Exception:  # noqa: BLE001 - pickling fails with whatever an object raises
            return self.model_copy(update={"scorers": self._write_scorers(self.scorers)}).__getstate__()
        return super().__getstate__()

    def fit(self, *log_odds: Sequence[Sequence[float]]) -> "CascadeReranker":
        """A copy with bands fitted for its scorers and its goal.

        ``log_odds`` are those of each scorer, cheap first, as scorers give them: a list for each query, in it one
        number for each candidate, in the same order for every scorer. When to stop takes at least ``1 / risk - 1``
        queries to fit, 19 for 0.05, and saves more calls with a hundred or more; with fewer it stops at ``risk`` as
        the bands have it. Raises BadInput for lists that do not fit together.
        """
        spaced = [
            np.array([[self._spaced(level, one) for one in row] for level, row in enumerate(query.tolist())])
            for query in checked(log_odds, len(self.scorers))
        ]
        bands = fit_bands(spaced, self._goal(), self.risk, self.batch_size, self._named_goal())
        return type(self)(**{**{name: getattr(self, name) for name in type(self).model_fields}, "bands": bands})

    def _names(self) -> list[str]:
        return [scorer_name(scorer) for scorer in self.scorers]

    def _model_name(self) -> str:
        return " > ".join(self._names())

    def _calibrated(self) -> bool:
        return True

    def _spaced(self, level: int, log_odds: float) -> float:
        """Log-odds as a calibrator's line makes them; as they are where there is no line, which orders all the same."""
        calibrator = self.calibrators[level]
        curve = None if calibrator is None else calibrator.curve
        return curve.slope * log_odds + curve.intercept if isinstance(curve, Line) else log_odds

    def _probability(self, spaced: float) -> float:
        """P(relevant) for log-odds of the last scorer as ``_spaced`` gave them."""
        calibrator = self.calibrators[-1]
        # A line is in them already.
        return (
            sigmoid(spaced)
            if calibrator is None or isinstance(calibrator.curve, Line)
            else calibrator.probability(spaced)
        )

    def _goal(self) -> Goal:
        return Goal(self.top_k, self.policy, self._probability)

    def _named_goal(self) -> dict[str, Any]:
        policy = None if self.policy is None else POLICIES.spec(self.policy)
        return {
            "scorers": self._names(),
            "top_k": None if policy else self.top_k,
            "policy": policy,
            "risk": self.risk,
            "batch_size": self.batch_size,
        }

    def _stop(self) -> float:
        """At which chance of a change to stop: as fitted, where that was for this goal."""
        bands = self.bands
        return self.risk if bands is None or bands.stop is None or bands.goal != self._named_goal() else bands.stop

    def _steps(self, nodes: Sequence[NodeWithScore], query: QueryBundle) -> Steps[Ranking]:
        until = self._until()
        if self.budget.seconds is not None:
            ends = time.monotonic() + self.budget.seconds
            until = ends if until is None else min(until, ends)
        read = yield from self._read(nodes, query, until)
        if isinstance(read, str):
            return Ranking.as_given(len(nodes), read)
        ranking = Ranking([], [None] * len(nodes))
        ranking.reasons.update(read.why_not.values())
        usable = [at for at in range(len(nodes)) if at not in read.why_not]
        everything = Batch(0, list(range(len(usable))))
        cheap = yield from self._ask(everything, read, usable, nodes, until, ranking)
        standing = started(cheap, len(self.scorers))
        bands = self.bands.bands if self.bands else (Band(),) * (len(self.scorers) - 1)
        stopped = yield from self._climb(standing, bands, read, usable, nodes, until, ranking)
        standing.judge(bands, self._goal())
        order = standing.order()
        for at in order:
            ranking.scores[usable[at]] = self._probability(float(standing.estimate[at]))
        best = [usable[at] for at in order]
        ranking.order = best + [at for at in range(len(nodes)) if ranking.scores[at] is None]
        open_ = standing.open()
        if stopped == "decided" and not open_.any():
            stopped = "everything asked"
        ranking.details.update(
            stopped=stopped,
            decided=stopped in ("decided", "everything asked"),
            change=standing.change if open_.any() else 0.0,
            expected=int((open_ & ~np.isnan(standing.estimate)).sum()),
        )
        return ranking

    def _climb(
        self,
        standing: Standing,
        bands: Sequence[Band],
        read: Read,
        usable: Sequence[int],
        nodes: Sequence[NodeWithScore],
        until: float | None,
        ranking: Ranking,
    ) -> Steps[str]:
        """Asks the dearer scorers until the kept set is decided or the budget is spent; says which."""
        spent = Spent(self.budget, self._tokens(read))
        ranking.details["asked"] = asked = [0] * (len(self.scorers) - 1)
        steps = asking(standing, bands, self._goal(), self._stop(), self.batch_size)
        try:
            batch = next(steps)
            while True:
                affordable, reason = spent.affordable([usable[at] for at in batch.candidates])
                if not affordable:
                    return reason
                if until is not None and time.monotonic() >= until:
                    return "the seconds are spent"
                part = Batch(batch.level, batch.candidates[: len(affordable)])
                asked[batch.level - 1] += len(affordable)
                answers = yield from self._ask(part, read, usable, nodes, until, ranking)
                if len(affordable) < len(batch.candidates):
                    for at, answer in zip(part.candidates, answers, strict=True):
                        standing.tried[at] = batch.level
                        if answer is not None:
                            standing.found[batch.level, at] = answer
                    return reason
                batch = steps.send(answers)
        except StopIteration:
            return "decided"

    def _ask(
        self,
        batch: Batch,
        read: Read,
        usable: Sequence[int],
        nodes: Sequence[NodeWithScore],
        until: float | None,
        ranking: Ranking,
    ) -> Steps[list[float | None]]:
        """The log-odds of a batch's candidates, None where there are none; the reason is noted."""
        scorer = self.scorers[batch.level]
        members = [usable[at] for at in batch.candidates]
        if not members:
            return []
        outcome = yield call_of(scorer, read.query, read.passages, members, self._task(nodes), until)
        ranking.calls += 1
        ranking.prompts += len(members)
        if outcome.late or outcome.error is not None:
            ranking.reasons[f"{scorer_name(scorer)}: {why(outcome, self.deadline_s)}"] += len(members)
            return [None] * len(members)
        missing = sum(score is None for score in outcome.value)
        if missing:
            ranking.reasons[f"{scorer_name(scorer)}: the scorer gave no score"] += missing
        return [None if score is None else self._spaced(batch.level, score) for score in outcome.value]

    def _task(self, nodes: Sequence[NodeWithScore]) -> Task:
        seconds = [one for one in (self.deadline_s, self.budget.seconds) if one is not None]
        return Task(
            query=QueryBundle(""),
            nodes=nodes,
            scorer=self.scorers[-1],
            fallback=None,
            batch_size=self.batch_size,
            deadline_s=min(seconds, default=None),
            media=self.media,
            metadata_mode=self.metadata_mode,
        )

    def _tokens(self, read: Read) -> Callable[[int], int]:
        """How many tokens a candidate costs: the query's and its own."""
        if self.budget.tokens is None:
            return lambda at: 0
        tokenizer = self.tokenizer or get_tokenizer()
        asked = len(tokenizer(read.query.text))
        return lambda at: asked + len(tokenizer(read.passages[at].text))


def _calibrator(value: Any) -> Any:
    if isinstance(value, str | Path):
        return Calibrator.load(value)
    if isinstance(value, Mapping):
        return Calibrator.from_dict(value)
    if isinstance(value, Calibrator):
        value.fitted()
    return value
