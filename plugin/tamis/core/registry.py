"""Finds a component by name: built in (a row in its room's table) or somebody else's (an entry point)."""

import dataclasses
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from .errors import BadSetting, UnknownComponent

T = TypeVar("T")


@lru_cache(maxsize=64)
def _scanned(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    # Reading what every installed package says of itself takes some 20 ms, and a reranker asks at every call.
    return tuple(entry_points(group=group))


def _installed(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, looked for once for each search path of this process."""
    return _scanned(group, tuple(sys.path))


@dataclasses.dataclass(frozen=True)
class Registry(Generic[T]):
    """Names of one kind of component; listing them imports nothing.

    >>> errors = Registry[Exception]("error", "tamis.errors", {"bad-setting": "tamis.core.errors:BadSetting"})
    >>> errors.names()
    ['bad-setting']
    >>> errors.load("bad-setting").__name__
    'BadSetting'
    """

    kind: str
    group: str
    builtin: Mapping[str, str]

    def names(self) -> list[str]:
        """All known names, sorted; a built-in name wins over an installed one."""
        return sorted({*self.builtin, *(entry.name for entry in _installed(self.group))})

    def load(self, name: str) -> type[T]:
        """The class of that name. Raises UnknownComponent with the names that exist."""
        if target := self.builtin.get(name):
            module, _, attribute = target.partition(":")
            found: type[T] = getattr(import_module(module), attribute)
            return found
        for entry in _installed(self.group):
            if entry.name == name:
                loaded: type[T] = entry.load()
                return loaded
        raise UnknownComponent(f'no {self.kind} is called "{name}"; known: {", ".join(self.names())}')

    def name_of(self, component: T) -> str:
        """The name a component's class is known by. Raises UnknownComponent when it has none."""
        kind = type(component)
        target = f"{kind.__module__}:{kind.__qualname__}"
        for name, known in self.builtin.items():
            if known == target:
                return name
        for entry in _installed(self.group):
            if entry.value == target:
                return entry.name
        raise UnknownComponent(
            f"{target} has no name as a {self.kind}, so it cannot be written down; "
            f'give it one with an entry point in the group "{self.group}"'
        )

    def spec(self, component: T) -> dict[str, Any]:
        """A component as JSON: its name and its settings, never its weights or keys.

        The settings are what its ``settings()`` returns, or its dataclass fields with ``repr`` on: a secret is a field
        with ``repr=False``.
        """
        name = {"name": self.name_of(component)}
        if callable(settings := getattr(component, "settings", None)):
            return {**name, **settings()}
        if not dataclasses.is_dataclass(component):
            return name
        shown = (field.name for field in dataclasses.fields(component) if field.init and field.repr)
        return {**name, **{field: getattr(component, field) for field in shown}}

    def build(self, spec: "str | Mapping[str, Any] | T") -> T:
        """A component from its name, from what ``spec`` wrote, or as it is."""
        if isinstance(spec, str):
            return self.load(spec)()
        if not isinstance(spec, Mapping):
            return spec
        settings = dict(spec)
        name = settings.pop("name", None)
        if not isinstance(name, str):
            raise BadSetting(f"a {self.kind} written down needs a name: {dict(spec)!r}")
        try:
            return self.load(name)(**settings)
        except TypeError as error:
            raise BadSetting(f'the {self.kind} "{name}" does not take these settings: {error}') from error
