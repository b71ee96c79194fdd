"""What a store says about itself: which embedder made its vectors, in which format."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tamis.core.errors import StoreError

FORMAT = 1
FILE = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """``embedder`` is its name, ``spec`` what it can be made from again, ``dimensions`` the length of its vectors."""

    embedder: str
    dimensions: int
    collection: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> str:
        """As it is written down."""
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, source: str) -> "Manifest":
        """What was written down. Raises StoreError naming ``source`` for anything else.

        >>> Manifest.from_json(Manifest("fake-64", 64, "tamis").to_json(), "here").embedder
        'fake-64'
        """
        try:
            written = json.loads(text)
            if written["format"] != FORMAT:
                raise StoreError(
                    f"{source} is of format {written['format']!r}; this Tamis reads format {FORMAT}: "
                    "update Tamis, or build the store anew"
                )
            manifest = cls(**written)
            if not (isinstance(manifest.embedder, str) and isinstance(manifest.collection, str)):
                raise TypeError("embedder and collection must be text")
            if type(manifest.dimensions) is not int or manifest.dimensions < 1:
                raise TypeError("dimensions must be a whole number of at least 1")
            if not isinstance(manifest.spec, dict):
                raise TypeError("spec must be an object")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise StoreError(f"{source} is damaged ({error!r}); restore it, or build the store anew") from error
        return manifest

    def save(self, folder: Path) -> None:
        """Writes it in one step."""
        new = folder / f"{FILE}.{os.getpid()}"
        new.write_text(self.to_json(), encoding="utf-8")
        os.replace(new, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """The manifest of a store's folder. Raises StoreError if it cannot be read."""
        file = folder / FILE
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{file} cannot be read: {error}") from error
        return cls.from_json(text, str(file))
