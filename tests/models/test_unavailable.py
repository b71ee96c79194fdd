"""A model that cannot be loaded, and an engine that has ended: told again and again, and nothing of the calls kept."""

import gc
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, MissingExtra, ModelUnavailable
from tamis.models.cross_encoder import CrossEncoderScorer
from tamis.models.unavailable import again, tried_once
from tamis.models.vllm.engine import Engine, EngineEnded, Request


class Held:
    """Stands for the passages of a call."""


class Told(NamedTuple):
    """What an error said of itself."""

    kind: type[Exception]
    text: str
    cause: str | None
    notes: tuple[str, ...]


def after(calls: int, call: Callable[[], object]) -> list[Told]:
    """What so many calls failed with. Fails where something of a call lives on once its error is dropped."""

    def once() -> tuple[weakref.ref[Held], Told]:
        held = Held()
        try:
            call()
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is looked at
            cause = None if error.__cause__ is None else type(error.__cause__).__name__
            told = Told(type(error), str(error), cause, tuple(getattr(error, "__notes__", ())))
        return weakref.ref(held), told

    made = [once() for _ in range(calls)]
    gc.collect()
    assert sum(held() is not None for held, _ in made) == 0
    return [told for _, told in made]


def test_a_model_that_cannot_be_loaded_says_the_same_every_time_and_keeps_no_call(tmp_path: Path) -> None:
    scorer = CrossEncoderScorer(str(tmp_path / "nowhere"), local_files_only=True)
    caught = after(5, lambda: scorer.score(Content("a"), [Content("red bus")]))
    assert {told.kind for told in caught} == {ModelUnavailable}
    assert len({told.text for told in caught}) == 1


def test_the_cause_of_the_first_failure_is_kept_as_text() -> None:
    known: dict[str, Any] = {}
    tried = []

    def load() -> None:
        with tried_once(known):
            tried.append(1)
            try:
                raise OSError("the disk is gone")
            except OSError as error:
                raise ModelUnavailable("it cannot be loaded") from error

    first, *later = after(3, load)
    assert len(tried) == 1
    assert first == Told(ModelUnavailable, "it cannot be loaded", "OSError", ())
    assert later == [Told(ModelUnavailable, "it cannot be loaded", None, ("caused by OSError: the disk is gone",))] * 2


def test_errors_of_other_kinds_are_not_kept() -> None:
    known: dict[str, Any] = {}
    with pytest.raises(BadInput), tried_once(known):
        raise BadInput("another time it may work")
    assert known == {}


def test_an_error_is_told_again_whatever_its_constructor_takes() -> None:
    first = MissingExtra("reading", extra="ocr")
    second = again(first)
    assert (type(second), str(second), second.extra) == (MissingExtra, str(first), "ocr")


class StandIn:
    """As much of a vLLM engine as is needed to start one and to close it."""

    def __init__(self, **settings: Any) -> None:
        config = SimpleNamespace(runner_type="generate", max_model_len=64)
        self.llm_engine = SimpleNamespace(vllm_config=SimpleNamespace(model_config=config))


def test_an_engine_that_has_ended_says_so_every_time_and_keeps_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    library = ModuleType("vllm")
    library.LLM = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", library)
    monkeypatch.setenv("VLLM_NO_USAGE_STATS", "1")
    engine = Engine({"model": "folder/model"})
    engine.close()
    caught = after(5, lambda: engine.run([Request("a prompt")]))
    assert set(caught) == {Told(EngineEnded, 'the vLLM engine of "folder/model" was closed', None, ())}
