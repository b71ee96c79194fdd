"""What a run is to do, ``run.json``: what decides its numbers, and apart from that how, when and where it was run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tamis.core.atomic import write_bytes
from tamis.core.errors import BadInput

from ..metrics.metric import meaning_of
from ..suite import Suite
from ..variant import Variant
from .data import DataId

FILE = "run.json"
SCHEMA = "tamis-run/1"
_DECIDES = ("schema", "suite", "target", "factory", "data", "seed", "figures", "variants", "tamis")


@dataclass(frozen=True)
class Plan:
    """What decides the numbers of a run; two plans that are equal give the same report.

    ``suite`` is what ``Suite.to_json`` gave, ``figures`` maps each metric's name to what it means, ``variants`` are in
    the suite's order, the clean one first. ``tamis`` is the version. What does not decide: ``path`` of the data,
    ``command``, ``versions``, and ``sessions``, one for each time the run was started.
    """

    suite: Mapping[str, Any]
    target: str
    data: DataId
    seed: int
    figures: Mapping[str, Mapping[str, Any]]
    variants: tuple[Variant, ...]
    tamis: str
    factory: bool = False
    path: str = field(default="", compare=False)
    command: str = field(default="", compare=False)
    versions: Mapping[str, str] = field(default_factory=dict, compare=False)
    sessions: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)

    @property
    def expected(self) -> int:
        """How many records the finished run has."""
        return self.data.cases * len(self.variants)

    @classmethod
    def made(cls, suite: Suite, target: str, data: DataId, seed: int, *, factory: bool = False) -> "Plan":
        """The plan of this suite on these data."""
        from importlib.metadata import version

        return cls(
            suite=json.loads(json.dumps(suite.to_json(), allow_nan=False)),
            target=target,
            data=data,
            seed=seed,
            figures={metric.name: meaning_of(metric) for metric in suite.metrics},
            variants=suite.variants,
            tamis=version("tamis"),
            factory=factory,
        )

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``run.json``."""
        return {
            "schema": SCHEMA,
            "suite": dict(self.suite),
            "target": self.target,
            "factory": self.factory,
            "data": {**self.data.to_json(), "path": self.path},
            "seed": self.seed,
            "figures": {name: dict(about) for name, about in self.figures.items()},
            "variants": [variant.key for variant in self.variants],
            "versions": {**self.versions, "tamis": self.tamis},
            "command": self.command,
            "sessions": [dict(session) for session in self.sessions],
        }

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> "Plan":
        """What ``to_json`` wrote. Raises BadInput for anything else."""
        if not isinstance(written, Mapping) or written.get("schema") != SCHEMA:
            raise BadInput(f'this is not the plan of a run of the schema "{SCHEMA}"')
        try:
            return cls(
                suite=dict(written["suite"]),
                target=str(written["target"]),
                data=DataId.of(written["data"]),
                seed=int(written["seed"]),
                figures={str(name): dict(about) for name, about in written["figures"].items()},
                variants=tuple(map(Variant.of, written["variants"])),
                tamis=str(written["versions"]["tamis"]),
                factory=bool(written["factory"]),
                path=str(written["data"].get("path", "")),
                command=str(written["command"]),
                versions={str(name): str(version) for name, version in written["versions"].items()},
                sessions=tuple(dict(session) for session in written["sessions"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BadInput(f"the plan of the run is damaged: {type(error).__name__} {error}") from error

    @classmethod
    def read(cls, folder: Path) -> "Plan":
        """The plan of the run in a folder. Raises BadInput where there is none or it is damaged."""
        file = folder / FILE
        try:
            written = json.loads(file.read_text("utf-8"))
        except FileNotFoundError as error:
            raise BadInput(f"{folder} holds no run: there is no {FILE} in it") from error
        except OSError as error:
            raise BadInput(f"{file}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise BadInput(f"{file} is not JSON: {error}") from error
        try:
            return cls.of(written)
        except BadInput as error:
            raise BadInput(f"{file}: {error}") from error

    def write(self, folder: Path) -> None:
        """Puts it into the folder, whole or not at all. Raises OSError."""
        text = json.dumps(self.to_json(), ensure_ascii=True, allow_nan=False, indent=1)
        write_bytes(folder / FILE, f"{text}\n".encode("ascii"))

    def difference(self, other: "Plan") -> str | None:
        """The first thing that decides the numbers and is another in ``other``, as text; None where they are the same.

        For example ``seed is 1 there and 2 here``, where this is the plan that is there.
        """
        there, here = self._deciding(), other._deciding()
        return _difference("", there, here)

    def _deciding(self) -> dict[str, Any]:
        written: dict[str, Any] = {**self.to_json(), "data": self.data.to_json(), "tamis": self.tamis}
        return json.loads(json.dumps({name: written[name] for name in _DECIDES}))  # type: ignore[no-any-return]


def _difference(name: str, there: Any, here: Any) -> str | None:
    if there == here:
        return None
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(key for key in here if key not in there)]:
            below = f"{name}.{key}" if name else key
            if found := _difference(below, there.get(key), here.get(key)):
                return found
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for number, (one, other) in enumerate(zip(there, here, strict=True)):
            if found := _difference(f"{name}[{number}]", one, other):
                return found
    return f"{name} is {_shown(there)} there and {_shown(here)} here"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:119]}…"
