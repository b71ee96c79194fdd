"""Gates: what a figure must keep to, as a line of text, and whether a run says surely enough that it does.

    attack_success.poison < 0.1 at 95%
    nDCG@10 [context].clean >= 0.5 at 95% on 80%
    attack_success.poison@5 - attack_success.poison@5~control < 0.05
    delta answer_f1.poison > -0.05 at 90%

A figure and a variant stand on either side of a dot. An attack without a strength means each of its strengths: the one
that does worst decides. ``delta`` is the difference to clean, and a difference is paired: over items scored on both
sides. ``at`` is the confidence (without it, the suite's), ``on`` the least share of the cases that must be scored
(without it, half of them).
"""

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from tamis.core.errors import BadInput

from .report import GateResult, GateVerdict

LEAST = 10
"""Independent groups of scored items below which nothing is claimed; an item without a group is one of its own."""
COVERAGE = 0.5

Operator = Literal["<", "<=", ">", ">="]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PERCENT = r"(?:\d+\.?\d*|\.\d+)"
_END = re.compile(
    rf"(?P<left>.*?)\s*(?P<operator><=|>=|<|>)\s*(?P<bound>{_NUMBER})"
    rf"(?:\s+at\s+(?P<at>{_PERCENT})\s*%)?(?:\s+on\s+(?P<on>{_PERCENT})\s*%)?\s*",
    re.DOTALL,
)
_VARIANT = re.compile(r"[a-z0-9][a-z0-9_+-]*(?:@-?\d+(?:\.\d+)?(?:e-?\d+)?)?(?:~control)?")


class Operand(NamedTuple):
    """A figure under a variant: a key ("clean", "poison@5~control"), or an attack's name for all its strengths."""

    figure: str
    variant: str


class Sample(NamedTuple):
    """What a run says of one operand, or of a difference of two: ``n`` items of ``cases`` were scored.

    ``mean`` and ends are None where the items do not say them. ``groups`` is how many independent groups the items are
    of; None where each is its own.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    cases: int
    groups: int | None = None


class Measures(Protocol):
    """What gates are checked against. Raises BadInput naming a figure or variant that it does not have."""

    @property
    def confidence(self) -> float: ...

    def variants_of(self, variant: str) -> list[str]:
        """The keys that a variant's name in a gate stands for, weakest first."""
        ...

    def sample(self, figure: str, variant: str, confidence: float) -> Sample: ...

    def difference(self, left: Operand, right: Operand, confidence: float) -> Sample: ...


@dataclass(frozen=True)
class Gate:
    """A condition on a figure, or on the paired difference of two (``minus``). ``text`` is as it was written."""

    text: str
    operand: Operand
    minus: Operand | None
    operator: Operator
    bound: float
    confidence: float | None = None
    coverage: float = COVERAGE


def parse(text: str) -> Gate:
    """A gate from its text. Raises BadInput that points at the place where it stops making sense.

    >>> gate = parse("delta answer_f1.poison > -0.05 at 90%")
    >>> gate.operand, gate.minus, gate.operator, gate.bound, gate.confidence
    (Operand(figure='answer_f1', variant='poison'), Operand(figure='answer_f1', variant='clean'), '>', -0.05, 0.9)
    >>> parse("answer_f1 > 0.1")
    Traceback (most recent call last):
    tamis.core.errors.BadInput: gate "answer_f1 > 0.1": "answer_f1" names no variant; write answer_f1.clean or .ATTACK
    """
    found = _END.fullmatch(text)
    if found is None:
        raise BadInput(_why(text))
    left = found["left"].strip()
    delta = re.match(r"delta\s+", left)
    operand, minus = _sides(left[delta.end() :] if delta else left, text)
    if delta:
        if minus is not None:
            raise BadInput(
                f'gate "{text}": "delta" is a difference to clean already; leave it out, or what is taken away'
            )
        minus = Operand(operand.figure, "clean")
        if operand.variant == "clean":
            raise BadInput(f'gate "{text}": the difference of clean to clean is nothing; name an attack after the dot')
    confidence, coverage = _share(found["at"], "at", text), _share(found["on"], "on", text)
    if confidence is not None and not 0 < confidence < 1:
        raise BadInput(f'gate "{text}": the confidence after "at" must lie between 0% and 100%, not at {found["at"]}%')
    operator: Operator = found["operator"]  # type: ignore[assignment]
    return Gate(
        text, operand, minus, operator, float(found["bound"]), confidence, COVERAGE if coverage is None else coverage
    )


def check(gate: Gate | str, measures: Measures, *, least: int = LEAST) -> GateResult:
    """Whether the gate holds: "pass" only where the whole interval is on the right side of the bound.

    "fail" where all of it is on the wrong side; else, and with fewer than ``least`` groups of items or too few of the
    cases scored, "not enough data". A figure or variant that the run does not have is not enough data either.
    """
    gate = parse(gate) if isinstance(gate, str) else gate
    confidence = gate.confidence or measures.confidence
    try:
        results = [_checked(gate, *pair, measures, confidence, least) for pair in _pairs(gate, measures)]
    except BadInput as error:
        return GateResult(gate.text, "not enough data", None, None, None, 0, str(error))
    order: tuple[GateVerdict, ...] = ("fail", "not enough data", "pass")
    return min(results, key=lambda one: (order.index(one.verdict), _distance(gate, one)))


def _checked(
    gate: Gate, left: Operand, right: Operand | None, measures: Measures, confidence: float, least: int
) -> GateResult:
    if right is None:
        sample = measures.sample(left.figure, left.variant, confidence)
    else:
        sample = measures.difference(left, right, confidence)
    verdict, reason = _verdict(gate, sample, least)
    return GateResult(gate.text, verdict, sample.mean, sample.low, sample.high, sample.n, f"{left.variant}: {reason}")


def _pairs(gate: Gate, measures: Measures) -> list[tuple[Operand, Operand | None]]:
    """The operands with every strength that is meant; on both sides of a difference, the same strength."""
    lefts = [Operand(gate.operand.figure, key) for key in measures.variants_of(gate.operand.variant)]
    if gate.minus is None:
        return [(left, None) for left in lefts]
    rights = [Operand(gate.minus.figure, key) for key in measures.variants_of(gate.minus.variant)]
    if len(rights) == 1:
        return [(left, rights[0]) for left in lefts]
    if len(lefts) == 1:
        return [(lefts[0], right) for right in rights]
    if len(lefts) != len(rights):
        raise BadInput(
            f'"{gate.operand.variant}" was run at {len(lefts)} strengths and "{gate.minus.variant}" at {len(rights)}: '
            "name one strength, as in poison@5"
        )
    return list(zip(lefts, rights, strict=True))


def _verdict(gate: Gate, sample: Sample, least: int) -> tuple[GateVerdict, str]:
    from ..stats import Interval, bound_holds

    if sample.n < least:
        return "not enough data", f"{sample.n} items scored, at least {least} are needed"
    if sample.groups is not None and sample.groups < least:
        return "not enough data", f"{sample.n} items of {sample.groups} groups scored, at least {least} are needed"
    if sample.n < gate.coverage * sample.cases:
        return "not enough data", f"{sample.n} of {sample.cases} cases scored, {gate.coverage:.0%} are needed"
    if sample.mean is None or sample.low is None or sample.high is None:
        return "not enough data", f"{sample.n} items say nothing of how far they spread"
    verdict = bound_holds(Interval(sample.mean, sample.low, sample.high, sample.n), gate.operator, gate.bound)
    within = f"{sample.mean:.4g}, {sample.low:.4g} to {sample.high:.4g}"
    return verdict, f"{within}, which holds the bound {gate.bound:g}" if verdict == "not enough data" else within


def _distance(gate: Gate, result: GateResult) -> float:
    """How far the value is on the right side; what has none comes first."""
    if result.value is None:
        return -float("inf")
    return gate.bound - result.value if gate.operator in ("<", "<=") else result.value - gate.bound


def _sides(text: str, gate: str) -> tuple[Operand, Operand | None]:
    # A hyphen without spaces belongs to an attack's name.
    parts = re.split(r"\s+-\s+", text)
    if len(parts) > 2:
        raise BadInput(f'gate "{gate}": a gate takes one difference, not "{text}"')
    operands = [_operand(part, gate) for part in parts]
    return operands[0], operands[1] if len(operands) == 2 else None


def _operand(text: str, gate: str) -> Operand:
    # The leftmost dot that a whole variant follows: a figure's own settings and a strength may hold dots too.
    for dot in re.finditer(r"\.", text):
        figure, variant = text[: dot.start()].strip(), text[dot.end() :].strip()
        if figure and _VARIANT.fullmatch(variant):
            return Operand(figure, variant)
    if not text:
        raise BadInput(f'gate "{gate}": there is no figure before the comparison')
    raise BadInput(f'gate "{gate}": "{text}" names no variant; write {text}.clean or .ATTACK')


def _share(text: str | None, word: str, gate: str) -> float | None:
    if text is None:
        return None
    if not 0 <= float(text) <= 100:
        raise BadInput(f'gate "{gate}": the share after "{word}" must lie between 0% and 100%, not at {text}%')
    return round(float(text) / 100, 12)  # 99.9 / 100 is not 0.999


def _why(text: str) -> str:
    """What is wrong with a text that has not the shape of a gate, and where."""
    comparison = re.search(r"<=|>=|<|>", text)
    if comparison is None:
        return f'gate "{text}": there is no comparison in it (<, <=, >, >=), as in attack_success.poison < 0.1 at 95%'
    rest = text[comparison.end() :]
    number = re.match(rf"\s*{_NUMBER}(?![\w.])", rest)
    if number is None:
        return f'gate "{text}": a number must follow "{comparison[0]}" (place {comparison.end() + 1})'
    place = comparison.end() + number.end()
    return f'gate "{text}": after {number[0].strip()} only "at 95%" and "on 80%" may follow (place {place + 1})'
