"""Trains screens on labelled examples: calibrated, with a threshold for a stated false-positive rate, both measured."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import Any, Literal, NamedTuple, Protocol

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, MissingExtra
from tamis.models.embedder import Embedder

from .examples import Example
from .probe import ProbeScreen
from .ss3 import Ss3Screen

Kind = Literal["ss3", "probe"]
FOLDS = 5
LEAST = 20
"""Examples of each side that a screen is trained on at least."""


@dataclass(frozen=True)
class TrainingReport:
    """What cross-validation says of a screen: every example was judged by a screen, a calibration and a threshold that
    were made without it.

    ``rate`` is the false-positive rate that was asked for; ``false_positives`` of ``harmless_scored`` is what came,
    ``true_positives`` of ``harmful_scored`` what was found. ``brier`` is the mean squared error of P(harmful), lower is
    better. ``unscored`` examples got no probability. ``background_false_positives`` of ``background`` harmless contents
    were stopped.
    """

    harmful: int
    harmless: int
    rate: float
    harmful_scored: int
    harmless_scored: int
    true_positives: int
    false_positives: int
    unscored: int
    brier: float
    threshold: float
    background: int = 0
    background_false_positives: int = 0
    folds: int = FOLDS

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class Trained(NamedTuple):
    """A screen, and what was measured of how it was made."""

    screen: Ss3Screen | ProbeScreen
    report: TrainingReport


class Learner(Protocol):
    """Learns a screen of one kind from some of the examples that it was made with, by their numbers."""

    def fit(self, chosen: Sequence[int]) -> Ss3Screen | ProbeScreen: ...

    def raw(self, screen: Any, chosen: Sequence[int]) -> list[float | None]:
        """The screen's uncalibrated value of each of these, None where it has none."""
        ...


def train_screen(
    examples: Sequence[Example],
    kind: Kind = "ss3",
    *,
    rate: float = 0.01,
    seed: int = 0,
    embedder: Embedder | None = None,
    background: Sequence[Content] = (),
) -> Trained:
    """A screen trained on all examples, with the report of its 5-fold cross-validation.

    Folds keep groups and equal texts together, and the shares of the two labels alike. The values of held-out examples
    give Platt's calibration (to the mix of the examples) and the threshold: the lowest at which a new harmless text is
    stopped with a probability of at most ``rate`` (split conformal), if it is like those of the examples.
    ``background`` is harmless text of the kind that will be screened, such as passages of the application's corpus:
    the threshold holds on it too, and a word that is common there says less for harm (and never speaks against it for
    that: the style of prose would hide what it says). Without it, passages of another kind than the examples may be
    stopped more often than that.

    Raises BadInput for examples of one label, too few of them for the rate, images that were not read, and words that
    tell nothing; BadSetting for a rate outside (0, 1); MissingExtra without scikit-learn.
    """
    if not 0 < rate < 1:
        raise BadSetting(f"the false-positive rate must be above 0 and below 1, not {rate!r}")
    every, learner, held_out = _prepared(examples, kind, rate, seed, embedder, background)
    report = held_out.report(rate)
    cut = held_out.cut(range(len(every)), rate)
    screen = replace(learner.fit(range(len(every))), slope=cut.slope, offset=cut.offset, threshold=cut.threshold)
    return Trained(screen, replace(report, threshold=cut.threshold))


def held_out_of(
    examples: Sequence[Example],
    kind: Kind,
    *,
    rate: float = 0.01,
    seed: int = 0,
    embedder: Embedder | None = None,
    background: Sequence[Content] = (),
) -> "HeldOut":
    """The cross-validation alone, for whoever measures. Raises what ``train_screen`` raises."""
    return _prepared(examples, kind, rate, seed, embedder, background)[2]


def _prepared(
    examples: Sequence[Example],
    kind: Kind,
    rate: float,
    seed: int,
    embedder: Embedder | None,
    background: Sequence[Content],
) -> "tuple[list[Example], Learner, HeldOut]":
    _check(examples, rate, len(background))
    every = [*examples, *(Example(content, False, None, f"background {at}") for at, content in enumerate(background))]
    learner = _learner(kind, every, len(examples), embedder, seed)
    fold_of = folds(every, seed)
    held_out = HeldOut(_held_out(learner, fold_of), [one.harmful for one in every], fold_of, len(examples))
    return every, learner, held_out


class Cut(NamedTuple):
    """A calibration and the threshold on it."""

    slope: float
    offset: float
    threshold: float

    def probability(self, raw: float) -> float:
        """P(harmful) of a value."""
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, self.slope * raw + self.offset))))


@dataclass(frozen=True)
class HeldOut:
    """The values that screens gave to examples they had not seen; those from ``own`` on are the background."""

    raws: Sequence[float | None]
    labels: Sequence[bool]
    fold_of: Sequence[int]
    own: int

    def cut(self, chosen: Sequence[int], rate: float) -> Cut:
        """Calibration on the user's own examples among these, and a threshold that holds on them and the background."""
        own = [at for at in chosen if at < self.own]
        slope, offset = platt([self.raws[at] for at in own], [self.labels[at] for at in own])
        thresholds = []
        for harmless in ([at for at in own if not self.labels[at]], [at for at in chosen if at >= self.own]):
            if harmless:
                thresholds.append(threshold_at([self.raws[at] for at in harmless], slope, offset, rate))
        return Cut(slope, offset, max(thresholds))

    def report(self, rate: float) -> TrainingReport:
        """What comes when each fold is judged by the cut of the others."""
        scored: Counter[str] = Counter()
        hits: Counter[str] = Counter()
        squares = []
        for fold in sorted(set(self.fold_of)):
            cut = self.cut([at for at, number in enumerate(self.fold_of) if number != fold], rate)
            for at, number in enumerate(self.fold_of):
                if number != fold or (raw := self.raws[at]) is None:
                    continue
                side = "background" if at >= self.own else "harmful" if self.labels[at] else "harmless"
                scored[side] += 1
                hits[side] += cut.probability(raw) >= cut.threshold
                if at < self.own:
                    squares.append((cut.probability(raw) - self.labels[at]) ** 2)
        positive = sum(self.labels)
        return TrainingReport(
            harmful=positive,
            harmless=self.own - positive,
            rate=rate,
            harmful_scored=scored["harmful"],
            harmless_scored=scored["harmless"],
            true_positives=hits["harmful"],
            false_positives=hits["harmless"],
            unscored=self.own - scored["harmful"] - scored["harmless"],
            brier=math.fsum(squares) / len(squares),
            threshold=1.0,
            background=len(self.labels) - self.own,
            background_false_positives=hits["background"],
        )


def platt(raws: Sequence[float | None], labels: Sequence[bool]) -> tuple[float, float]:
    """Slope and offset of P(harmful) = 1 / (1 + exp(-(slope raw + offset))), with Platt's smoothed targets (1999).

    Raises BadInput where higher values do not mean more harm.
    """
    LogisticRegression = sklearn("linear_model").LogisticRegression
    import numpy as np

    pairs = [(raw, label) for raw, label in zip(raws, labels, strict=True) if raw is not None]
    positive = sum(label for _, label in pairs)
    negative = len(pairs) - positive
    if not positive or not negative:
        raise BadInput("nothing can be calibrated: held-out examples of one label got no value from the screen")
    # Each example stands twice, with the smoothed target and its complement as weights.
    high, low = (positive + 1) / (positive + 2), 1 / (negative + 2)
    values = np.array([raw for raw, _ in pairs] * 2).reshape(-1, 1)
    targets = np.array([1] * len(pairs) + [0] * len(pairs))
    shares = np.array([high if label else low for _, label in pairs])
    scale = float(np.abs(values).max()) or 1.0
    model = LogisticRegression(C=1e6, max_iter=1_000)
    model.fit(values / scale, targets, sample_weight=np.concatenate([shares, 1 - shares]))
    slope, offset = float(model.coef_[0][0]) / scale, float(model.intercept_[0])
    if slope <= 0:
        raise BadInput("the examples do not tell harmful from harmless: held out, harmless ones score as high")
    return slope, offset


def threshold_at(harmless: Sequence[float | None], slope: float, offset: float, rate: float) -> float:
    """The lowest P(harmful) from which on at most ``rate`` of new harmless texts lie: split conformal prediction.

    ``harmless`` are the values of harmless texts; those without one are never stopped, and count as the lowest.
    Raises BadInput for too few of them.

    >>> round(threshold_at([-1.0] * 98 + [3.0], 1.0, 0.0, 0.01), 3)
    0.953
    """
    values = [-math.inf if raw is None else slope * raw + offset for raw in harmless]
    allowed = math.floor(rate * (len(values) + 1) - 1 + 1e-9)
    if allowed < 0:
        raise BadInput(_too_few(len(values), rate))
    highest = sorted(values, reverse=True)[allowed]
    # Strictly above the one that must pass.
    return min(1.0, math.nextafter(1 / (1 + math.exp(-max(-700.0, min(700.0, highest)))), 2.0))


def folds(examples: Sequence[Example], seed: int, count: int = FOLDS) -> list[int]:
    """The fold of each example, 0 to ``count`` - 1: groups and equal texts stay together, labels are spread evenly."""
    StratifiedGroupKFold = sklearn("model_selection").StratifiedGroupKFold
    import numpy as np

    labels = np.array([int(example.harmful) for example in examples])
    groups = np.array([_group(example) for example in examples])
    fold_of = [0] * len(examples)
    split = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=seed).split(labels, labels, groups)
    for number, (_, held) in enumerate(split):
        for at in held.tolist():
            fold_of[at] = number
    return fold_of


def _group(example: Example) -> str:
    return (
        f"g {example.group}" if example.group is not None else f"t {' '.join(example.content.text.casefold().split())}"
    )


def _held_out(learner: Learner, fold_of: Sequence[int]) -> list[float | None]:
    raws: list[float | None] = [None] * len(fold_of)
    for fold in sorted(set(fold_of)):
        held = [at for at, number in enumerate(fold_of) if number == fold]
        screen = learner.fit([at for at, number in enumerate(fold_of) if number != fold])
        for at, raw in zip(held, learner.raw(screen, held), strict=True):
            raws[at] = raw
    return raws


def _check(examples: Sequence[Example], rate: float, background: int) -> None:
    positive = sum(example.harmful for example in examples)
    negative = len(examples) - positive
    sides = ((positive, "harmful"), (negative, "harmless"))
    if missing := [name for count, name in sides if not count]:
        raise BadInput(f"none of {len(examples)} examples is {missing[0]}; a screen learns from both")
    for count, name in sides:
        if count < LEAST:
            raise BadInput(f"{count} examples are {name}; at least {LEAST} of each are needed")
        groups = len({_group(one) for one in examples if one.harmful == (name == "harmful")})
        if groups < FOLDS:
            raise BadInput(f"the {name} examples are of {groups} groups or texts; at least {FOLDS} are needed")
    # In the report a threshold is chosen on four folds of five.
    for count in (negative, background):
        if count and math.floor(rate * (count * (FOLDS - 1) / FOLDS * 0.9 + 1) - 1 + 1e-9) < 0:
            raise BadInput(_too_few(count, rate))
    for number, example in enumerate(examples):
        if not example.content.text.strip():
            raise BadInput(
                f"example {number + 1} has no text; images are trained on by the text that OCR reads in them"
            )


def _too_few(count: int, rate: float) -> str:
    needed = math.ceil(1.4 / rate)
    return (
        f"a false-positive rate of {rate:g} cannot be promised from {count} harmless examples: give {needed} or more, "
        f"or ask for a rate of {min(0.5, math.ceil(1400 / count) / 1000):g}"
    )


def _learner(kind: Kind, examples: Sequence[Example], own: int, embedder: Embedder | None, seed: int) -> Learner:
    from .learners import ProbeLearner, Ss3Learner

    makers: dict[str, Callable[[], Learner]] = {
        "ss3": lambda: Ss3Learner(examples, own, seed=seed),
        "probe": lambda: ProbeLearner(examples, own, embedder),
    }
    if kind not in makers:
        raise BadSetting(f'no kind of screen is called "{kind}"; known: {", ".join(makers)}')
    return makers[kind]()


def sklearn(module: str) -> Any:
    """A module of scikit-learn. Raises MissingExtra."""
    try:
        return import_module(f"sklearn.{module}")
    except ImportError as error:
        raise MissingExtra("training a screen", extra="local") from error
