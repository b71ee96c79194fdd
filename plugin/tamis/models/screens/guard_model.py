"""A guard model as a screen, wherever it runs: its labels compared by log-odds, or its written reply read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.models.chooser import Chooser, Writer
from tamis.models.screen import Screened

from .guard_template import GuardTemplate, guard_template

Reading = Literal["log-odds", "reply"]


@dataclass(frozen=True)
class GuardScreen:
    """Asks a guard model behind vLLM, HTTP or Transformers: anything that is a Chooser or a Writer of tamis.

    ``model`` is one (``HttpScorer(url, dialect="vllm-chat")``, ``TransformersScorer(folder)``), its name or its
    mapping. ``template`` is the format: "yes-no" for any model that follows instructions, "safe-unsafe" for Llama
    Guard's, "safety-categories" for Qwen3Guard's, or a .toml file; ``policy`` replaces the template's own.

    ``reads`` is "log-odds", P(harmful) from the log-probabilities of the first two labels as the next token (each must
    be one token of the model), or "reply": the label as it is written gives 1 or 0, and a category where the format has
    one. None is "log-odds" for a template without a pattern, else "reply". A refusal, prose or nothing instead of a
    label is None with the reason, and so is an image for a format that takes none. What the model is shown cannot close
    the frame. Raises BadSetting, and what the model raises.
    """

    model: Any
    template: str | GuardTemplate = "yes-no"
    policy: str | None = None
    reads: Reading | None = None
    threshold: float = 0.5
    max_tokens: int = 32

    def __post_init__(self) -> None:
        from tamis.models import SCORERS

        template = guard_template(self.template)
        object.__setattr__(self, "model", SCORERS.build(self.model))
        object.__setattr__(self, "template", template)
        if self.reads is None:
            object.__setattr__(self, "reads", "reply" if template.pattern else "log-odds")
        if self.reads not in get_args(Reading):
            raise BadSetting(f"reads is {self.reads!r}; it must be one of {', '.join(get_args(Reading))}")
        wanted = Chooser if self.reads == "log-odds" else Writer
        if not isinstance(self.model, wanted):
            raise BadSetting(
                f"{type(self.model).__name__} is no {wanted.__name__}; a guard read by {self.reads} is one"
            )
        if not (math.isfinite(self.threshold) and 0 <= self.threshold <= 1):
            raise BadSetting(f"threshold must lie in [0, 1], not {self.threshold!r}")

    @property
    def name(self) -> str:
        """The kind and the format."""
        return f"guard-model ({self._template.name})"

    @property
    def _template(self) -> GuardTemplate:
        return guard_template(self.template)

    def screen(self, contents: Sequence[Content]) -> list[Screened]:
        """One result for each content, in order; those that can be asked about go to the model at once."""
        results = [self._unasked(content) for content in contents]
        asked = [at for at, result in enumerate(results) if result is None]
        found = self._asked([contents[at] for at in asked]) if asked else []
        for at, result in zip(asked, found, strict=True):
            results[at] = result
        return [result for result in results if result is not None]

    def _unasked(self, content: Content) -> Screened | None:
        if not content:
            return Screened(None, "there is nothing in it")
        if content.images and not self._template.sees_images:
            return Screened(None, f'the format "{self._template.name}" takes no images')
        return None

    def _asked(self, contents: Sequence[Content]) -> list[Screened]:
        template = self._template
        prompts = [template.prompt(content, self.policy) for content in contents]
        if self.reads == "reply":
            replies = self.model.write(prompts, self.max_tokens)
            return [self._read(reply) for reply in replies]
        labels = [[template.harmful[0], template.harmless[0]]] * len(prompts)
        return [_compared(pair) for pair in self.model.choose(prompts, labels)]

    def _read(self, reply: str | None) -> Screened:
        if reply is None:
            return Screened(None, "the guard model gave no reply")
        if not reply.strip():
            return Screened(None, "the guard model's reply is empty")
        ruling = self._template.read(reply)
        if ruling.is_harmful is None:
            return Screened(None, "the guard model's reply is none of its labels")
        return Screened(float(ruling.is_harmful), "the guard model's label", ruling.category)


def _compared(pair: Sequence[float | None]) -> Screened:
    """P(harmful) from the log-probabilities of the harmful and the harmless label."""
    harmful, harmless = pair
    if harmful is None or harmless is None or not (math.isfinite(harmful) and math.isfinite(harmless)):
        return Screened(None, "the guard model did not weigh its labels")
    return Screened(1 / (1 + math.exp(-max(-700.0, min(700.0, harmful - harmless)))), "the guard model's log-odds")
