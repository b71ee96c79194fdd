"""A query as the sources need it: words, vectors to be made, images that were allowed."""

import logging
import math
from typing import NamedTuple

from llama_index.core.schema import QueryBundle

from tamis.core.errors import BadInput
from tamis.core.media import MediaPolicy
from tamis.core.well_formed import well_formed
from tamis.models.lexical import tokenize
from tamis.nodes import query_of

logger = logging.getLogger(__name__)

MAX_QUERY = 32_768
"""How many characters of a query are read, some 5,000 words: a pasted file must not cost seconds to search for."""


class Asked(NamedTuple):
    """What is searched for. ``terms`` for BM25, ``texts`` to be embedded and averaged, ``vector`` if one came along,
    ``images`` as encoded bytes."""

    terms: list[str]
    texts: list[str]
    vector: list[float] | None
    images: list[bytes]

    def __bool__(self) -> bool:
        """Whether there is anything to search for."""
        return bool(self.terms or self.texts or self.vector or self.images)


def asked(query: QueryBundle, *, sees_images: bool, embedder: str, dimensions: int | None, media: MediaPolicy) -> Asked:
    """Reads a query and changes nothing in it. Its images are opened as ``media`` allows.

    An image beside a text is left out, with a warning, where the embedder reads text only. Raises BadInput for an
    image alone in that case and for a vector that cannot be compared, MediaError for an image that cannot be used.
    """
    content = query_of(query)
    text = _bounded(content.text)
    texts = [_bounded(one) for one in query.custom_embedding_strs or ()] or [text]
    texts = [one for one in texts if one.strip()]
    vector = None if query.embedding is None else _checked(query.embedding, dimensions)
    images: list[bytes] = []
    if content.images and sees_images:
        images = [media.read(image) for image in content.images]
    elif content.images and (texts or vector):
        logger.warning('the embedder "%s" reads text only: the image of the query is left out', embedder)
    elif content.images:
        raise BadInput(
            f'the embedder "{embedder}" reads text only and the query is an image alone '
            f"({content.images[0].describe()}); add a text, or use an embedder that sees images"
        )
    return Asked(tokenize(text), texts if vector is None else [], vector, images)


def _bounded(text: str) -> str:
    if len(text) > MAX_QUERY:
        logger.warning("the query has %d characters; the first %d are read", len(text), MAX_QUERY)
        text = text[:MAX_QUERY]
    # Half a surrogate pair, as in a cut or binary string, is no text that a tokenizer or a store could take.
    return well_formed(text)


def _checked(embedding: list[float], dimensions: int | None) -> list[float]:
    vector = [float(value) for value in embedding]
    if dimensions is not None and len(vector) != dimensions:
        raise BadInput(f"the query's embedding has {len(vector)} dimensions; the store's vectors have {dimensions}")
    if not vector or not all(map(math.isfinite, vector)):
        raise BadInput("the query's embedding is empty or has values that are not finite; leave it out or embed anew")
    return vector
