"""AsksModel: stages whose model is a Chooser or Writer, and the settings with which they ask it."""

import pickle
from typing import Any, ClassVar

from pydantic import Field, InstanceOf, field_serializer, field_validator

from tamis.core.errors import BadSetting

from ..stage import Stage
from .choosing import CHOOSERS, can_choose, can_write
from .prompt import ListPrompt, list_prompt


def built_model(value: Any) -> Any:
    """A Chooser or Writer from itself, its name, or its name and settings. Raises BadSetting for anything else."""
    model = CHOOSERS.build(value)
    if not (can_choose(model) or can_write(model)):
        raise BadSetting(f"the model is {model!r}; it must be an object with choose and achoose, or write and awrite")
    return model


class AsksModel(Stage):
    """A stage that puts passages to a model: ``prompt`` is a ListPrompt, its built-in name or its file.

    ``max_words`` bounds the text of each passage and of the query (None: as long as they are). The model is in the
    field that ``model_field`` names; it is written down by its name and settings, never with its weights.
    """

    model_field: ClassVar[str] = "chooser"

    prompt: InstanceOf[ListPrompt] | str = Field(description="How passages are put to the model.")
    max_words: int | None = Field(default=200, ge=1, strict=True)

    @field_validator("chooser", "writer", mode="before", check_fields=False)
    @classmethod
    def _build_model(cls, value: Any) -> Any:
        return built_model(value)

    @field_serializer("chooser", "writer", check_fields=False)
    def _write_model(self, model: Any) -> dict[str, Any]:
        return CHOOSERS.spec(model)

    @field_validator("prompt", mode="after")
    @classmethod
    def _check_prompt(cls, value: ListPrompt | str) -> ListPrompt | str:
        list_prompt(value)
        return value

    @field_serializer("prompt")
    def _write_prompt(self, prompt: ListPrompt | str) -> str | dict[str, Any]:
        return prompt if isinstance(prompt, str) else prompt.to_dict()

    @field_validator("prompt", mode="before")
    @classmethod
    def _read_prompt(cls, value: Any) -> Any:
        return ListPrompt.from_dict(value) if isinstance(value, dict) else value

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """The settings as JSON. Raises UnknownComponent for a model that no name is known for."""
        # Asked first, as pydantic hides what a serialiser raises behind an error of its own.
        CHOOSERS.spec(getattr(self, self.model_field))
        written: dict[str, Any] = super().to_dict(**kwargs)
        return written

    def __getstate__(self) -> dict[str, Any]:
        # LlamaIndex drops what does not pickle.
        model = getattr(self, self.model_field)
        try:
            pickle.dumps(model)
        except Exception:  # noqa: BLE001 - pickling fails with whatever an object raises
            return self.model_copy(update={self.model_field: CHOOSERS.spec(model)}).__getstate__()
        return super().__getstate__()
