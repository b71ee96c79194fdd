"""What the core offers, what importing it costs, and that every error is a TamisError."""

import json
import subprocess
import sys

import pytest

import tamis.core
from tamis.core import errors


def test_every_public_name_is_there_and_only_those() -> None:
    for name in tamis.core.__all__:
        assert getattr(tamis.core, name).__module__.startswith("tamis.core.")
        assert name in dir(tamis.core)
    with pytest.raises(AttributeError, match=r'"tamis\.core" has no attribute "nope"'):
        tamis.core.nope  # noqa: B018


def test_every_error_is_exported_and_derives_from_one() -> None:
    classes = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert set(classes) <= set(tamis.core.__all__)
    assert all(issubclass(kind, errors.TamisError) for kind in classes.values())


def test_importing_the_core_loads_nothing_heavy() -> None:
    program = """
import json, sys
import tamis.core
from tamis.core import *
from tamis.core import fetch, files, pixels
print(json.dumps(sorted({"numpy", "PIL", "llama_index", "torch", "pydantic", "requests", "httpx"} & set(sys.modules))))
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == []
