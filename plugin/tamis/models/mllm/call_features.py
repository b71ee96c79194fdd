"""The images of one call on their way through the model: prepared ahead, computed once, kept while they are needed."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from tamis.core.errors import MediaError, ScorerError, TamisError
from tamis.models.counting import count
from tamis.models.deadline import time_left

from .encode import Encoded, Placed
from .pictures import Pictures, Pixels
from .prefix import Prefix
from .vision import Features, Vision


class Resized(ScorerError):
    """An image came out of its decoder in another size than its header said; its prompt must be made again."""


@dataclass
class Row:
    """One prompt on its way through the model: what of it is there already, and what is to be kept of it."""

    encoded: Encoded
    past: Prefix | None = None
    used: int = 0
    keep: int = 0

    @property
    def new(self) -> int:
        """Tokens to compute."""
        return len(self.encoded) - self.used

    @property
    def images(self) -> list[Placed]:
        """The images among the tokens to compute."""
        return [placed for placed in self.encoded.images if placed.start >= self.used]


class CallFeatures:
    """The images of one call: pixels on their way, features that later batches still need."""

    def __init__(self, vision: Vision, pictures: Pictures, rows: Sequence[Row]) -> None:
        self.vision = vision
        self.pictures = pictures
        self.needed = Counter(placed.picture.digest for row in rows for placed in row.encoded.images)
        self.known: dict[str, Features] = {}
        self.coming: dict[str, Future[Pixels]] = {}
        self.pixels: dict[str, Pixels] = {}

    def prefetch(self, rows: Sequence[Row]) -> None:
        """Has the images of a batch prepared, unless their features are known."""
        for row in rows:
            for placed in row.images:
                digest = placed.picture.digest
                if digest in self.known or digest in self.pixels or digest in self.coming:
                    continue
                count("images")
                if (features := self.vision.known(digest, placed.tokens)) is not None:
                    count("vision_hits")
                    self.known[digest] = features
                    continue
                count("vision_misses")
                self.coming[digest] = self.pictures.submit(placed.picture)

    def ready(self, rows: Sequence[Row]) -> "tuple[list[int], list[TamisError | None]]":
        """Which rows have all their images, waiting for them, and what is wrong with the others."""
        errors: list[TamisError | None] = []
        for row in rows:
            error: TamisError | None = None
            for placed in row.images:
                error = error or self._wait(placed)
            errors.append(error)
        return [at for at, error in enumerate(errors) if error is None], errors

    def _wait(self, placed: Placed) -> TamisError | None:
        picture = placed.picture
        if picture.digest in self.known or picture.digest in self.pixels:
            return None
        try:
            pixels = self.coming[picture.digest].result(timeout=time_left())
        except MediaError as error:
            return error
        except TimeoutError:
            return ScorerError("the deadline came before its images were decoded")
        if (pixels.width, pixels.height) != (picture.width, picture.height):
            return Resized(f"an image of {pixels.width} x {pixels.height} said it was another size")
        # The pixels are held here alone, and let go once the model has seen them.
        self.pixels[picture.digest] = pixels
        del self.coming[picture.digest]
        return None

    def compute(self, rows: Sequence[Row]) -> None:
        """The features of a batch's images, where they are not known. Called while the model is ours."""
        wanted = dict.fromkeys(placed.picture.digest for row in rows for placed in row.images)
        missing = {digest: self.pixels[digest] for digest in wanted if digest not in self.known}
        if missing:
            self.known.update(self.vision.encode(missing))
            for digest in missing:
                self.pixels.pop(digest, None)

    def of(self, rows: Sequence[Row]) -> dict[str, Features]:
        """The computed features of a batch's images, by their digests."""
        return {placed.picture.digest: self.known[placed.picture.digest] for row in rows for placed in row.images}

    def misfit(self, row: Row) -> ScorerError | None:
        """What is wrong with a row whose images did not become as many tokens as its prompt has places for."""
        for placed in row.images:
            made = len(self.known[placed.picture.digest].embeddings)
            if made != placed.tokens:
                return ScorerError(
                    f"an image of {placed.picture.width} x {placed.picture.height} pixels became {made} visual tokens "
                    f"where {placed.tokens} were expected"
                )
        return None

    def used(self, rows: Sequence[Row]) -> None:
        """Forgets features that no later row of this call needs."""
        for row in rows:
            for placed in row.encoded.images:
                digest = placed.picture.digest
                self.needed[digest] -= 1
                if self.needed[digest] <= 0:
                    self.known.pop(digest, None)
                    self.pixels.pop(digest, None)
                    if (future := self.coming.pop(digest, None)) is not None:
                        future.cancel()

    def close(self) -> None:
        """Lets go of everything; work that has not begun is not done."""
        for future in self.coming.values():
            future.cancel()
        self.coming.clear()
        self.known.clear()
        self.pixels.clear()
