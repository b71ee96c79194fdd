"""What a sound judge does not care for: the order of evidence, its length, being asked twice. And what it must see."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from tamis.core.content import Content
from tamis.models.judge import Judge, Verdict
from tamis.models.judges.agreement import is_disputed
from tamis.models.sentences import sentences

from ..stats import Interval, rate_interval
from .accuracy import THRESHOLD
from .near_negatives import KINDS, NearNegative, near_negatives
from .pairs import Pair

_OTHERS = 60


@dataclass(frozen=True)
class Stability:
    """Over claims that had a verdict: how many got another one (``changed``), and the mean change of P in [0, 1].

    A verdict that is lost counts as changed. ``rate`` is the share that changed; None where nothing could be tried.
    """

    tried: int
    changed: int
    rate: Interval | None
    mean_change: float | None


@dataclass(frozen=True)
class Twins:
    """A kind of near-negative: in how many pairs the supported claim has the higher P than its twin.

    ``rate`` counts ties as half a win; ``below`` of the twins themselves are judged unsupported; ``unjudged`` pairs
    lack a verdict on one side; ``not_applicable`` are the reasons why no twin could be made. A twin on which two
    checkers fall out, after they agreed on the claim, counts as won: ``disputed`` says how often.
    """

    pairs: int
    wins: int
    ties: int
    disputed: int
    unjudged: int
    below: int
    rate: Interval | None
    not_applicable: Mapping[str, int]


def order_stability(judge: Judge, pairs: Sequence[Pair], before: Sequence[Verdict], confidence: float) -> Stability:
    """The evidence the other way round: passages, or the sentences of a single one as passages, last first."""
    chosen, turned, base = [], [], []
    split: list[int] = []
    for at, pair in enumerate(pairs):
        passages = pair.evidence if len(pair.evidence) > 1 else _split(pair.evidence)
        if len(passages) > 1:
            chosen.append(pair.claim)
            turned.append(tuple(reversed(passages)))
            base.append(passages)
            split.append(at)
    if not chosen:
        return Stability(0, 0, None, None)
    # A single passage was cut into sentences: it is judged so in both orders, or the cut would be measured too.
    first = (
        judge.judge(chosen, base) if any(len(pairs[at].evidence) == 1 for at in split) else [before[at] for at in split]
    )
    return stability(first, judge.judge(chosen, turned), confidence)


def argument_order_stability(
    judge: Judge, pairs: Sequence[Pair], before: Sequence[Verdict], confidence: float
) -> Stability | None:
    """The judge's own order the other way round, where it has one: claim first, or the other side speaks first."""
    other = _turned(judge)
    if other is None:
        return None
    return stability(before, other.judge([pair.claim for pair in pairs], [pair.evidence for pair in pairs]), confidence)


def length_stability(judge: Judge, pairs: Sequence[Pair], before: Sequence[Verdict], confidence: float) -> Stability:
    """Other evidence put behind the pair's own: what supports a claim still does, what does not does not either.

    The other evidence is that of another group, and may by chance support the claim.
    """
    chosen, padded, base = [], [], []
    for at, pair in enumerate(pairs):
        other = next((one for one in (*pairs[at + 1 :], *pairs[:at]) if one.group != pair.group and one.texts), None)
        if other is not None:
            chosen.append(pair.claim)
            padded.append((*pair.evidence, *(Content(text) for text in other.texts)))
            base.append(before[at])
    return stability(base, judge.judge(chosen, padded), confidence) if chosen else Stability(0, 0, None, None)


def self_agreement(judge: Judge, pairs: Sequence[Pair], before: Sequence[Verdict], confidence: float) -> Stability:
    """The same claims again, last first and one at a time: a judge should not depend on its batch either."""
    again = [judge.judge([pair.claim], [pair.evidence])[0] for pair in reversed(pairs)]
    return stability(before, again[::-1], confidence)


def stability(before: Sequence[Verdict], after: Sequence[Verdict], confidence: float = 0.95) -> Stability:
    """How much verdicts changed, over those that were there before."""
    known = [(one, other) for one, other in zip(before, after, strict=True) if one.supported is not None]
    if not known:
        return Stability(0, 0, None, None)
    changed = sum(_side(one) != _side(other) for one, other in known)
    gaps = [
        abs(one.supported - other.supported)
        for one, other in known
        if one.supported is not None and other.supported is not None
    ]
    return Stability(
        len(known),
        changed,
        rate_interval(changed, len(known), confidence=confidence),
        sum(gaps) / len(gaps) if gaps else None,
    )


def twins(judge: Judge, pairs: Sequence[Pair], *, seed: int = 0, confidence: float = 0.95) -> dict[str, Twins]:
    """Every kind of near-negative of the supported claims, judged beside the claims themselves."""
    supported = [pair for pair in pairs if pair.supported]
    made: list[tuple[str, Pair, str]] = []
    reasons: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for at, pair in enumerate(supported):
        others = [one.claim for one in (*supported[at + 1 :], *supported[:at]) if one.group != pair.group][:_OTHERS]
        for kind, twin in near_negatives(pair.claim, pair.texts, seed=f"{seed}:{pair.id}", others=others):
            if isinstance(twin, NearNegative):
                made.append((kind, pair, twin.claim))
            else:
                reasons[kind][str(twin)] += 1
    own = {pair.id: verdict for pair, verdict in zip(supported, _judged(judge, supported), strict=True)}
    found = judge.judge([claim for _, _, claim in made], [pair.evidence for _, pair, _ in made]) if made else []
    results: dict[str, Twins] = {}
    for kind in KINDS:
        rows = [(own[pair.id], verdict) for (k, pair, _), verdict in zip(made, found, strict=True) if k == kind]
        results[kind] = _twins(rows, reasons[kind], confidence)
    return results


def _twins(rows: Sequence[tuple[Verdict, Verdict]], reasons: Mapping[str, int], confidence: float) -> Twins:
    wins = ties = disputed = unjudged = below = 0
    for claim, twin in rows:
        if claim.supported is None or (twin.supported is None and not is_disputed(twin)):
            unjudged += 1
        elif twin.supported is None:
            # On a supported claim two agree, and on its twin they do not: the twin is not let pass.
            disputed += claim.supported >= THRESHOLD
            unjudged += claim.supported < THRESHOLD
        else:
            wins += claim.supported > twin.supported
            ties += claim.supported == twin.supported
            below += twin.supported < THRESHOLD
    n = len(rows) - unjudged
    rate = None
    if n:
        share = (wins + disputed + 0.5 * ties) / n
        # Half wins have no exact interval: both ends are taken at the whole number beyond.
        low = rate_interval(int(wins + disputed + 0.5 * ties), n, confidence=confidence).low
        high = rate_interval(min(n, int(wins + disputed + 0.5 * ties + 0.5)), n, confidence=confidence).high
        rate = Interval(share, low, high, n)
    return Twins(len(rows), wins, ties, disputed, unjudged, below, rate, dict(reasons))


def _judged(judge: Judge, pairs: Sequence[Pair]) -> list[Verdict]:
    return judge.judge([pair.claim for pair in pairs], [pair.evidence for pair in pairs]) if pairs else []


def _side(verdict: Verdict) -> str:
    if verdict.supported is None:
        return "disputed" if is_disputed(verdict) else "none"
    return "supported" if verdict.supported >= THRESHOLD else "unsupported"


def _split(evidence: Sequence[Content]) -> tuple[Content, ...]:
    pieces = [Content(one.text[begin:end]) for one in evidence for begin, end in sentences(one.text)]
    return (*pieces, *(Content(images=one.images) for one in evidence if one.images))


def _turned(judge: Any) -> Any:
    """The judge with its own order turned round; None where it has none."""
    names = {field.name for field in fields(judge)} if hasattr(judge, "__dataclass_fields__") else set()
    if "order" in names:
        return replace(judge, order="claim first" if judge.order == "evidence first" else "evidence first")
    if "debate" in names:
        first = "against" if judge.debate.first == "for" else "for"
        return replace(judge, debate=replace(judge.debate, first=first))
    return None
