"""What the plan of a run says that its report needs: names, the seed, the order of figures and variants, the gates."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tamis.core.errors import BadInput

from ..variant import Variant
from .report import DataInfo, FigureInfo, RunInfo, VariantInfo

FILE = "run.json"


@dataclass(frozen=True)
class Planned:
    """The part of ``run.json`` that a report is made from.

    ``figures`` maps a metric's name (without a step) to what it means, in the suite's order. ``variants`` are in the
    suite's order, the clean one first. ``corrections`` are what ``Correction.to_json`` wrote. ``attacks`` and
    ``metrics`` have the settings of each by its name. ``command`` is how the run was started, ``environment`` the
    versions used.
    """

    run: RunInfo
    figures: Mapping[str, FigureInfo] = field(default_factory=dict)
    variants: tuple[VariantInfo, ...] = ()
    gates: tuple[str, ...] = ()
    corrections: tuple[Mapping[str, Any], ...] = ()
    attacks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    command: str = ""
    data_path: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Planned":
        """The plan of the run in this folder. Raises BadInput where there is none or it is damaged."""
        path = folder / FILE
        try:
            written = json.loads(path.read_text("utf-8"))
        except FileNotFoundError as error:
            raise BadInput(f"{folder} holds no run: there is no {FILE} in it") from error
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise BadInput(f"{path} is not JSON: {error}") from error
        try:
            return cls.of(written)
        except BadInput as error:
            raise BadInput(f"{path}: {error}") from error

    def corrected_by(self, given: Mapping[str, Any]) -> "Planned":
        """With these corrections, as a suite has them, in place of the plan's of the same figures. Raises BadInput."""
        if not given:
            return self
        from ..judges.correction import Correction

        read = {}
        for figure, one in given.items():
            if figure not in self.figures:
                raise BadInput(f'the run does not measure "{figure}"; it measures: {", ".join(self.figures)}')
            read[figure] = Correction.read(figure, one, self.figures[figure]).to_json()
        kept = {str(one["figure"]): one for one in self.corrections}
        return replace(self, corrections=tuple({**kept, **read}.values()))

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> "Planned":
        """The plan from its JSON. Raises BadInput naming what is missing."""
        try:
            suite, data = written["suite"], written["data"]
            attacks = {str(one["name"]): dict(one) for one in suite.get("attacks", ())}
            return cls(
                run=RunInfo(
                    suite=str(suite["name"]),
                    target=str(written["target"]),
                    data=DataInfo(str(data["name"]), str(data["sha256"]), int(data["cases"])),
                    seed=int(written["seed"]),
                    confidence=float(suite.get("confidence", 0.95)),
                    tamis=str(written.get("versions", {}).get("tamis", "")),
                ),
                figures={str(name): FigureInfo.of(meaning) for name, meaning in written["figures"].items()},
                variants=tuple(_variant(key, attacks) for key in written["variants"]),
                gates=tuple(str(gate) for gate in suite.get("gates", ())),
                corrections=tuple(dict(one) for one in suite.get("corrections", ())),
                attacks=attacks,
                metrics={str(one["name"]): dict(one) for one in suite.get("metrics", ())},
                command=str(written.get("command", "")),
                data_path=str(data.get("path", "")),
                environment={str(name): str(one) for name, one in written.get("versions", {}).items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"the plan of the run is damaged: {type(error).__name__} {error}") from error


def _variant(key: str, attacks: Mapping[str, Mapping[str, Any]]) -> VariantInfo:
    variant = Variant.of(key)
    about = attacks.get(variant.attack, {})
    return VariantInfo(
        key=variant.key,
        attack=variant.attack,
        strength=variant.strength,
        control=variant.control,
        goal=str(about.get("goal", "")),
        source=str(about.get("source", "")),
        unit=str(about.get("unit", "")),
    )
