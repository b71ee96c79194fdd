"""The words everything else is written in: content, images, media policy, errors, registry. Loads nothing heavy."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .content import Content
    from .errors import (
        BadInput,
        BadSetting,
        EmbedderMismatch,
        MediaBroken,
        MediaError,
        MediaRefused,
        MediaTooLarge,
        MissingExtra,
        ModelUnavailable,
        NotFitted,
        ScorerError,
        StoreError,
        StoreLocked,
        StoreMissing,
        TamisError,
        UnknownComponent,
    )
    from .image import Image
    from .media import MediaPolicy
    from .registry import Registry

__all__ = [
    "BadInput",
    "BadSetting",
    "Content",
    "EmbedderMismatch",
    "Image",
    "MediaBroken",
    "MediaError",
    "MediaPolicy",
    "MediaRefused",
    "MediaTooLarge",
    "MissingExtra",
    "ModelUnavailable",
    "NotFitted",
    "Registry",
    "ScorerError",
    "StoreError",
    "StoreLocked",
    "StoreMissing",
    "TamisError",
    "UnknownComponent",
]

_HOMES = {"Content": "content", "Image": "image", "MediaPolicy": "media", "Registry": "registry"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module "{__name__}" has no attribute "{name}"')
    return getattr(import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
