"""Images on their way to the model: read and measured first, decoded and processed by workers, pixels remembered."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Any, NamedTuple

from tamis.core.errors import MediaError, TamisError
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.core.pixels import upright_size
from tamis.models.byte_lru import ByteLRU

from .loading import Checkpoint
from .memory import first_line

logger = logging.getLogger(__name__)

_NOT_FOR_MODELS = ("rows", "cols", "num_crops")


class Picture(NamedTuple):
    """An image that was read: ``digest`` is the sha256 of its bytes, the size is that of its upright pixels."""

    digest: str
    data: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Pixels:
    """What an image processor made of one image: the model's inputs by name, each with the image first."""

    inputs: Mapping[str, Any]
    width: int
    height: int

    @property
    def nbytes(self) -> int:
        """The bytes of all inputs."""
        return sum(value.nbytes for value in self.inputs.values())


def prepared_for(checkpoint: Checkpoint) -> Callable[[Any], Any]:
    """What brings an image processor's tensors nearer to a model: its precision where it is a half one, so that half
    as much is kept and moved, and for a GPU memory that it can fetch from by itself."""
    import torch

    half = checkpoint.model.dtype if checkpoint.model.dtype in (torch.float16, torch.bfloat16) else None
    is_cuda = checkpoint.device.type == "cuda"

    def prepared(tensor: Any) -> Any:
        if not isinstance(tensor, torch.Tensor):
            return tensor
        if half is not None and tensor.is_floating_point():
            tensor = tensor.to(half)
        return tensor.pin_memory() if is_cuda else tensor

    return prepared


class Pictures:
    """Reads images under a policy and processes them in ``workers`` threads; pixels are kept in ``budget`` bytes.

    ``prepared`` is what the workers do to each tensor so that it goes to the model's device at once.
    """

    def __init__(
        self,
        processor: Any,
        media: MediaPolicy,
        workers: int,
        budget: int,
        prepared: Callable[[Any], Any] = lambda tensor: tensor,
    ) -> None:
        self.processor = processor
        self.media = media
        self.workers = workers
        self.prepared = prepared
        self.cache: ByteLRU[Pixels] = ByteLRU(budget)
        self._sizes: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def read(self, images: Iterable[Image]) -> dict[Image, Picture | TamisError]:
        """Every image once: what was read, or why it could not be. Reading is done side by side."""
        wanted = list(dict.fromkeys(images))
        if len(wanted) > 1 and any(image.data is None for image in wanted):
            return dict(zip(wanted, self._workers().map(self._read, wanted), strict=True))
        return {image: self._read(image) for image in wanted}

    def submit(self, picture: Picture) -> "Future[Pixels]":
        """The picture's pixels, in a while. The future raises MediaError for one that does not decode."""
        if (kept := self.cache.get(picture.digest)) is not None:
            done: Future[Pixels] = Future()
            done.set_result(kept)
            return done
        return self._workers().submit(copy_context().run, self.processed, picture)

    def processed(self, picture: Picture) -> Pixels:
        """The picture's pixels, now. Raises MediaError."""
        image = Image(data=picture.data)
        try:
            decoded = self.media.open(image)
            made = self.processor(images=[decoded], return_tensors="pt")
            inputs = {
                name: self.prepared(value)
                for name, value in made.items()
                if name not in _NOT_FOR_MODELS and hasattr(value, "shape")
            }
        except MediaError:
            raise
        except Exception as error:
            # Decoders and processors raise what they like, and other images of the call have done nothing wrong.
            raise MediaError(f"{image} cannot be prepared for the model: {first_line(error)}") from error
        pixels = Pixels(inputs, decoded.width, decoded.height)
        self.cache.put(picture.digest, pixels, pixels.nbytes)
        if (decoded.width, decoded.height) != (picture.width, picture.height):
            with self._lock:
                self._sizes[picture.digest] = (decoded.width, decoded.height)
        return pixels

    def close(self) -> None:
        """Ends the workers; they come back when they are needed."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)

    def _read(self, image: Image) -> Picture | TamisError:
        try:
            data = self.media.read(image)
            digest = sha256(data).hexdigest()
            with self._lock:
                size = self._sizes.get(digest)
            if size is None:
                size = upright_size(BytesIO(data), self.media.max_pixels, image)
                with self._lock:
                    self._sizes[digest] = size
                    while len(self._sizes) > 100_000:
                        self._sizes.pop(next(iter(self._sizes)))
            return Picture(digest, data, *size)
        except MediaError as error:
            return error

    def _workers(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="tamis-image")
            return self._pool
