"""The BM25 index on disk: a folder that bm25s can read too, replaced as a whole or not at all."""

import json
import os
import shutil
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import StoreError
from tamis.models.lexical import tokenize

from .corpus import Version
from .postings import K1, B, Postings, digest_of
from .vectors import VectorCopy

FORMAT = 1
_POINTER = "current.json"
_VECTORS = "vectors.npy"
_ARRAYS = ("frequencies", "lengths", "digests")
# A taste of everything the tokenizer tells apart: if its terms change, what was counted with it is out of date.
_SAMPLE = (
    "How were the Retrieving passages of HTTPServer.is_dir v2 3.14 ranked? Straße naïve U\u0308ber 東京都 한국어 e-mail"
)


class Loaded(NamedTuple):
    """An index as it was saved, the version of the corpus that it was saved for, and its vectors if there are any."""

    postings: Postings
    version: Version
    vectors: VectorCopy


def fingerprint() -> str:
    """Says which way of counting made an index: tokenizer and BM25 settings."""
    return f"{digest_of(json.dumps([tokenize(_SAMPLE), K1, B])):016x}"


def saved_version(folder: Path) -> Version | None:
    """The version of the corpus that the index in a folder was saved for; None if there is none to be read."""
    try:
        return tuple(json.loads((folder / _POINTER).read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def restamp(folder: Path, version: Version) -> None:
    """Says that the saved index is right for another version of the corpus too, but for the vectors.

    Raises OSError and ValueError.
    """
    pointer = json.loads((folder / _POINTER).read_text(encoding="utf-8"))
    _point(folder, {**pointer, "version": list(version), "vectors": False})


def save(
    folder: Path, postings: Postings, version: Version, vectors: Iterator[NDArray[np.float32]] | None = None
) -> None:
    """Writes the index beside the one in use, then points to it in one step: a crash leaves the old. Raises OSError.

    ``vectors`` are of length 1, in blocks, in the order of the passages; LookupError from it leaves them out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"index-{uuid.uuid4().hex}"
    place = folder / name
    try:
        postings.engine().save(place, show_progress=False)
        for array in _ARRAYS:
            np.save(place / f"{array}.npy", getattr(postings, array), allow_pickle=False)
        (place / "ids.json").write_text(json.dumps(list(postings.ids)), encoding="utf-8")
        if vectors is not None:
            _write_vectors(place / _VECTORS, len(postings), vectors)
        pointer = {
            "format": FORMAT,
            "index": name,
            "version": list(version),
            "vectors": (place / _VECTORS).exists(),
            "fingerprint": fingerprint(),
            "checksums": {file.name: _checksum(file) for file in sorted(place.iterdir()) if file.name != _VECTORS},
        }
        _point(folder, pointer)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    for old in folder.glob("index-*"):
        if old != place:
            # Processes that have the old one mapped keep it; where the system forbids that, the next save tries again.
            shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)


def _point(folder: Path, pointer: dict[str, Any]) -> None:
    new = folder / f"index-{uuid.uuid4().hex}.json"
    new.write_text(json.dumps(pointer, indent=1), encoding="utf-8")
    os.replace(new, folder / _POINTER)


def _write_vectors(file: Path, count: int, blocks: Iterator[NDArray[np.float32]]) -> None:
    rows, place = None, 0
    try:
        for block in blocks:
            if rows is None:
                shape = (count, block.shape[1])
                rows = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
            rows[place : place + len(block)] = block
            place += len(block)
        if rows is not None:
            rows.flush()
    except LookupError:
        file.unlink(missing_ok=True)


def load(folder: Path) -> Loaded:
    """The index in a folder, its arrays memory-mapped. Raises StoreError saying what is wrong with it."""
    for attempt in range(3):
        try:
            return _load(folder)
        except FileNotFoundError as error:
            # Another process may have replaced it between the pointer and the files it pointed to.
            if attempt == 2 or not (folder / _POINTER).exists():
                raise StoreError(f"{error.filename} is missing") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{folder} cannot be read: {error}") from error
    raise AssertionError("unreachable")


def _load(folder: Path) -> Loaded:
    import bm25s  # type: ignore[import-untyped]

    pointer: dict[str, Any] = json.loads((folder / _POINTER).read_text(encoding="utf-8"))
    if pointer["format"] != FORMAT or pointer["fingerprint"] != fingerprint():
        raise StoreError(f"{folder} was made by another version of Tamis")
    place = folder / Path(pointer["index"]).name
    for name, checksum in pointer["checksums"].items():
        if _checksum(place / Path(name).name) != checksum:
            raise StoreError(f"{place / name} is damaged")
    engine = bm25s.BM25.load(place, mmap=True)
    # Plain views of the mapped pages: slicing them costs less than slicing NumPy's memmap objects.
    arrays = {name: np.asarray(np.load(place / f"{name}.npy", mmap_mode="r")) for name in _ARRAYS}
    scores = {name: np.asarray(engine.scores[name]) for name in ("data", "indices", "indptr")}
    ids = json.loads((place / "ids.json").read_text(encoding="utf-8"))
    postings = Postings(
        ids, engine.vocab_dict, scores["indptr"], scores["indices"], arrays["frequencies"], scores["data"],
        arrays["lengths"], arrays["digests"],
    )  # fmt: skip
    vectors = VectorCopy()
    if pointer["vectors"]:
        rows = np.asarray(np.load(place / _VECTORS, mmap_mode="r"))
        if rows.shape[:1] == (len(postings),):
            vectors = VectorCopy(ids, rows)
    return Loaded(postings, tuple(pointer["version"]), vectors)


def _checksum(file: Path) -> list[int]:
    total, size = 0, 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            total, size = zlib.crc32(block, total), size + len(block)
    return [size, total]
