"""What a suite says of a judge's errors: the check that a figure is corrected by, as the plan of a run keeps it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

from tamis.core.errors import BadInput

from ..metrics.metric import Counted
from ..report.report import CorrectedRate, Estimate, FigureInfo, Method
from ..stats import Detector, Interval, prediction_powered_rate, rogan_gladen_of
from .checked import JudgeCheck

SAYS_NOTHING = "the judge says nothing: its sensitivity and specificity add up to 1 or less"
NO_SHARE = "a mean outside 0 and 1 is no share that a judge counted"
_KEYS = ("check", "method", "counts")


@dataclass(frozen=True)
class Correction:
    """A judge's errors, as its check found them, and how they correct the mean of a figure that it counted.

    ``detector`` is the judge as a detector of what is counted. ``check`` is the name of the file and ``sha256`` the
    digest of its bytes: with them in its plan, a run is reported the same after the file has gone.
    """

    figure: str
    judge: str
    counts: Counted
    method: Method
    detector: Detector
    check: str
    sha256: str

    @classmethod
    def read(cls, figure: str, given: Any, about: FigureInfo) -> "Correction":
        """From what a suite says: a check's file, or a table with it as "check", and perhaps "method" and "counts".

        A JudgeCheck stands for its file, and a Correction for itself. ``about`` says which judge counts what in the
        figure. Raises BadInput for a file that is missing or no check, for the check of another judge, and for a figure
        of which nobody says what its judge counts.
        """
        if isinstance(given, Correction):
            return given
        table = dict(given) if isinstance(given, Mapping) else {"check": given}
        if unknown := [key for key in table if key not in _KEYS]:
            raise BadInput(f'a correction has no key "{unknown[0]}"; known: {", ".join(_KEYS)}')
        method = _one_of("method", table.get("method", "rogan-gladen"), Method)
        counts = table.get("counts", about.counts)
        if counts is None:
            raise BadInput(
                f'"{figure}" is no share of claims that a judge counts; a check of single claims corrects faithfulness '
                'and the like. Where the checked pairs are what this figure counts, say counts = "supported" or '
                '"unsupported"'
            )
        counts = _one_of("counts", counts, Counted)
        if about.counts is None and not about.is_rate:
            raise BadInput(f'"{figure}" is no rate of yes and no, so the errors of a judge do not correct it')
        check, name, digest = _check(table.get("check"))
        if about.judge and about.judge != check.judge:
            raise BadInput(
                f'"{figure}" is counted by the judge "{about.judge}", and {name} is the check of "{check.judge}": '
                "one judge's errors do not correct another's rates"
            )
        try:
            detector = check.detector_of(counts)
        except BadInput as error:
            raise BadInput(f"{name}: {error}") from error
        return cls(figure, check.judge, counts, method, detector, name, digest)

    def to_json(self) -> dict[str, Any]:
        """As the plan of a run has it."""
        return asdict(self)

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> "Correction":
        """What ``to_json`` wrote. Raises BadInput for anything else."""
        try:
            return cls(**{**written, "detector": Detector(**written["detector"])})
        except (KeyError, TypeError) as error:
            raise BadInput(f"a correction is not complete: {error}") from error

    def corrected(self, one: Estimate, *, confidence: float, seed: int) -> CorrectedRate | None:
        """The estimate corrected; None for one without a mean."""
        if one.mean is None or not one.scored:
            return None
        raw = Interval(one.mean, one.low, one.high, one.scored)
        found, reason = None, NO_SHARE
        if 0 <= one.mean <= 1:
            reason = SAYS_NOTHING
            if self.method == "rogan-gladen":
                found = rogan_gladen_of(raw, self.detector, confidence=confidence, seed=seed)
            else:
                found = prediction_powered_rate(raw, self.detector, confidence=confidence, seed=seed)
        return CorrectedRate(
            figure=self.figure,
            variant=one.variant,
            n=one.scored,
            raw=one.mean,
            raw_low=one.low,
            raw_high=one.high,
            mean=None if found is None else found.mean,
            low=None if found is None else found.low,
            high=None if found is None else found.high,
            method=self.method,
            counts=self.counts,
            judge=self.judge,
            check=self.check,
            sha256=self.sha256,
            sensitivity=self.detector.sensitivity,
            specificity=self.detector.specificity,
            labelled=self.detector.positives + self.detector.negatives,
            reason=reason if found is None else "",
        )


def _check(given: Any) -> tuple[JudgeCheck, str, str]:
    """The check, its file's name, and the digest of the file."""
    if isinstance(given, JudgeCheck):
        return given, given.judge, sha256(given.to_bytes()).hexdigest()
    if not isinstance(given, str | Path) or not str(given):
        raise BadInput(f"a correction names the file that tamis judge check wrote, not {given!r}")
    path = Path(given)
    return JudgeCheck.read(path), path.name, sha256(path.read_bytes()).hexdigest()


def _one_of(key: str, given: Any, kind: Any) -> Any:
    if given not in get_args(kind):
        raise BadInput(f"{key} is {given!r}; it must be {' or '.join(get_args(kind))}")
    return given
