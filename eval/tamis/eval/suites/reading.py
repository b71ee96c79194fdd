"""Reads suites: a table with known keys becomes a Suite, and every error names the place and the nearest known name."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from tamis.core.errors import BadInput, MissingExtra, TamisError

from ..metrics.metric import Metric
from ..suite import Suite, Trial

T = TypeVar("T")
_KEYS = ("name", "goal", "seed", "confidence", "deadline_s", "retries", "metrics", "gates", "attacks", "corrections")
_KINDS: Mapping[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
}


def suite_of(written: Mapping[str, Any], where: str, folder: Path = Path()) -> Suite:
    """The suite that a table of TOML holds; ``where`` it stands is named in errors. Raises BadInput.

    Checks of judges are seen from ``folder``.
    """
    for key in written:
        if key not in _KEYS:
            raise BadInput(f'{where}: a suite has no key "{key}"{nearest(key, _KEYS)}')
    for key in ("name", "metrics"):
        if key not in written:
            raise BadInput(f'{where}: the key "{key}" is missing')
    with at(where):
        return Suite(
            name=_typed(written, "name", str, ""),
            goal=_typed(written, "goal", str, ""),
            seed=_typed(written, "seed", int, 0),
            confidence=_typed(written, "confidence", float, 0.95),
            deadline_s=_typed(written, "deadline_s", float, 60.0),
            retries=_typed(written, "retries", int, 2),
            metrics=tuple(
                _metric(spec, f"metrics[{i}]") for i, spec in enumerate(_typed(written, "metrics", list, []))
            ),
            attacks=tuple(_trial(spec, f"attacks[{i}]") for i, spec in enumerate(_typed(written, "attacks", list, []))),
            gates=tuple(_texts(_typed(written, "gates", list, []), "gates")),
            corrections={
                figure: _seen_from(folder, given) for figure, given in _typed(written, "corrections", dict, {}).items()
            },
        )


def _metric(spec: Any, where: str) -> Metric:
    from ..metrics import METRICS, metric_of

    if not isinstance(spec, str | Mapping):
        raise BadInput(f"{where}: must be a metric's name or a table with one, not {spec!r}")
    name = spec.get("name") if isinstance(spec, Mapping) else spec
    with at(where, METRICS.names, name):
        metric: Metric = metric_of(spec)
    return metric


def _trial(spec: Any, where: str) -> Trial:
    from ..attacks import ATTACKS, attack_of

    if not isinstance(spec, Mapping) or not (isinstance(spec.get("name"), str) or "attacks" in spec):
        raise BadInput(f"{where}: must be a table with the attack's name, not {spec!r}")
    settings = {key: _frozen(value) for key, value in spec.items() if key not in ("strengths", "control")}
    with at(where, ATTACKS.names, spec.get("name")):
        attack = attack_of(settings)
    strengths = spec.get("strengths", list(attack.strengths))
    if not isinstance(strengths, list | tuple) or not strengths or not all(map(_is_number, strengths)):
        raise BadInput(f"{where}.strengths: must be a list of numbers with at least one in it, not {strengths!r}")
    control = spec.get("control", True)
    if not isinstance(control, bool):
        raise BadInput(f"{where}.control: must be true or false, not {control!r}")
    return Trial(attack, tuple(map(float, strengths)), control)


def _seen_from(folder: Path, given: Any) -> Any:
    """A correction with the path of its check put behind the folder's; what is neither is refused where it is read."""
    if isinstance(given, Mapping):
        return {key: _seen_from(folder, one) if key == "check" else one for key, one in given.items()}
    return folder / given if isinstance(given, str) and given else given


def _typed(written: Mapping[str, Any], key: str, kind: type[T], default: T) -> T:
    value = written.get(key, default)
    if kind is float and _is_number(value):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadInput(f"{key}: must be {_KINDS[kind]}, not {value!r}")
    return value


def _texts(values: list[Any], key: str) -> Iterator[str]:
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise BadInput(f"{key}[{number}]: must be a text, not {value!r}")
        yield value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _frozen(value: Any) -> Any:
    """TOML's lists as tuples, which a frozen attack can hold and be hashed with."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def nearest(name: str, known: Sequence[str]) -> str:
    """The end of an error about a name: the one that was perhaps meant, or all there are."""
    near = get_close_matches(name, known, n=1)
    return f'; did you mean "{near[0]}"?' if near else f"; known: {', '.join(known)}"


@contextmanager
def at(place: str, known: Callable[[], Sequence[str]] = list, name: object = None) -> Iterator[None]:
    """Puts the place before the message of an error about it, and the nearest known name behind one about a name."""
    try:
        yield
    except MissingExtra:
        raise
    except TamisError as error:
        said = str(error)
        if isinstance(error, LookupError) and (near := get_close_matches(str(name), known(), n=1)):
            said = f'{said.partition(";")[0]}; did you mean "{near[0]}"?'
        raise BadInput(f"{place}: {said}") from error
