"""The demo's passages: what the running Python's own standard library says about itself.

Standard library only, so that the corpus can be looked at with any interpreter. The text comes from the docstrings
of that interpreter, never from a file of ours, and does not depend on the machine: no addresses, no paths.
"""

import hashlib
import importlib
import inspect
import os.path
import re
import sys
import types
import warnings
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from tamis.core.errors import BadInput

MODULES = (
    "builtins", "os.path", "os", "pathlib", "shutil", "glob", "fnmatch", "tempfile", "filecmp", "stat", "io",
    "linecache", "itertools", "functools", "operator", "collections", "heapq", "bisect", "copy", "pprint",
    "enum", "dataclasses", "contextlib", "weakref", "datetime", "time", "calendar", "zoneinfo", "math", "statistics",
    "random", "secrets", "fractions", "string", "textwrap", "re", "difflib", "unicodedata", "struct", "json", "csv",
    "configparser", "tomllib", "pickle", "shelve", "sqlite3", "zipfile", "gzip", "lzma", "zlib",
    "hashlib", "hmac", "base64", "binascii", "uuid", "ipaddress", "urllib.parse", "email.utils", "mimetypes", "html",
    "xml.etree.ElementTree", "subprocess", "threading", "queue",
    "concurrent.futures", "asyncio.tasks", "asyncio.runners", "argparse", "getpass", "shlex",
    "logging", "warnings", "unittest.mock", "timeit", "cProfile", "keyword", "importlib", "platform", "sys", "locale",
    "abc", "atexit", "contextvars", "graphlib", "webbrowser",
)  # fmt: skip
"""Where the passages come from, in order: an object that several modules offer belongs to the first of them."""

NAMED_ONLY = frozenset({"builtins.bytearray", "builtins.memoryview"})
"""Classes without their members, which say about a buffer what ``bytes`` says about itself."""

HOOKS = frozenset(
    {
        "sys.breakpointhook",
        "sys.displayhook",
        "sys.excepthook",
        "sys.unraisablehook",
        "threading.excepthook",
        "warnings.formatwarning",
        "warnings.showwarning",
    }
)
"""Functions that are there to be replaced: what they are, and say, depends on who runs the demo."""

LONGEST = 600
"""Characters of a docstring that a passage keeps, cut at the end of a paragraph or line."""

SHORTEST = 20
"""Characters below which a docstring says nothing that its name does not."""


class Passage(NamedTuple):
    """What the library says about one public object. ``id`` is "module.qualname"; ``text`` starts with the call."""

    id: str
    module: str
    text: str


def passages(modules: Iterable[str] = MODULES) -> list[Passage]:
    """One passage for each public class, function, method and property with a docstring of its own.

    In a fixed order. A module's own docstring, which names half of its functions in passing, is left out: nobody could
    say which questions it answers. What this build of Python lacks is left out; so is the second name of an object, and
    a member that repeats the docstring of an earlier one of the same name.
    Raises BadInput when Python runs without docstrings.

    >>> [passage.id for passage in passages(["heapq"])][:4]
    ['heapq.heapify', 'heapq.heappop', 'heapq.heappush', 'heapq.heappushpop']
    """
    if sys.flags.optimize >= 2:
        raise BadInput("Python runs with -OO (or PYTHONOPTIMIZE=2), which drops every docstring; run it without")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # looking at a deprecated name is not using it
        return list(_passages(modules))


def _passages(modules: Iterable[str]) -> Iterator[Passage]:
    """The passages of ``modules``, each object and each repeated docstring once."""
    objects: set[int] = set()
    said: set[tuple[str, str]] = set()
    for module in modules:
        for name, value in _members(module):
            doc = _own_docstring(name, value)
            short_name = name.rpartition(".")[2]
            if not doc or _was_put_there(value) or id(value) in objects or (short_name, doc) in said:
                continue
            objects.add(id(value))
            said.add((short_name, doc))
            yield Passage(name, module, f"{_heading(name, value, doc)}\n{_cut(doc)}")


def digest(corpus: Iterable[Passage]) -> str:
    """sha256 of ids and texts, in hexadecimal: changes when any passage does."""
    state = hashlib.sha256()
    for passage in corpus:
        state.update(f"{passage.id}\0{passage.text}\0".encode())
    return state.hexdigest()


def _members(module_name: str) -> Iterator[tuple[str, object]]:
    """Names and objects of a module: its functions, its classes, and what those define themselves."""
    try:
        module = importlib.import_module(module_name)
    except ImportError:
        return
    declared = getattr(module, "__all__", None)
    public = {name for name in declared or vars(module) if not name.startswith("_")}
    found = {
        name: value
        for name in sorted(public)
        if inspect.isroutine(value := getattr(module, name, None)) or inspect.isclass(value)
        if (declared or _belongs(value, module_name)) and f"{module_name}.{name}" not in HOOKS
    }
    # A second name comes after the name an object calls itself, and a method after the function that does the same.
    for name in sorted(found, key=lambda name: getattr(found[name], "__name__", None) != name):
        yield f"{module_name}.{name}", found[name]
    for name, value in found.items():
        if inspect.isclass(value) and value.__name__ == name and f"{module_name}.{name}" not in NAMED_ONLY:
            for member, inner in _class_members(value, module_name):
                yield f"{module_name}.{name}.{member}", inner


def _class_members(kind: type, module_name: str) -> Iterator[tuple[str, object]]:
    """What a class defines, by name; documented in a private base of its own package where it is not in the class.

    Newer versions of Python move docstrings into such bases (``pathlib._abc``), older ones have them in the class.
    """
    bases = kind.__mro__[1:]
    public = [base for base in bases if hasattr(sys.modules[module_name], base.__name__)]
    private = [
        base
        for base in bases
        if base.__module__.startswith(f"{module_name}._") and not any(issubclass(other, base) for other in public)
    ]
    for member in sorted({name for base in (kind, *private) for name in vars(base) if not name.startswith("_")}):
        definitions = [vars(base)[member] for base in (kind, *private) if member in vars(base)]
        yield member, next((found for found in definitions if _own_docstring(member, found)), definitions[0])


def _belongs(value: object, module_name: str) -> bool:
    """Whether a module without ``__all__`` defines an object rather than having imported it.

    A module written in C often has another name inside ("_heapq", "posix"), or none on its functions.
    """
    home = getattr(value, "__module__", None)
    return home is None or home.lstrip("_") == module_name


def _was_put_there(value: object) -> bool:
    """Whether some other package defined an object and hung it into the standard library, as Transformers does with
    three methods of ``logging.Logger``: the corpus must not depend on what else has been imported."""
    home = getattr(value, "__module__", None)
    return isinstance(home, str) and home.partition(".")[0] not in sys.stdlib_module_names


def _own_docstring(name: str, value: object) -> str:
    """What somebody wrote about this very object: "" for inherited, generated and one-word docstrings."""
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if inspect.isclass(value):
        doc = vars(value).get("__doc__")
    elif inspect.isroutine(value) or isinstance(value, property | cached_property | types.GetSetDescriptorType):
        doc = value.__doc__
    else:
        return ""
    if not isinstance(doc, str):
        return ""
    doc = _without_signature(inspect.cleandoc(doc), name)
    return doc if len(doc) >= SHORTEST and not _GENERATED.match(doc) else ""


_GENERATED = re.compile(r"An enumeration\.|Alias for field number|Create a collection of name/value pairs")
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


def _without_signature(doc: str, name: str) -> str:
    """A docstring without the bare call that a data class or a named tuple gets for one."""
    only_line = "\n" not in doc
    return "" if only_line and re.fullmatch(rf"{re.escape(name.rpartition('.')[2])}\(.*\)", doc) else doc


def _heading(name: str, value: object, doc: str) -> str:
    """The line that a passage starts with: how the object is called."""
    if isinstance(value, property | cached_property | types.GetSetDescriptorType):
        return f"property {name}"
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if inspect.isclass(value) and issubclass(value, BaseException):
        return f"exception {name}"
    kind = "class " if inspect.isclass(value) else ""
    first = doc.partition("\n")[0]
    if first.startswith(f"{name.rpartition('.')[2]}("):
        return f"{kind}{name}"
    try:
        parameters = inspect.signature(value).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError, AttributeError):  # the last from a default that names a constant of other builds
        return f"{kind}{name}"
    return f"{kind}{name}({', '.join(_parameter(parameter) for parameter in parameters if parameter.name != 'self')})"


def _parameter(parameter: inspect.Parameter) -> str:
    """A parameter without its annotation, and with its default only where that is the same everywhere."""
    name = str(parameter.replace(annotation=inspect.Parameter.empty, default=inspect.Parameter.empty))
    default = parameter.default
    if default is inspect.Parameter.empty:
        return name
    plain = default is None or isinstance(default, bool | bytes | float) or _is_plain_text(default)
    small = isinstance(default, int) and abs(default) < 2**31
    return f"{name}={default!r}" if plain or small else f"{name}=..."


def _is_plain_text(default: object) -> bool:
    """Whether a default is a string that is no path of this machine."""
    return isinstance(default, str) and not (len(default) > 1 and os.path.isabs(default))


def _cut(doc: str) -> str:
    """The beginning of a docstring, at most LONGEST characters, ended where a paragraph or else a line ends."""
    doc = _ADDRESS.sub("", doc)
    if len(doc) <= LONGEST:
        return doc
    head = doc[:LONGEST]
    for boundary in ("\n\n", "\n", " "):
        kept = head.rpartition(boundary)[0].rstrip()
        if len(kept) >= LONGEST // 3:
            return kept
    return head
