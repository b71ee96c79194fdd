"""The settings of a hardened pipeline, as keyword arguments or as a tamis.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from tamis.core.errors import BadInput, BadSetting
from tamis.core.media import MediaPolicy

Spec = str | Mapping[str, Any]
"""A component by name, or a table with its name and settings."""

DEFAULT_BETA = 2.0
"""F2, the usual choice where a missed answer costs more than a passage too many."""

# Which setting stands where in the file.
TABLES: dict[str, dict[str, str]] = {
    "retrieve": {"candidates": "candidates", "fusion": "fusion"},
    "rerank": {
        "scorer": "scorer",
        "calibrator": "calibrator",
        "fallback": "fallback",
        "deadline_s": "deadline_s",
        "batch_size": "batch_size",
    },
    "select": {
        **{"policy": "policy", "min_k": "min_k", "max_k": "max_k", "token_budget": "token_budget"},
        **{"echoes": "echoes"},
    },
    "order": {"name": "order"},
    "duplicates": {"threshold": "duplicates"},
    "defend": {"with": "defences"},
    "media": {"roots": "", "urls": "", "max_bytes": "", "max_pixels": ""},
    # The settings of tamis.guard.Guard: an empty table takes all of them as they come.
    "guard": {
        **{"judge": "", "screen": "", "mode": "", "on_unknown": "", "supported_at": "", "tries": "", "passages": ""},
        **{"deadline_s": "", "refusal": "", "notice": "", "mark": ""},
    },
}


@dataclass(frozen=True)
class PipelineConfig:
    """Every stage of ``tamis.pipeline.harden``, checked when the stages are built.

    ``candidates`` passages are retrieved and scored; ``duplicates`` is the Jaccard similarity in (0, 1] from which two
    passages count as one, None to keep all; ``defences`` are stages against planted passages, in order, by name (see
    ``tamis.rerankers.DEFENCES``), as tables or as they are, None for none; ``scorer``, ``policy`` and ``fallback`` are
    components, their names or tables of settings, the policy by default that of ``default_policy``; ``echoes`` says
    whether passages that repeat the question count when the policy decides how many are kept ("count"), or are kept
    beside what it keeps of the others ("aside"); ``calibrator`` is a Calibrator, its file, or None for the scorer's own
    log-odds; ``media`` says which images may be opened, None for what the Store's own policy allows, and no path and no
    URL where the source is no Store; ``guard`` is a Guard, a table of its settings, True for those it comes with, None
    or False for answers as the model gives them.
    """

    candidates: int = 50
    fusion: str = "rrf"
    scorer: Any = "evidence"
    calibrator: Any = None
    fallback: Any = None
    deadline_s: float | None = None
    batch_size: int = 64
    policy: Any = field(default_factory=lambda: default_policy())
    min_k: int = 0
    max_k: int | None = 10
    token_budget: int | None = None
    echoes: Literal["count", "aside"] = "aside"
    order: Any = "edges"
    duplicates: float | None = 0.9
    defences: Any = ("instructions", "chorus")
    media: MediaPolicy | None = None
    guard: Any = None

    @classmethod
    def load(cls, path: str | Path) -> "PipelineConfig":
        """The settings of a tamis.toml. Relative files in it are taken from its folder.

        Raises BadInput for a file that is missing or no TOML, BadSetting for a table or key that does not exist.
        """
        path = Path(path)
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadInput(f"{path}: is not TOML: {error}") from error
        settings: dict[str, Any] = {}
        for table, rows in tables.items():
            known = TABLES.get(table)
            if known is None:
                raise BadSetting(f"{path}: there is no table [{table}]; known: {', '.join(TABLES)}")
            if not isinstance(rows, dict):
                raise BadSetting(
                    f"{path}: {table} is {str(rows)[:40]!r}; it must be a table: [{table}] on a line of its own, "
                    f"and below it what is to be set of {', '.join(known)}"
                )
            for key, value in rows.items():
                if key not in known:
                    raise BadSetting(f"{path}: [{table}] has no setting {key!r}; known: {', '.join(known)}")
                if known[key]:
                    settings[known[key]] = value
        if "media" in tables:
            settings["media"] = _media(tables["media"], path)
        if isinstance(settings.get("calibrator"), str):
            settings["calibrator"] = path.parent / settings["calibrator"]
        if "guard" in tables:
            settings["guard"] = _guard(tables["guard"], path.parent)
        return cls(**settings)

    def with_settings(self, settings: Mapping[str, Any]) -> "PipelineConfig":
        """A copy with some settings replaced. Raises BadSetting for one that does not exist."""
        known = [one.name for one in fields(self)]
        if unknown := sorted(set(settings) - set(known)):
            raise BadSetting(f"a pipeline has no setting {unknown[0]!r}; known: {', '.join(known)}")
        return replace(self, **settings)


def default_policy() -> dict[str, Any]:
    """ExpectedF1 for F2, with the prior that was fitted together with the default scorer (see ``shipped_counts``)."""
    from tamis.models.evidence import shipped_counts

    prior = shipped_counts()
    return {"name": "expected-f1", "beta": DEFAULT_BETA, "counts": prior.weights, "sharpness": prior.sharpness}


def _guard(rows: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    settings = dict(rows)
    screen = settings.get("screen")
    if isinstance(screen, str) and screen.endswith(".json"):
        settings["screen"] = str(folder / screen)
    elif isinstance(screen, Mapping) and isinstance(screen.get("file"), str):
        settings["screen"] = {**screen, "file": str(folder / screen["file"])}
    return settings


def _media(rows: Mapping[str, Any], path: Path) -> MediaPolicy:
    settings = dict(rows)
    if "roots" in settings:
        # Walked letter by letter, a path in place of a list would allow "/", which is everything.
        roots = settings["roots"]
        if not isinstance(roots, list) or not all(isinstance(root, str) and root.strip() for root in roots):
            raise BadSetting(f'{path}: [media] roots must be a list of folders, such as ["images"], not {roots!r}')
        settings["roots"] = tuple(str(path.parent / root) for root in roots)
    try:
        return MediaPolicy(**settings)
    except BadSetting as error:
        raise BadSetting(f"{path}: [media] {error}") from error
