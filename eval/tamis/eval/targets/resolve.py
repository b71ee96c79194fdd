"""Finds what is to be evaluated: by name, by URL, or as it is, and makes a Target of it."""

import difflib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tamis.core.errors import BadInput, BadSetting, TamisError, text_of
from tamis.core.media import MediaPolicy

from ..case import Document
from ..target import Takes, Target

_URL = ("http://", "https://")


def target_of(
    spec: Any,
    *,
    factory: bool = False,
    documents: Sequence[Document] = (),
    name: str | None = None,
    takes: Collection[Takes] | None = None,
    headers: Mapping[str, str] | None = None,
    media: MediaPolicy | None = None,
    embed_model: Any = None,
    ids: str = "document",
) -> Target:
    """A Target from "module:attribute", an http(s) URL, a function, a LlamaIndex object, or a Target (as it is).

    The current folder can be imported from. With ``factory``, what was given is a TargetFactory: it is called with the
    documents of each request, or once with ``documents``. A function without parameters is called once, and what it
    returns is the target. ``takes`` says what a function or an endpoint makes use of; ``headers`` go to an endpoint;
    ``media``, ``embed_model`` and ``ids`` are those of LlamaIndexTarget and HttpTarget.

    Raises BadInput for a name that leads nowhere and BadSetting for what can be no target, saying what was found.

    >>> target_of(str.upper, name="shout").name
    'shout'
    """
    if isinstance(spec, str) and not spec.lower().startswith(_URL):
        name = name or spec
        spec = named(spec)

    def made(found: Any, name: str | None = name) -> Target:
        return _made(found, name, takes, headers, media, embed_model, ids)

    if not factory:
        return made(spec)
    if not callable(spec):
        raise BadSetting(f"a factory must be callable with documents; a {type(spec).__name__} is not")
    from .factory import FactoryTarget

    return FactoryTarget(spec, documents, wrap=made, name=name)


def named(spec: str) -> Any:
    """What "module:attribute" names; an attribute may be one of another ("app:rag.engine"). Raises BadInput."""
    module, colon, path = spec.partition(":")
    if not colon or not module or not path:
        raise BadInput(f'"{spec}" is no target; write MODULE:ATTRIBUTE (for example app:engine) or a URL')
    found: Any = _imported(module)
    held = module
    for part in path.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, [one for one in dir(found) if not one.startswith("_")], n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise BadInput(f'"{held}" has no attribute "{part}"{hint}')
        found = getattr(found, part)
        held = f"{held}.{part}"
    return found


def _imported(module: str) -> Any:
    here = os.getcwd()
    # As `python -m` does. It stays: a pipeline may import a sibling only when it is asked.
    if "" not in sys.path and here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise BadInput(f'there is no module "{error.name}" in {here} or among the installed packages') from error
        raise BadInput(f'"{module}" needs a module that is not installed: {error.name}') from error
    except TamisError:
        raise
    except (Exception, SystemExit) as error:
        raise BadInput(f'importing "{module}" failed: {type(error).__name__}: {text_of(error)}') from error


def _made(
    found: Any,
    name: str | None,
    takes: Collection[Takes] | None,
    headers: Mapping[str, str] | None,
    media: MediaPolicy | None,
    embed_model: Any,
    ids: Any,
) -> Target:
    if isinstance(found, str):
        if not found.lower().startswith(_URL):
            raise BadSetting("the text that was found is no URL, and no other text can be a target")
        from .http import HttpTarget

        return HttpTarget(found, name=name, takes=takes or (), headers=headers, media=media)
    if isinstance(found, type):
        raise BadSetting(f"the class {found.__qualname__} cannot be a target; give an object of it")
    if _is_target(found):
        target: Target = found
        return target
    if _is_llama_index(found):
        from .llamaindex.target import LlamaIndexTarget

        return LlamaIndexTarget(found, name=name, media=media, embed_model=embed_model, ids=ids)
    if callable(found):
        from .function import FunctionTarget, required

        if not required(found):
            made = _called(found)
            if inspect.isawaitable(made):
                if inspect.iscoroutine(made):
                    made.close()
                raise BadSetting(f"{found!r} is asynchronous and takes no question; a target is made without waiting")
            return _made(made, name, takes, headers, media, embed_model, ids)
        return FunctionTarget(found, name=name, takes=takes)
    raise BadSetting(
        f"a {type(found).__name__} can be no target; it must be a LlamaIndex query engine, chat engine or retriever, "
        "a function of a question, a URL, or an object with name, takes, run(request) and close()"
    )


def _called(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except TamisError:
        raise
    except (Exception, SystemExit) as error:
        from .function import name_of

        said = f"{type(error).__name__}: {text_of(error)}"
        raise BadInput(f"{name_of(function)}() makes no target, it failed: {said}") from error


def _is_llama_index(found: object) -> bool:
    """Whether it is made of LlamaIndex's classes, told without importing LlamaIndex."""
    return any(kind.__module__.partition(".")[0] == "llama_index" for kind in type(found).__mro__)


def _is_target(found: object) -> bool:
    """Whether it has what a Target has; nothing is asked of it, for to say what it takes may be work."""
    names = ("name", "takes", "run", "close")
    return all(inspect.getattr_static(found, name, None) is not None for name in names)
