"""Scores text and images with a multimodal LLM that vLLM runs in this process."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.core.media import MediaPolicy
from tamis.models.local_model import LocalModelScorer
from tamis.models.template import Prompt, Template
from tamis.models.unavailable import tried_once

if TYPE_CHECKING:
    from .engine import Engine
    from .pooling import PoolingRuntime
    from .runtime import VllmRuntime

logger = logging.getLogger(__name__)

_OURS = ("model", "max_model_len", "dtype", "tensor_parallel_size", "enforce_eager", "enable_prefix_caching", "runner")


@dataclass(frozen=True)
class VllmScorer(LocalModelScorer):
    """Log-odds of "relevant" from the next token's logits of yes and no, computed by ``vllm.LLM``.

    ``model`` is a Hugging Face name or a folder, loaded on first use, or by ``warmup``, in processes that vLLM starts;
    ``close`` ends them. ``template`` and ``instruction`` are those of ``TransformersScorer``, and so are the prompts,
    token for token: the same weights give the same log-odds through both. Calls from several threads and tasks run in
    one continuous batch. Images bear the sha256 of their bytes, so that vLLM's own caches know them again; with
    ``prefix_caching`` and a passage-first template a passage that comes again costs its query alone.

    ``pooling`` says whether the model is a cross-encoder that is asked through ``LLM.score``, in its own wording; None
    leaves that to vLLM, which goes by the architecture. ``max_length`` is the longest prompt and what is written
    after it, in tokens, None the model's own limit: what is longer loses text, never frame or image. ``dtype`` is
    "auto", "float32", "float16" or "bfloat16"; ``tensor_parallel_size`` the number of GPUs; ``gpu_memory_utilization``
    vLLM's share of a GPU's memory, in (0, 1]; ``enforce_eager`` turns off compilation, which starts sooner and runs
    slower. ``engine_settings`` are further arguments of ``vllm.LLM``, such as ``hf_overrides``, ``quantization`` or
    ``limit_mm_per_prompt``.

    A passage that is empty, whose image the ``media`` policy refuses or that cannot be decoded, gets None, and so does
    what is not answered by the caller's deadline. It is a Chooser and a Writer too, but for a pooling model. An engine
    that dies costs the calls under way what was not answered yet, and they raise ScorerError if that is everything; the
    next call starts another. A model that did not start is not tried again before ``close``.

    Raises BadSetting for a setting outside its range; on first use MissingExtra without vLLM, BadInput for a model
    that vLLM does not start with and for images to one that reads text only, BadSetting for answers of several tokens.
    """

    model: str
    template: str | Mapping[str, Any] | Template | None = None
    instruction: str | None = None
    max_length: int | None = field(default=None, kw_only=True)
    dtype: str = field(default="auto", kw_only=True)
    tensor_parallel_size: int = field(default=1, kw_only=True)
    gpu_memory_utilization: float | None = field(default=None, kw_only=True)
    enforce_eager: bool = field(default=False, kw_only=True)
    prefix_caching: bool = field(default=True, kw_only=True)
    pooling: bool | None = field(default=None, kw_only=True)
    engine_settings: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    media: MediaPolicy | Mapping[str, Any] = field(default_factory=MediaPolicy, kw_only=True)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    _loaded: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_model()
        for name, least in (("max_length", 2), ("tensor_parallel_size", 1)):
            value = getattr(self, name)
            if name == "max_length" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise BadSetting(f"{name} must be a whole number of at least {least}, not {value!r}")
        share = self.gpu_memory_utilization
        if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1):
            raise BadSetting(f"gpu_memory_utilization must be a share in (0, 1], not {share!r}")
        if not isinstance(self.engine_settings, Mapping):
            raise BadSetting(f"engine_settings must be arguments of vllm.LLM by name, not {self.engine_settings!r}")
        if taken := sorted(set(self.engine_settings) & set(_OURS)):
            raise BadSetting(f"engine_settings has {taken[0]!r}, which is a setting of the scorer itself")
        if self.template is not None and self.pooling:
            raise BadSetting("a pooling model is asked in its own wording; leave template out, or pooling")

    def write(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]:
        """For each prompt the text that the model writes greedily, at most ``max_tokens`` tokens of it.

        Raises BadSetting for a pooling model.
        """
        if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 1:
            raise BadSetting(f"max_tokens must be a whole number of at least 1, not {max_tokens!r}")
        return self._generating().write(prompts, max_tokens) if prompts else []

    def warmup(self) -> None:
        """Starts the engine and asks it once, so that the first real call is as fast as later ones."""
        self.load().score(Content("What colour is the sky?"), [Content("On a clear day the sky is blue.")])

    def load(self) -> "VllmRuntime | PoolingRuntime":
        """The started engine with what reads for it: the same one until it is closed or dies."""
        with self._lock:
            runtime = self._loaded.get("runtime")
            if runtime is None or not runtime.vllm.is_alive:
                with tried_once(self._loaded, (BadInput, BadSetting)):
                    from .assembly import assembled

                    self._loaded.pop("runtime", None)
                    runtime = self._loaded["runtime"] = assembled(self)
            found: VllmRuntime | PoolingRuntime = runtime
            return found

    def close(self) -> None:
        """Ends vLLM's processes and frees their memory. A later call starts them again."""
        with self._lock:
            runtime = self._loaded.pop("runtime", None)
            self._loaded.clear()
        if runtime is not None:
            engine: Engine = runtime.vllm
            engine.close()

    def arguments(self) -> dict[str, Any]:
        """What ``vllm.LLM`` is made with."""
        given: dict[str, Any] = {
            "model": self.model,
            "dtype": self.dtype,
            "tensor_parallel_size": self.tensor_parallel_size,
            "enforce_eager": self.enforce_eager,
            "enable_prefix_caching": self.prefix_caching,
            "runner": {None: "auto", True: "pooling", False: "generate"}[self.pooling],
            "max_model_len": self.max_length,
            "gpu_memory_utilization": self.gpu_memory_utilization,
            # Logits, of which differences are taken: one normalisation less to round.
            "logprobs_mode": "raw_logits",
        }
        return {**{name: value for name, value in given.items() if value is not None}, **self.engine_settings}

    def _generating(self) -> "VllmRuntime":
        from .runtime import VllmRuntime

        runtime = self.load()
        if not isinstance(runtime, VllmRuntime):
            raise BadSetting(f'the model "{self.model}" pools: it scores passages, and can neither choose nor write')
        return runtime

    def __enter__(self) -> "VllmScorer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
