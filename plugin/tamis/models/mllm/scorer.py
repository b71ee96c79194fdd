"""Scores text and images with a multimodal LLM that runs here, through Transformers."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models.counting import counted
from tamis.models.local_model import LocalModelScorer
from tamis.models.template import Prompt, Template
from tamis.models.unavailable import tried_once

from .loading import Settings
from .runtime import Runtime

logger = logging.getLogger(__name__)

MEBIBYTE = 2**20


@dataclass(frozen=True)
class TransformersScorer(LocalModelScorer):
    """Log-odds of "relevant" from the next-token logits of yes and no, h_last . (W_yes - W_no) in float32.

    ``model`` is a Hugging Face name or a folder: any model of Transformers' ``AutoModelForImageTextToText``, or of
    ``AutoModelForCausalLM`` for text alone. It is loaded on first use, or by ``warmup``. ``template`` is a template,
    its name, its file or its mapping; None is the one that the checkpoint carries (a ``tamis_template.toml``, or the
    chat template of a reranker that sentence-transformers saved), else "tamis". ``instruction`` replaces the
    template's own.

    The caches are bounded in bytes, 0 turns one off: ``pixel_cache`` for processed images; ``vision_cache`` for what
    the vision tower makes of them, on the model's device, and in ``vision_cache_folder`` (at most
    ``vision_cache_folder_bytes``) for later runs; ``kv_cache`` for keys and values of [frame + passage] under a
    passage-first template, of [frame + query] under a query-first one, on the model's device. A cached score differs
    from an uncached one by rounding alone. Where a model's layers do not allow that, or it changes scores, prefixes
    are not kept, and a log line says why.

    ``token_budget`` is the most padded tokens, visual ones included, in a batch; None is 1024 on a CPU and 16,384 on a
    GPU. When memory runs out it is halved for good. ``max_length`` is the longest prompt in tokens, None the model's
    own limit: what is longer loses text, never frame or image. ``image_workers`` threads decode images meanwhile; None
    is 4 beside a model on the CPU, and as many as there are cores, 4 to 16, beside one on a GPU.

    ``device`` is "cpu", "cuda", "cuda:1", ...; None takes the first GPU where there is one. ``device_map`` (of
    accelerate), ``attention`` (Transformers' ``attn_implementation``) and ``quantization`` (a quantisation
    configuration, or a mapping of one with "quant_method") are handed on; ``dtype`` is "auto", "float32", "float16" or
    "bfloat16". Code from a checkpoint runs only with ``trust_remote_code=True``. ``canary=False`` skips the trial on
    load.

    A passage that is empty, whose image the ``media`` policy refuses or that cannot be decoded, or beside which
    ``max_length`` leaves nothing of the query, gets None, and a log line says why. So does what the caller's deadline
    comes before. It is a Chooser and a Writer too. Calls from several threads are safe.

    Raises BadSetting for a setting outside its range; on first use MissingExtra, BadSetting (a device that is not
    here, answers that are several tokens) and BadInput (a checkpoint that does not load, images for a model that
    cannot be given any).
    """

    model: str
    template: str | Mapping[str, Any] | Template | None = None
    instruction: str | None = None
    device: str | None = field(default=None, kw_only=True)
    device_map: Any = field(default=None, kw_only=True)
    dtype: str = field(default="auto", kw_only=True)
    max_length: int | None = field(default=None, kw_only=True)
    token_budget: int | None = field(default=None, kw_only=True)
    image_workers: int | None = field(default=None, kw_only=True)
    pixel_cache: int = field(default=128 * MEBIBYTE, kw_only=True)
    vision_cache: int = field(default=256 * MEBIBYTE, kw_only=True)
    vision_cache_folder: str | None = field(default=None, kw_only=True)
    vision_cache_folder_bytes: int = field(default=4096 * MEBIBYTE, kw_only=True)
    kv_cache: int = field(default=512 * MEBIBYTE, kw_only=True)
    quantization: Any = field(default=None, kw_only=True)
    attention: str | None = field(default=None, kw_only=True)
    local_files_only: bool = field(default=False, kw_only=True)
    trust_remote_code: bool = field(default=False, kw_only=True)
    canary: bool = field(default=True, kw_only=True)
    media: MediaPolicy | Mapping[str, Any] = field(default_factory=MediaPolicy, kw_only=True)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    _loaded: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_model()
        for name in ("max_length", "token_budget", "image_workers"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise BadSetting(f"{name} must be a whole number of at least 1, or None, not {value!r}")
        least = {"pixel_cache": 0, "vision_cache": 0, "vision_cache_folder_bytes": 0, "kv_cache": 0}
        for name, lowest in least.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
                raise BadSetting(f"{name} must be a whole number of at least {lowest}, not {value!r}")
        if self.device is not None and self.device_map is not None:
            raise BadSetting("device and device_map exclude each other; give one")

    def write(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]:
        """For each prompt the text that the model writes greedily, at most ``max_tokens`` tokens of it.

        None where it could not be written, or not to its end by the caller's deadline.
        """
        if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 1:
            raise BadSetting(f"max_tokens must be a whole number of at least 1, not {max_tokens!r}")
        return self.load().write(prompts, max_tokens) if prompts else []

    def warmup(self) -> None:
        """Loads the model and runs it once, so that the first real call is as fast as later ones."""
        from .canary import IRRELEVANT, QUERY, RELEVANT

        runtime = self.load()
        with counted():
            runtime.score(QUERY, [Content(" ".join([text] * 8)) for text in (RELEVANT, IRRELEVANT)])
        runtime.engine.prefixes.clear()

    def load(self) -> Runtime:
        """The loaded model with its caches; the same one every time. What could not be loaded is not tried again."""
        runtime: Runtime | None = self._loaded.get("runtime")
        if runtime is None:
            with self._lock:
                runtime = self._loaded.get("runtime")
                if runtime is None:
                    with tried_once(self._loaded):
                        runtime = self._loaded["runtime"] = self._made()
        return runtime

    def _made(self) -> Runtime:
        from . import canary
        from .assembly import assembled

        runtime = assembled(self)
        if self.canary:
            canary.check(runtime)
        return runtime

    def loading(self) -> Settings:
        """What the checkpoint is loaded with."""
        return Settings(
            model=self.model,
            device=self.device,
            device_map=self.device_map,
            dtype=self.dtype,
            quantization=self.quantization,
            attention=self.attention,
            local_files_only=self.local_files_only,
            trust_remote_code=self.trust_remote_code,
        )
