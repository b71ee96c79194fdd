"""What scorers that run a multimodal LLM in this process have in common, whatever runs it."""

import threading
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.core.threads import in_thread

from .scorer import LocalScorer, checked_scores
from .template import Prompt, Template, template_of

DTYPES = ("auto", "float32", "float16", "bfloat16")


class LocalModelScorer(LocalScorer):
    """A Scorer, Chooser and Writer over a loaded model: ``load`` gives what reads, scores, chooses and writes for it.

    Subclasses are frozen dataclasses with the fields ``model``, ``dtype``, ``template``, ``media``, ``_lock`` (a lock)
    and ``_loaded`` (what has been loaded, by name); neither of the last two is a setting, copied or pickled.
    """

    model: str
    dtype: str
    template: str | Mapping[str, Any] | Template | None
    media: MediaPolicy | Mapping[str, Any]
    _loaded: dict[str, Any]
    __dataclass_fields__: ClassVar[dict[str, Any]]
    whole_lists: ClassVar[bool] = True
    """It batches by itself, better than in pieces of a list: see ``Reranker``."""

    @abstractmethod
    def load(self) -> Any:
        """The loaded model with what reads for it; the same one every time."""

    @abstractmethod
    def write(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]:
        """For each prompt the text that the model writes greedily, at most ``max_tokens`` tokens of it."""

    def _generating(self) -> Any:
        """What ``load`` gives, of a model that can choose and write."""
        return self.load()

    def _check_model(self) -> None:
        """Raises BadSetting for a model, dtype or template that is none; makes a policy of ``media``."""
        if not isinstance(self.model, str) or not self.model:
            raise BadSetting(f"model must be the name or folder of a checkpoint, not {self.model!r}")
        if self.dtype not in DTYPES:
            raise BadSetting(f"dtype is {self.dtype!r}; it must be one of {', '.join(DTYPES)}")
        if self.template is not None:
            template_of(self.template)
        if isinstance(self.media, Mapping):
            object.__setattr__(self, "media", MediaPolicy.from_dict(self.media))

    @property
    def modalities(self) -> frozenset[str]:
        """What it may look at: text and images, until the model is loaded and turns out to read text only."""
        runtime = self._loaded.get("runtime")
        sees = runtime is None or runtime.checkpoint.image_processor is not None
        return frozenset({"text", "image"} if sees else {"text"})

    def settings(self) -> dict[str, Any]:
        """The settings as JSON, those that differ from their defaults."""
        default = type(self)(self.model)  # type: ignore[call-arg]
        written: dict[str, Any] = {"model": self.model}
        for name, value in self.__getstate__().items():
            if name != "model" and value != getattr(default, name):
                written[name] = _as_json(value)
        return written

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """Log-odds of "relevant", one for each passage, in order."""
        scores: list[float | None] = [None] * len(passages)
        usable = [at for at, passage in enumerate(passages) if passage]
        if not usable or not query:
            return scores
        found = self.load().score(query, [passages[at] for at in usable])
        for at, value in zip(usable, checked_scores(found, len(usable)), strict=True):
            scores[at] = value
        return scores

    def choose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]:
        """For each prompt the logits of its labels as the next token; see ``Chooser``.

        Raises BadSetting for a label that is not one token of the model, and for a model that only scores.
        """
        if len(labels) != len(prompts):
            raise BadSetting(f"{len(prompts)} prompts need as many lists of labels; given: {len(labels)}")
        if not prompts:
            return []
        runtime = self._generating()
        distinct = list(dict.fromkeys(label for row in labels for label in row))
        ids = dict(zip(distinct, runtime.label_ids(distinct), strict=True))
        several = [label for label, found in ids.items() if found is None]
        if several:
            raise BadSetting(f'the label {several[0]!r} is not one token of the model "{self.model}"')
        chosen: list[list[float | None]] = runtime.choices(prompts, [[ids[label] for label in row] for row in labels])
        return chosen

    async def achoose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]:
        """The same as ``choose``, computed off the event loop."""
        return await in_thread(self.choose, prompts, labels)

    async def awrite(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]:
        """The same as ``write``, computed off the event loop."""
        return await in_thread(self.write, prompts, max_tokens)

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {**state, "_lock": threading.Lock(), "_loaded": {}}.items():
            object.__setattr__(self, name, value)


def _as_json(value: Any) -> Any:
    if callable(getattr(value, "to_dict", None)):
        return value.to_dict()
    return dict(value) if isinstance(value, Mapping) else value
