"""Which candidates a cascade asks next, and when it stops: pure decisions on numbers, for use and for fitting alike."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .band import Band, Vector
from .goal import Goal


class Batch(NamedTuple):
    """What to ask: the scorer's place in the cascade, and the candidates."""

    level: int
    candidates: list[int]


@dataclass
class Standing:
    """What is known of one query's candidates: the log-odds of each scorer that was asked, NaN elsewhere.

    ``found`` has the shape (scorers, n); ``tried`` is the place of the dearest scorer that each candidate was put to.
    """

    found: Vector
    tried: NDArray[np.int64]
    estimate: Vector = field(init=False)
    chance: Vector = field(init=False)
    change: float = 1.0

    def __post_init__(self) -> None:
        self.estimate = np.full(self.found.shape[1], np.nan)
        self.chance = np.ones(self.found.shape[1])

    @property
    def dear(self) -> Vector:
        """Log-odds by the last scorer, shape (n,), NaN where there are none."""
        last: Vector = self.found[-1]
        return last

    def open(self) -> NDArray[np.bool_]:
        """Which candidates the last scorer was not asked about."""
        return self.tried < len(self.found) - 1

    def judge(self, bands: Sequence[Band], goal: Goal) -> None:
        """Works out each candidate's ``estimate`` of the dear log-odds, its ``chance`` to be kept, and the chance
        (``change``) that any candidate that was not asked should be.

        A candidate with no log-odds at all may be anything: it has no estimate, and the chance 1.
        """
        known = ~np.isnan(self.dear)
        mean, deviation = np.full(len(known), np.nan), np.zeros(len(known))
        band_of = np.full(len(known), -1)
        for level, band in enumerate(bands):
            values = self.found[level]
            have = ~np.isnan(values)
            if have.any():
                here = np.flatnonzero(have)
                means, deviations = band.predicted(values[here], known[here], self.dear[here])
                # The dearest scorer's word counts: it stands last.
                mean[here], deviation[here], band_of[here] = means, deviations, level
        self.estimate = np.where(known, self.dear, mean)
        waiting = self.open()
        guesses = self.estimate[waiting & ~np.isnan(self.estimate)]
        bar = goal.bar(self.dear[known].tolist(), guesses.tolist())
        self.chance = np.where(waiting, 1.0, 0.0)
        for level, band in enumerate(bands):
            here = np.flatnonzero(waiting & (band_of == level))
            if len(here):
                self.chance[here] = band.chances(bar, mean[here], deviation[here])
        self.change = float(1 - np.prod(1 - self.chance[waiting]))

    def order(self) -> list[int]:
        """Candidates by estimate, best first, ties in the order they came in; those without one are left out."""
        have = np.flatnonzero(~np.isnan(self.estimate))
        # What was measured goes before what is only expected, where they are equal.
        return [int(at) for at in have[np.lexsort((have, self.open()[have], -self.estimate[have]))]]

    def kept(self, goal: Goal) -> frozenset[int]:
        """The candidates that would be kept if it ended here."""
        order = self.order()
        return frozenset(order[: goal.kept([float(self.estimate[at]) for at in order])])


Asking = Generator[Batch, Sequence[float | None], None]


def asking(standing: Standing, bands: Sequence[Band], goal: Goal, stop: float, size: int) -> Asking:
    """Yields what to ask next and is sent the log-odds (None: no answer); ends when the kept set is decided.

    Those with the highest chance to be kept are asked first, ``size`` at a time, each by the next dearer scorer. It is
    decided when the chance that any candidate not asked should be kept is at most ``stop``.
    """
    while True:
        standing.judge(bands, goal)
        waiting = np.flatnonzero(standing.open())
        if not len(waiting) or standing.change <= stop:
            return
        estimates = np.nan_to_num(standing.estimate[waiting], nan=np.inf)
        likeliest = waiting[np.lexsort((waiting, -estimates, -standing.chance[waiting]))][:size]
        # A chance of 0 is not worth a call, unless everything is to be asked.
        if standing.change > 0:
            likeliest = likeliest[standing.chance[likeliest] > 0]
        for level in sorted({int(one) for one in standing.tried[likeliest] + 1}):
            members = [int(at) for at in likeliest if standing.tried[at] + 1 == level]
            answers = yield Batch(level, members)
            for at, answer in zip(members, answers, strict=True):
                standing.tried[at] = level
                if answer is not None:
                    standing.found[level, at] = answer


class Replay(NamedTuple):
    """What asking everything would have shown for one query: after each round, the chance of a change (``changes``),
    how many were asked by a scorer other than the first (``asked``), and whether the kept set was final (``right``)."""

    changes: list[float]
    asked: list[int]
    right: list[bool]

    def tightest(self) -> float:
        """The least chance of a change while the kept set was not yet final; above 1 where it always was.

        Stopping at or above this chance would have got the query wrong.
        """
        last = max((at for at, right in enumerate(self.right) if not right), default=-1)
        return min(self.changes[: last + 1], default=2.0)

    def calls(self, stop: float) -> int:
        """How many would have been asked with this ``stop``."""
        return next((asked for change, asked in zip(self.changes, self.asked, strict=True) if change <= stop), 0)


def replayed(found: Vector, bands: Sequence[Band], goal: Goal, size: int) -> Replay:
    """Asks for everything that is in ``found``, shape (scorers, n), in the order that a cascade would."""
    standing = started(found[0], len(found))
    changes: list[float] = []
    asked: list[int] = []
    kept: list[frozenset[int]] = []
    steps = asking(standing, bands, goal, -1.0, size)
    calls = 0
    batch = next(steps, None)
    while batch is not None:
        if batch.level > 0:
            changes.append(standing.change)
            asked.append(calls)
            kept.append(standing.kept(goal))
            calls += len(batch.candidates)
        answers = found[batch.level, batch.candidates].tolist()
        try:
            batch = steps.send(answers)
        except StopIteration:
            batch = None
    final = kept_in_full(found[-1], goal)
    changes, asked, kept = [*changes, 0.0], [*asked, calls], [*kept, standing.kept(goal)]
    return Replay(changes, asked, [one == final for one in kept])


def kept_in_full(dear: Vector, goal: Goal) -> frozenset[int]:
    """What is kept when the last scorer judges every candidate."""
    order = np.argsort(-dear, kind="stable")
    return frozenset(int(at) for at in order[: goal.kept(dear[order].tolist())])


def started(cheap: Sequence[float | None] | Vector, scorers: int) -> Standing:
    """The standing after the first scorer: its log-odds, None where it gave none."""
    found = np.full((scorers, len(cheap)), np.nan)
    found[0] = [np.nan if one is None else one for one in cheap]
    return Standing(found, np.zeros(len(cheap), dtype=np.int64))


def stop_for(replays: Sequence[Replay], risk: float) -> float | None:
    """The highest chance of a change to stop at, so that another query's kept set is right with 1 - ``risk``.

    Conformal risk control (Angelopoulos et al. 2022) on the share of queries that go wrong, which can only rise with
    the chance that is allowed: valid for queries like those replayed, however wrong the bands are. None where there
    are too few queries to promise that (fewer than ``1 / risk - 1``).
    """
    allowed = int(risk * (len(replays) + 1) + 1e-9) - 1
    if allowed < 0:
        return None
    tightest = sorted(replay.tightest() for replay in replays)
    # Stopping just below the tightest of those that may not go wrong.
    limit = tightest[allowed] if allowed < len(tightest) else 2.0
    return float(np.nextafter(min(limit, 1.0 + 1e-9), -1.0))
