"""Checks a judge: against human labels, against near-negatives, and against itself."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from random import Random
from typing import Any

from tamis.core.errors import BadInput, UnknownComponent
from tamis.models.judge import Judge, Verdict
from tamis.models.judges import JUDGES
from tamis.models.judges.agreement import is_disputed

from ..stats import Detector, brier_score, expected_calibration_error, rate_interval
from .accuracy import THRESHOLD, Accuracy, accuracy
from .checked import Calibration, JudgeCheck
from .pairs import Pair, digest_of
from .probes import argument_order_stability, length_stability, order_stability, self_agreement, twins

PROBED = 200
"""Pairs that the judge is asked about again, at most, for each of the ways in which it should not change its mind."""
_AT_ONCE = 64
_REASON = 120


def check_judge(
    judge: Judge,
    pairs: Sequence[Pair],
    *,
    name: str = "pairs",
    seed: int = 0,
    confidence: float = 0.95,
    probed: int = PROBED,
    progress: Callable[[int], None] | None = None,
) -> JudgeCheck:
    """What the judge is worth on these pairs. Pairs without a label are left out.

    Every labelled pair is judged once; of ``probed`` pairs (the first so many, by a fixed draw from ``seed``) the judge
    is asked again with the evidence turned round, with other evidence behind it, one at a time, and with every kind of
    near-negative of the supported ones. ``progress`` is called with how many pairs were just judged.
    Raises BadInput for no labelled pair, and for a judge that gives another number of verdicts.
    """
    labelled = [pair for pair in pairs if pair.supported is not None]
    if not labelled:
        raise BadInput("a judge is checked on labelled pairs, and there are none")
    verdicts: list[Verdict] = []
    for start in range(0, len(labelled), _AT_ONCE):
        part = labelled[start : start + _AT_ONCE]
        found = judge.judge([pair.claim for pair in part], [pair.evidence for pair in part])
        if len(found) != len(part):
            raise BadInput(f'the judge "{judge.name}" gave {len(found)} verdicts on {len(part)} claims')
        verdicts += found
        if progress is not None:
            progress(len(part))
    drawn = _drawn(labelled, seed, probed)
    some, theirs = [labelled[at] for at in drawn], [verdicts[at] for at in drawn]
    known = [at for at, verdict in enumerate(verdicts) if verdict.supported is not None]
    return JudgeCheck(
        judge=judge.name,
        spec=_spec(judge),
        data={"name": name, "sha256": digest_of(pairs)},
        seed=seed,
        confidence=confidence,
        tamis=version("tamis"),
        pairs=len(labelled),
        unscored=len(labelled) - len(known),
        disputed=sum(map(is_disputed, verdicts)),
        reasons=_reasons(verdicts),
        coverage=rate_interval(len(known), len(labelled), confidence=confidence),
        detector=_detector(labelled, verdicts),
        accuracy=_accuracy(labelled, verdicts, known, confidence, seed),
        by_length=_by_length(labelled, verdicts, known, confidence, seed),
        calibration=_calibration(labelled, verdicts, known),
        order=order_stability(judge, some, theirs, confidence),
        argument_order=argument_order_stability(judge, some, theirs, confidence),
        length=length_stability(judge, some, theirs, confidence),
        self_agreement=self_agreement(judge, some, theirs, confidence),
        twins=twins(judge, some, seed=seed, confidence=confidence),
        verdicts=tuple(
            (pair.id, verdict.supported, bool(pair.supported)) for pair, verdict in zip(labelled, verdicts, strict=True)
        ),
    )


def _drawn(pairs: Sequence[Pair], seed: int, count: int) -> list[int]:
    if len(pairs) <= count:
        return list(range(len(pairs)))
    return sorted(Random(f"{seed}:probed").sample(range(len(pairs)), count))


def _spec(judge: Judge) -> dict[str, Any] | None:
    try:
        return JUDGES.spec(judge)
    except UnknownComponent:
        return None


def _reasons(verdicts: Sequence[Verdict]) -> Mapping[str, int]:
    """Reasons for no verdict, most frequent first; a disputed verdict's particulars are left out."""
    reasons = (
        "disputed" if is_disputed(verdict) else verdict.reason[:_REASON]
        for verdict in verdicts
        if verdict.supported is None
    )
    return dict(Counter(reasons).most_common(20))


def _detector(pairs: Sequence[Pair], verdicts: Sequence[Verdict]) -> Detector | None:
    known = [
        (bool(pair.supported), verdict.supported >= THRESHOLD)
        for pair, verdict in zip(pairs, verdicts, strict=True)
        if verdict.supported is not None
    ]
    positives = sum(label for label, _ in known)
    if not positives or positives == len(known):
        return None
    return Detector(
        sum(label and said for label, said in known),
        positives,
        sum(not label and not said for label, said in known),
        len(known) - positives,
    )


def _accuracy(
    pairs: Sequence[Pair], verdicts: Sequence[Verdict], known: Sequence[int], confidence: float, seed: int
) -> Accuracy:
    if not known:
        return Accuracy(None, None, None, None, None, None, None)
    return accuracy(
        [float(verdicts[at].supported or 0.0) for at in known],
        [bool(pairs[at].supported) for at in known],
        [pairs[at].group for at in known],
        confidence=confidence,
        seed=seed,
    )


def _by_length(
    pairs: Sequence[Pair], verdicts: Sequence[Verdict], known: Sequence[int], confidence: float, seed: int
) -> dict[str, Accuracy]:
    order = sorted(known, key=lambda at: (len(pairs[at].claim), at))
    half = len(order) // 2
    return {
        part: _accuracy(pairs, verdicts, sorted(chosen), confidence, seed)
        for part, chosen in (("shorter half", order[:half]), ("longer half", order[half:]))
    }


def _calibration(pairs: Sequence[Pair], verdicts: Sequence[Verdict], known: Sequence[int]) -> Calibration | None:
    if not known:
        return None
    values = [float(verdicts[at].supported or 0.0) for at in known]
    labels = [bool(pairs[at].supported) for at in known]
    return Calibration(
        expected_calibration_error(values, labels),
        expected_calibration_error(values, labels, binning="mass"),
        brier_score(values, labels),
    )
