"""A generating model under vLLM: the same prompts as the Transformers back end's, answered by vLLM's engine."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tamis.core.errors import MediaError, ScorerError, TamisError
from tamis.core.image import Image
from tamis.models.counting import count
from tamis.models.mllm.encode import Encoded
from tamis.models.mllm.runtime import Runtime
from tamis.models.scorer import checked_scores
from tamis.models.template import Part, Prompt

from .engine import Engine, Request

IMAGE_THREADS = 4


@dataclass
class VllmRuntime(Runtime):
    """Log-odds from the next token's logits of yes and no.

    Prompts go to vLLM as token ids in which each image is one token, with the decoded image beside it and the sha256
    of its bytes as its id: vLLM's prefix cache and its caches of images know both again.
    """

    vllm: Engine = field(kw_only=True)

    def choices(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[int]]) -> list[list[float | None]]:
        """Logits of each prompt's labels, given as token ids."""
        params = [_next_token(ids) if ids else None for ids in labels]
        outputs = self._asked(self._prompts(prompts), params)
        self._log_failures(outputs)
        return [
            [None] * len(ids)
            if isinstance(output, TamisError)
            else checked_scores([_logit(output, each) for each in ids], len(ids))
            for output, ids in zip(outputs, labels, strict=True)
        ]

    def write(self, prompts: Sequence[Prompt], max_tokens: int) -> list[str | None]:
        """The greedy continuation of each prompt."""
        from vllm import SamplingParams

        outputs = self._asked(
            self._prompts(prompts), [SamplingParams(temperature=0.0, max_tokens=max_tokens)] * len(prompts)
        )
        self._log_failures(outputs)
        return [None if isinstance(output, TamisError) else str(output.outputs[0].text) for output in outputs]

    def _prompts(self, prompts: Sequence[Prompt]) -> list[Encoded | TamisError]:
        framed: list[list[Part] | TamisError] = [self.chat.framed(prompt) for prompt in prompts]
        return self._encoded(framed, ())

    def _states(self, encoded: Sequence[Encoded | TamisError], again: Any) -> list[Any]:
        """vLLM's output for each prompt instead of its last hidden state. vLLM measures images itself."""
        return self._asked(encoded, [_next_token(self._answers)] * len(encoded))

    def _log_odds(self, states: Sequence[Any]) -> list[float]:
        yes, *no = self._answers
        return [_logit(output, yes) - (_logit(output, no[0]) if no else 0.0) for output in states]

    @property
    def _answers(self) -> list[int]:
        answers = self.frame.answers
        return [answers.yes] if answers.no is None else [answers.yes, answers.no]

    def _asked(self, encoded: Sequence[Encoded | TamisError], params: Sequence[Any]) -> list[Any]:
        """One entry for each prompt: vLLM's output or why there is none."""
        found: list[Any] = list(encoded)
        opened = self._opened(encoded)
        requests: dict[int, Request] = {}
        for at, one in enumerate(encoded):
            if isinstance(one, TamisError) or params[at] is None:
                continue
            pictures = [opened[placed.picture.digest] for placed in one.images]
            broken = [picture for picture in pictures if isinstance(picture, TamisError)]
            if broken:
                found[at] = broken[0]
                continue
            requests[at] = Request(prompt_of(one, pictures), params[at])
        outputs = self.vllm.run(list(requests.values()))
        for at, output in zip(requests, outputs, strict=True):
            found[at] = ScorerError("not answered by the deadline") if output is None else output
            if not isinstance(found[at], TamisError):
                _count(output, len(getattr(encoded[at], "images", ())))
        return found

    def _opened(self, encoded: Sequence[Encoded | TamisError]) -> dict[str, Any]:
        """Every image once, decoded, or why it cannot be."""
        wanted = {
            placed.picture.digest: placed.picture.data
            for one in encoded
            if isinstance(one, Encoded)
            for placed in one.images
        }

        def opened(data: bytes) -> Any:
            try:
                return self.pictures.media.open(Image(data=data))
            except MediaError as error:
                return error

        if len(wanted) < 2:
            return {digest: opened(data) for digest, data in wanted.items()}
        with ThreadPoolExecutor(IMAGE_THREADS, thread_name_prefix="tamis-image") as workers:
            return dict(zip(wanted, workers.map(opened, wanted.values()), strict=True))


def prompt_of(encoded: Encoded, pictures: Sequence[Any]) -> dict[str, Any]:
    """A prompt as vLLM takes it: token ids with one for each image, and the decoded images with their ids."""
    ids: list[int] = []
    at = 0
    for placed in encoded.images:
        # One token for the image, which vLLM replaces.
        ids += encoded.ids[at : placed.start + 1].tolist()
        at = placed.end
    ids += encoded.ids[at:].tolist()
    prompt: dict[str, Any] = {"prompt_token_ids": ids}
    if pictures:
        prompt["multi_modal_data"] = {"image": list(pictures)}
        prompt["multi_modal_uuids"] = {"image": [placed.picture.digest for placed in encoded.images]}
    return prompt


def _next_token(ids: Sequence[int]) -> Any:
    """One token is asked for, and told are the logits of these."""
    from vllm import SamplingParams

    return SamplingParams(temperature=0.0, max_tokens=1, logprob_token_ids=list(dict.fromkeys(ids)), detokenize=False)


def _logit(output: Any, token: int) -> float:
    return float(output.outputs[0].logprobs[0][token].logprob)


def _count(output: Any, images: int) -> None:
    reused = int(output.num_cached_tokens or 0)
    count("tokens", len(output.prompt_token_ids) - reused)
    count("tokens_reused", reused)
    count("kv_hits" if reused else "kv_misses")
    count("images", images)
