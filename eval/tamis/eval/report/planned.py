"""What the plan of a run says that its report needs: names, the seed, the order of figures and variants, the gates."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tamis.core.errors import BadInput

from ..run.plan import FILE, Plan
from ..variant import Variant
from .report import DataInfo, FigureInfo, RunInfo, VariantInfo


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
        plan = Plan.read(folder)
        try:
            return cls.of(plan)
        except BadInput as error:
            raise BadInput(f"{folder / FILE}: {error}") from error

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
    def of(cls, plan: Plan) -> "Planned":
        """What a plan says. Raises BadInput naming what its suite or its figures lack."""
        suite = plan.suite
        try:
            attacks = {str(one["name"]): dict(one) for one in suite.get("attacks", ())}
            return cls(
                run=RunInfo(
                    suite=str(suite["name"]),
                    target=plan.target,
                    data=DataInfo(plan.data.name, plan.data.sha256, plan.data.cases),
                    seed=plan.seed,
                    confidence=float(suite.get("confidence", 0.95)),
                    tamis=plan.tamis,
                ),
                figures={name: FigureInfo.of(meaning) for name, meaning in plan.figures.items()},
                variants=tuple(_info(variant, attacks.get(variant.attack, {})) for variant in plan.variants),
                gates=tuple(str(gate) for gate in suite.get("gates", ())),
                corrections=tuple(dict(one) for one in suite.get("corrections", ())),
                attacks=attacks,
                metrics={str(one["name"]): dict(one) for one in suite.get("metrics", ())},
                command=plan.command,
                data_path=plan.path,
                environment=plan.versions,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"the plan of the run is damaged: {type(error).__name__} {error}") from error


def _info(variant: Variant, about: Mapping[str, Any]) -> VariantInfo:
    return VariantInfo(
        key=variant.key,
        attack=variant.attack,
        strength=variant.strength,
        control=variant.control,
        goal=str(about.get("goal", "")),
        source=str(about.get("source", "")),
        unit=str(about.get("unit", "")),
    )
