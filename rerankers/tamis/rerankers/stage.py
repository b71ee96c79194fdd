"""What every postprocessor of Tamis has in common: its name, settings that stay checked, how it reads nodes."""

from collections.abc import Mapping
from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode
from pydantic import Field, InstanceOf, ValidationError, field_serializer, field_validator

from tamis.core.errors import BadSetting, TamisError
from tamis.core.media import MediaPolicy


class Stage(BaseNodePostprocessor):
    """A LlamaIndex postprocessor whose settings are checked when made and again whenever one is assigned.

    Raises BadSetting for a setting of the wrong type or outside its range, when made and when assigned; a refused
    assignment changes nothing. Async calls run the sync method in a thread unless a subclass has a better way.
    """

    def __init__(self, *, callback_manager: CallbackManager | None = None, **settings: Any) -> None:
        if callback_manager is not None:
            settings["callback_manager"] = callback_manager
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise typed(error, type(self).__name__) from error

    @classmethod
    def class_name(cls) -> str:
        """The class's name in serialised form, unique among LlamaIndex's components: "TamisReranker"."""
        return f"Tamis{cls.__name__}"

    def __setattr__(self, name: str, value: Any) -> None:
        # A setting is tried on a new object first: settings are checked against each other, and pydantic's own
        # validated assignment leaves the refused value in place when such a check fails.
        if name in type(self).model_fields and name != "callback_manager":
            value = getattr(type(self)(**{**dict(self), name: value}), name)
        super().__setattr__(name, value)


class ReadingStage(Stage):
    """A stage that reads what stands in nodes, within ``deadline_s`` seconds for the whole call.

    ``media`` is what may be seen of the images, ``metadata_mode`` which metadata belong to a passage's text.
    """

    deadline_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    media: InstanceOf[MediaPolicy] | None = Field(default=None, description="Which images a model is given as bytes.")
    metadata_mode: MetadataMode = MetadataMode.NONE

    def __init__(self, *, callback_manager: CallbackManager | None = None, **settings: Any) -> None:
        super().__init__(callback_manager=callback_manager, **settings)

    @field_validator("media", mode="before")
    @classmethod
    def _build_media(cls, value: Any) -> Any:
        return MediaPolicy.from_dict(value) if isinstance(value, Mapping) else value

    @field_serializer("media")
    def _write_media(self, media: MediaPolicy | None) -> dict[str, Any] | None:
        return None if media is None else media.to_dict()

    @field_serializer("metadata_mode")
    def _write_mode(self, mode: MetadataMode) -> str:
        return mode.value


def typed(error: ValidationError, owner: str) -> TamisError:
    """The error of Tamis behind pydantic's, or one that names the setting and its value."""
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, TamisError):
        return cause
    setting = ".".join(str(part) for part in first["loc"])
    return BadSetting(f"{owner}: {setting} is {first['input']!r}; {first['msg'][0].lower()}{first['msg'][1:]}")
