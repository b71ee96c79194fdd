"""Assertions about a postprocessor as a thing: its class, its name, its settings and its copies."""

import pickle
from collections.abc import Iterator
from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptMixin

from .assertions import Assertions, CannotTell, Unmet, described, listed
from .scored_nodes import must_agree
from .stage import Stage

_WEIGHT_BYTES = 2**20
_DEPTH = 6
_MODEL_PACKAGES = ("torch", "transformers", "sentence_transformers", "onnxruntime", "vllm", "tensorflow", "jax")
_SECRETS = ("api_key", "apikey", "secret", "password", "token", "credential")

assertion: Assertions[Stage] = Assertions()


@assertion("is a BaseNodePostprocessor")
def _is_a_postprocessor(stage: Stage) -> None:
    component: object = stage.make()
    if not isinstance(component, BaseNodePostprocessor):
        raise Unmet(f"{type(component).__name__} does not inherit from BaseNodePostprocessor")


@assertion("class_name() is its own")
def _class_name(stage: Stage) -> None:
    kind = type(stage.make())
    name = kind.class_name()
    for base in kind.__mro__[1:]:
        if issubclass(base, BaseNodePostprocessor) and base.class_name() == name:
            raise Unmet(f'it is "{name}", which is the name of {base.__name__}')


@assertion("to_dict and from_dict round trip")
def _round_trip(stage: Stage) -> None:
    component = stage.make()
    component.to_json()
    written = component.to_dict()
    back = type(component).from_dict(written)
    if back.to_dict() != written:
        changed = [key for key in written if back.to_dict().get(key) != written[key]]
        raise Unmet(f"{listed(changed)} changed on the way")
    must_agree(
        back.postprocess_nodes(stage.sample(), stage.asked()),
        component.postprocess_nodes(stage.sample(), stage.asked()),
        "the copy from from_dict",
    )


@assertion("a round trip loads no weights")
def _no_weights(stage: Stage) -> None:
    component = stage.make()
    try:
        back = type(component).from_dict(component.to_dict())
    except Exception as error:
        raise CannotTell(f"from_dict raised {described(error)}") from error
    for found in _weights(back, _DEPTH, set()):
        raise Unmet(f"a copy from from_dict that has done no work holds {found}")


@assertion("its settings show no secrets")
def _no_secrets(stage: Stage) -> None:
    for key, value in stage.make().to_dict().items():
        if value and isinstance(value, str) and any(key.lower().endswith(secret) for secret in _SECRETS):
            raise Unmet(f'to_dict shows "{key}"')


@assertion("pickles and unpickles")
def _pickles(stage: Stage) -> None:
    component = stage.make()
    back = pickle.loads(pickle.dumps(component))  # noqa: S301 - made on the same line
    must_agree(
        back.postprocess_nodes(stage.sample(), stage.asked()),
        component.postprocess_nodes(stage.sample(), stage.asked()),
        "the unpickled copy",
    )


@assertion("callback_manager can be assigned")
def _callback_manager(stage: Stage) -> None:
    component, manager = stage.make(), CallbackManager([])
    component.callback_manager = manager
    if component.callback_manager is not manager:
        raise Unmet("another callback manager than the assigned one is there afterwards")


@assertion("prompts can be reached")
def _prompts(stage: Stage) -> None:
    component = stage.make()
    if type(component)._get_prompts is BaseNodePostprocessor._get_prompts:
        raise CannotTell("it has no prompts")
    if not isinstance(component, PromptMixin) or not component.get_prompts():
        raise Unmet("it has prompts, but get_prompts() does not give them: it is no PromptMixin")


def _weights(thing: Any, depth: int, seen: set[int]) -> Iterator[str]:
    """Describes the models and large arrays that can be reached from an object."""
    if depth == 0 or id(thing) in seen or isinstance(thing, str | bytes | int | float | type):
        return
    seen.add(id(thing))
    kind = type(thing)
    if kind.__module__.split(".")[0] in _MODEL_PACKAGES:
        yield f"a {kind.__module__}.{kind.__qualname__}"
        return
    size = getattr(thing, "nbytes", None)
    if isinstance(size, int) and size >= _WEIGHT_BYTES:
        yield f"an array of {size} bytes"
    if isinstance(thing, dict):
        parts = list(thing.values())
    elif isinstance(thing, list | tuple | set | frozenset):
        parts = list(thing)
    else:
        parts = [
            *getattr(thing, "__dict__", {}).values(),
            *(getattr(thing, "__pydantic_private__", None) or {}).values(),
        ]
        for slot in getattr(kind, "__slots__", ()):
            if isinstance(slot, str) and not slot.startswith("__"):
                parts.append(getattr(thing, slot, None))
    for part in parts:
        yield from _weights(part, depth - 1, seen)
