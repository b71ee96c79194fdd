"""MLLMReranker: a multimodal LLM judges every candidate, in this process or on a server."""

import os
from collections.abc import Mapping
from typing import Any, Literal, get_args

from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import MetadataMode
from pydantic import Field, field_serializer, field_validator

from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models import SCORERS, Scorer
from tamis.models.template import Template, template_of

from .calibrate import Calibrator
from .reranker import Reranker

Backend = Literal["transformers", "vllm", "http"]
"""What runs the model: Transformers or vLLM in this process, or a server."""

_SCORERS = {"transformers": "mllm", "vllm": "vllm", "http": "http"}
_MAKE_THE_SCORER = ("model", "backend", "template", "instruction", "backend_settings")


class MLLMReranker(Reranker):
    """A Reranker whose scorer is a multimodal LLM: text, images and both together, as query and as passage.

    ``model`` is a Hugging Face name, a folder, or what the server calls it. ``backend`` says what runs it.
    ``template`` is the prompt (a Template, its name, file or mapping); None is the backend's choice, which for a local
    checkpoint is the one that it carries. ``instruction`` replaces the template's own. ``backend_settings`` are further
    settings of the backend's scorer by name: see ``TransformersScorer``, ``VllmScorer`` and ``HttpScorer``, which needs
    its ``url`` there. All else is as in ``Reranker``.

    No weights are loaded and no server is asked when one is made, copied, written down or pickled, but on first use.
    The scorer is made from these settings and changes with them; it cannot be assigned.

    >>> reranker = MLLMReranker("folder/model", backend_settings={"kv_cache": 0}, top_n=3)
    >>> reranker.scorer.model, reranker.scorer.kv_cache
    ('folder/model', 0)

    Raises BadSetting for an unknown backend and for settings that the backend does not take.
    """

    model: str = Field(description="A Hugging Face name, a folder, or a server's name of a model.")
    backend: Backend = "transformers"
    template: Any = Field(
        default=None, description="A Template, its name, file or mapping; None: the backend's choice."
    )
    instruction: str | None = None
    backend_settings: dict[str, Any] = Field(default_factory=dict, repr=False)
    scorer: Any = Field(default=None, exclude=True, description="Made from the settings above.")

    def __init__(
        self,
        model: str,
        backend: Backend = "transformers",
        template: str | os.PathLike[str] | Mapping[str, Any] | Template | None = None,
        top_n: int | None = None,
        *,
        instruction: str | None = None,
        backend_settings: Mapping[str, Any] | None = None,
        calibrator: Calibrator | str | os.PathLike[str] | Mapping[str, Any] | None = None,
        batch_size: int = 64,
        deadline_s: float | None = None,
        fallback: Scorer | str | Mapping[str, Any] | None = None,
        media: MediaPolicy | Mapping[str, Any] | None = None,
        metadata_mode: MetadataMode = MetadataMode.NONE,
        callback_manager: CallbackManager | None = None,
        scorer: Any = None,
    ) -> None:
        settings = dict(backend_settings or {})
        # A copy or a pickle brings its scorer along, with the weights that it may have loaded.
        made = scorer if scorer is not None else _built(model, backend, template, instruction, settings)
        super(Reranker, self).__init__(
            model=model,
            backend=backend,
            template=template,
            instruction=instruction,
            backend_settings=settings,
            scorer=made,
            calibrator=calibrator,
            top_n=top_n,
            batch_size=batch_size,
            deadline_s=deadline_s,
            fallback=fallback,
            media=media,
            metadata_mode=metadata_mode,
            callback_manager=callback_manager,
        )

    @field_validator("template", mode="before")
    @classmethod
    def _check_template(cls, value: Any) -> Any:
        if value is not None:
            template_of(value)
        return value

    @field_serializer("template")
    def _write_template(self, template: Any) -> Any:
        return SCORERS.spec(self.scorer).get("template") if template is not None else None

    @field_serializer("backend_settings")
    def _write_backend_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        # As the scorer writes them down, so that a key or token that was among them is not.
        written = SCORERS.spec(self.scorer)
        return {name: written[name] for name in settings if name in written}

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "scorer":
            raise BadSetting(
                "the scorer of an MLLMReranker is made from its model, backend and settings; set those, or take a "
                "Reranker for a scorer of your own"
            )
        if name in _MAKE_THE_SCORER:
            settings = {key: kept for key, kept in dict(self).items() if key != "scorer"}
            made = type(self)(**{**settings, name: value})
            self.__dict__["scorer"] = made.scorer
            self.__dict__[name] = getattr(made, name)
            return
        super().__setattr__(name, value)


def _built(model: Any, backend: Any, template: Any, instruction: Any, settings: Mapping[str, Any]) -> Scorer:
    if backend not in get_args(Backend):
        raise BadSetting(f"backend is {backend!r}; it must be one of {', '.join(get_args(Backend))}")
    if template is not None and not isinstance(template, str | os.PathLike | Mapping | Template):
        raise BadSetting(f"template is {template!r}; it must be a template, its name, file or mapping")
    own = {"model": model, "template": template, "instruction": instruction}
    if double := sorted(set(own) & set(settings)):
        raise BadSetting(f"{double[0]} is a setting of the reranker itself, not one of its backend_settings")
    given = {key: value for key, value in own.items() if value is not None}
    if isinstance(given.get("template"), os.PathLike):
        given["template"] = os.fspath(given["template"])
    return SCORERS.build({"name": _SCORERS[backend], **settings, **given})
