"""A suite: what is measured, under which attacks, and what must come out. Written in TOML, some built in."""

import dataclasses
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamis.core.errors import BadInput

from .attacks.attack import Attack
from .metrics.metric import Metric, meaning_of
from .variant import CLEAN, Variant

if TYPE_CHECKING:
    from .judges.correction import Correction

_ROOM = "tamis.eval.suites"
_SUFFIX = ".toml"


@dataclass(frozen=True)
class Trial:
    """An attack as a suite tries it: at these strengths, each with its control beside it if ``control``."""

    attack: Attack
    strengths: tuple[float, ...]
    control: bool = True

    def variants(self) -> Iterator[Variant]:
        """Weakest first, each followed by its control."""
        for strength in self.strengths:
            yield Variant(self.attack.name, strength)
            if self.control:
                yield Variant(self.attack.name, strength, True)


@dataclass(frozen=True)
class Suite:
    """What is measured on every case, clean and under each attack.

    ``gates`` are conditions on the report such as "answer_f1.clean > 0.5 at 95%". ``confidence`` is that of every
    interval, in (0, 1). A case that takes longer than ``deadline_s`` seconds, all attempts together, has failed;
    ``retries`` more attempts are made after a connection that broke or a timeout of the target's own.

    ``corrections`` maps a figure that a judge counts ("faithfulness") to what ``tamis judge check`` wrote for that
    judge: a file, or a table with it as "check", with "method" ("rogan-gladen", or "prediction-powered" where the
    labelled pairs are a random sample of the claims of this very run) and "counts" for a figure that does not say what
    its judge counts. It is read now, stands in the run's plan, and puts the corrected rate beside the raw one.

    Raises BadInput naming the field.
    """

    name: str
    metrics: tuple[Metric, ...]
    attacks: tuple[Trial, ...] = ()
    gates: tuple[str, ...] = ()
    goal: str = ""
    seed: int = 0
    confidence: float = 0.95
    deadline_s: float = 60.0
    retries: int = 2
    corrections: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.metrics:
            raise BadInput(f'metrics: the suite "{self.name}" measures nothing; name a metric such as "answer_f1"')
        if not 0 < self.confidence < 1:
            raise BadInput(f"confidence: must be above 0 and below 1, not {self.confidence!r}")
        if not (math.isfinite(self.deadline_s) and self.deadline_s > 0):
            raise BadInput(f"deadline_s: must be a number of seconds above 0, not {self.deadline_s!r}")
        if not is_seed(self.seed):
            raise BadInput(f"seed: must be a whole number of 0 or more, not {self.seed!r}")
        if self.retries < 0:
            raise BadInput(f"retries: must be 0 or more, not {self.retries!r}")
        _check_once("metrics", [metric.name for metric in self.metrics])
        _check_once("attacks", [variant.key for variant in self.variants])
        for number, gate in enumerate(self.gates):
            try:
                self._check_gate(gate)
            except BadInput as error:
                raise BadInput(f"gates[{number}]: {error}") from error
        object.__setattr__(self, "corrections", self._read_corrections())

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Every condition a case is run under, the clean one first."""
        return (CLEAN, *(variant for trial in self.attacks for variant in trial.variants()))

    @property
    def attack_of(self) -> dict[str, Attack]:
        """The attacks by name."""
        return {trial.attack.name: trial.attack for trial in self.attacks}

    @classmethod
    def of(cls, named: "str | Path | Mapping[str, Any] | Suite") -> "Suite":
        """A suite by its name, its file, what such a file holds, or as it is.

        Raises BadInput naming the file, the key and the nearest name that exists.
        """
        from .suites.reading import nearest, suite_of

        if isinstance(named, Suite):
            return named
        if isinstance(named, Mapping):
            return suite_of(named, "suite")
        if isinstance(named, str) and not named.endswith(_SUFFIX) and not Path(named).is_file():
            if named not in cls.names():
                raise BadInput(f'no suite is called "{named}"{nearest(named, cls.names())}; a file ends in .toml')
            return suite_of(tomllib.loads((files(_ROOM) / f"{named}{_SUFFIX}").read_text("utf-8")), f"suite {named}")
        try:
            written = tomllib.loads(Path(named).read_text("utf-8"))
        except OSError as error:
            raise BadInput(f"{named}: cannot be read: {error.strerror}") from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadInput(f"{named}: is no TOML: {error}") from error
        return suite_of(written, str(named), Path(named).parent)

    @classmethod
    def names(cls) -> list[str]:
        """The suites that are built in."""
        inside = (entry.name for entry in files(_ROOM).iterdir())
        return sorted(name.removesuffix(_SUFFIX) for name in inside if name.endswith(_SUFFIX))

    def _read_corrections(self) -> "dict[str, Correction]":
        if not self.corrections:
            return {}
        from .judges.correction import Correction
        from .report.report import FigureInfo
        from .suites.reading import at, nearest

        metrics = {metric.name: metric for metric in self.metrics}
        read: dict[str, Correction] = {}
        for figure, given in self.corrections.items():
            if figure not in metrics:
                raise BadInput(f'corrections: the suite does not measure "{figure}"{nearest(figure, list(metrics))}')
            with at(f"corrections.{figure}"):
                read[figure] = Correction.read(figure, given, FigureInfo.of(meaning_of(metrics[figure])))
        return read

    def _check_gate(self, text: str) -> None:
        """Raises BadInput for a gate that this suite could never pass: what it names is not measured or not tried."""
        from .report.answers import FLIPS
        from .report.columns import metric_of_figure
        from .report.gates import parse
        from .suites.reading import nearest

        gate = parse(text)
        tried = [variant.key for variant in self.variants]
        tried += [f"{trial.attack.name}{end}" for trial in self.attacks for end in ("", "~control")]
        measured = [*(metric.name for metric in self.metrics), FLIPS]
        for figure, variant in (operand for operand in (gate.operand, gate.minus) if operand is not None):
            if metric_of_figure(figure) not in measured:
                raise BadInput(f'the suite does not measure "{figure}"{nearest(figure, measured)}')
            if variant not in tried:
                raise BadInput(f'the suite does not try "{variant}"{nearest(variant, tried)}')

    def to_json(self) -> dict[str, Any]:
        """The suite as JSON: what decides its numbers, with every setting of its attacks and metrics."""
        return {
            "name": self.name,
            "goal": self.goal,
            "confidence": self.confidence,
            "deadline_s": self.deadline_s,
            "retries": self.retries,
            "metrics": [{"name": metric.name, **_settings(metric)} for metric in self.metrics],
            "gates": list(self.gates),
            **({"corrections": [one.to_json() for one in self.corrections.values()]} if self.corrections else {}),
            "attacks": [
                {
                    "name": trial.attack.name,
                    "goal": trial.attack.goal,
                    "source": trial.attack.source,
                    "unit": trial.attack.unit,
                    "strengths": list(trial.strengths),
                    "control": trial.control,
                    **_settings(trial.attack),
                }
                for trial in self.attacks
            ],
        }


def is_seed(value: Any) -> bool:
    """Whether random numbers can start from it: a whole number of 0 or more.

    >>> is_seed(0), is_seed(-1), is_seed(True)
    (True, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _check_once(key: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f'{key}: "{twice[0]}" is there more than once')


def _settings(component: Attack | Metric) -> dict[str, Any]:
    """A dataclass's fields as JSON, without those that are hidden (secrets)."""
    if not dataclasses.is_dataclass(component):
        return {}
    shown = (field.name for field in dataclasses.fields(component) if field.init and field.repr)
    given = {name: getattr(component, name) for name in shown}
    return {name: _plain(value) for name, value in given.items() if name not in ("name", "strengths")}


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_plain(one) for one in value]
        case set() | frozenset():
            return sorted(str(one) for one in value)
        case Mapping():
            return {str(key): _plain(one) for key, one in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value) if field.repr}
    return type(value).__qualname__
