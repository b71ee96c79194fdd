"""CachedScorer: remembers scores in an SQLite file, for as long as model, settings, query and passage are the same."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadSetting, MediaError
from tamis.core.media import MediaPolicy
from tamis.core.threads import in_thread

from .counting import count
from .score_file import ScoreFile, refuse_foreign
from .scorer import EvidenceAware, Scorer, checked_scores


@dataclass(frozen=True)
class CachedScorer:
    """Gives remembered scores and asks ``scorer`` for the others; only finite scores are remembered, None never.

    ``file`` is made where there is none. A score is found again for the same scorer (its name and settings, and of a
    model in a local folder the files' sizes and times), the same query and the same passage, text and image bytes;
    images that the scorer's media policy does not allow are not looked up. ``note`` is part of that too: change it
    where a model behind the same name changes. At most ``rows`` scores are kept (for a while a hundredth more), those
    used last. Threads and processes may share a file. A damaged file is put aside with a warning and begun anew, and a
    damaged row is no row: a wrong score is never given.

    Where the file cannot be used for a while (locked, disk full), a warning is logged and the scorer does the work.

    What a scorer's scores depend on is what its ``identity()`` returns, else its ``settings()``, else its dataclass
    fields with ``repr`` on.

    Raises BadSetting for a scorer whose scores depend on more than query and passage (EvidenceAware) or whose settings
    are not known, and for a file that holds something else.
    """

    scorer: Any
    file: str | os.PathLike[str]
    rows: int = 1_000_000
    note: str = ""
    _rooms: dict[str, ScoreFile] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        from . import SCORERS

        scorer = SCORERS.build(self.scorer)
        object.__setattr__(self, "scorer", scorer)
        object.__setattr__(self, "file", os.fspath(self.file))
        if isinstance(scorer, type) or not isinstance(scorer, Scorer):
            raise BadSetting(f"the scorer is {scorer!r}; it must be an object with the methods score and ascore")
        if isinstance(scorer, EvidenceAware):
            raise BadSetting(
                f"the scores of a {type(scorer).__name__} depend on the other candidates and on what retrieval found, "
                "not on query and passage alone: they cannot be kept; cache the dear scorer behind it"
            )
        if isinstance(self.rows, bool) or not isinstance(self.rows, int) or self.rows < 1:
            raise BadSetting(f"rows is {self.rows!r}; it must be a whole number of at least 1")
        try:
            json.dumps(_settings_of(scorer), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise BadSetting(
                f"scores can only be kept for a scorer whose settings are JSON, a {type(scorer).__name__}'s are not: "
                f"{error}; give it a method settings() or identity()"
            ) from error
        refuse_foreign(Path(self.file))

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON."""
        from . import SCORERS

        return {"scorer": SCORERS.spec(self.scorer), "file": self.file, "rows": self.rows, "note": self.note}

    @property
    def modalities(self) -> frozenset[str]:
        """What the scorer behind it looks at."""
        return frozenset(getattr(self.scorer, "modalities", ("text", "image")))

    @property
    def whole_lists(self) -> bool:
        """Whether the scorer behind it batches by itself."""
        return bool(getattr(self.scorer, "whole_lists", False))

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """Log-odds of "relevant", one for each passage, in order."""
        keys, scores = self._known(query, passages)
        unknown = [at for at, score in enumerate(scores) if score is None]
        if unknown:
            found = self.scorer.score(query, [passages[at] for at in unknown])
            self._learn(keys, unknown, checked_scores(found, len(unknown)), scores)
        return scores

    async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """The same numbers as ``score``; the file is read and written in a thread."""
        keys, scores = await in_thread(self._known, query, passages)
        unknown = [at for at, score in enumerate(scores) if score is None]
        if unknown:
            found = checked_scores(await self.scorer.ascore(query, [passages[at] for at in unknown]), len(unknown))
            await in_thread(self._learn, keys, unknown, found, scores)
        return scores

    def clear(self) -> None:
        """Forgets all scores in the file, other scorers' too."""
        self._room().clear()

    def close(self) -> None:
        """Closes the file; the next call opens it again."""
        if (room := self._rooms.pop("open", None)) is not None:
            room.close()

    def _known(self, query: Content, passages: Sequence[Content]) -> tuple[list[bytes | None], list[float | None]]:
        asked = self._digest(query)
        keys = [None if asked is None else self._key(asked, passage) for passage in passages]
        known = self._room().get([key for key in keys if key is not None])
        scores = [None if key is None else known.get(key) for key in keys]
        hits = sum(score is not None for score in scores)
        count("score_hits", hits)
        count("score_misses", len(scores) - hits)
        return keys, scores

    def _learn(
        self,
        keys: Sequence[bytes | None],
        unknown: Sequence[int],
        found: Sequence[float | None],
        scores: list[float | None],
    ) -> None:
        fresh: dict[bytes, float] = {}
        for at, score in zip(unknown, found, strict=True):
            scores[at] = score
            if score is not None and (key := keys[at]) is not None:
                fresh[key] = score
        self._room().put(fresh)

    def _room(self) -> ScoreFile:
        # No lock is needed: it opens nothing, and of two that are made at once one is thrown away.
        return self._rooms.get("open") or self._rooms.setdefault("open", ScoreFile(Path(self.file), self.rows))

    def _key(self, asked: bytes, passage: Content) -> bytes | None:
        found = self._digest(passage)
        return None if found is None else sha256(self._identity + asked + found).digest()

    def _digest(self, content: Content) -> bytes | None:
        """32 bytes that stand for a content; None where an image of it may not or cannot be read."""
        policy = getattr(self.scorer, "media", None)
        policy = policy if isinstance(policy, MediaPolicy) else MediaPolicy()
        digest = sha256(sha256(content.text.encode("utf-8", "surrogatepass")).digest())
        try:
            for image in content.images:
                digest.update(bytes.fromhex(image.digest(policy)))
        except MediaError:
            return None
        return digest.digest()

    @cached_property
    def _identity(self) -> bytes:
        """32 bytes that stand for the scorer: other settings, another model, other scores."""
        written = {
            "kind": f"{type(self.scorer).__module__}:{type(self.scorer).__qualname__}",
            "settings": _settings_of(self.scorer),
            "files": _files_of(getattr(self.scorer, "model", None)),
            "note": self.note,
        }
        return sha256(json.dumps(written, sort_keys=True, allow_nan=False).encode()).digest()

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("scorer", "file", "rows", "note")}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in {**state, "_rooms": {}}.items():
            object.__setattr__(self, name, value)


def _settings_of(scorer: Any) -> Any:
    """What a scorer's scores depend on. Raises TypeError where nobody says."""
    for name in ("identity", "settings"):
        if callable(told := getattr(scorer, name, None)):
            return told()
    if not dataclasses.is_dataclass(scorer):
        raise TypeError("it has none of identity(), settings() and dataclass fields")
    return {each.name: getattr(scorer, each.name) for each in dataclasses.fields(scorer) if each.init and each.repr}


def _files_of(model: Any) -> list[tuple[str, int, int]]:
    """Names, sizes and times of the files of a model in a local folder; nothing for a name on a hub or a server."""
    if not isinstance(model, str) or not model or not Path(model).is_dir():
        return []
    found = ((path, path.stat()) for path in sorted(Path(model).rglob("*")) if path.is_file())
    return [(path.relative_to(model).as_posix(), stat.st_size, stat.st_mtime_ns) for path, stat in found]
