"""What data are, so that a run goes on with the same ones: a digest of their bytes, and how many cases are in them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any, Protocol

from tamis.core.content import Content
from tamis.core.errors import BadInput

from ..case import Case, Document


class Data(Protocol):
    """What a run needs of a data set: a fresh stream of its cases at every call, the corpus they share, its sha256."""

    @property
    def name(self) -> str: ...

    @property
    def format(self) -> str: ...

    def cases(self) -> Iterator[Case]: ...

    def documents(self) -> Iterator[Document]: ...

    def digest(self) -> str: ...


@dataclass(frozen=True)
class DataId:
    """Which data: ``sha256`` of the bytes, in hexadecimal, and the number of cases that are run (the first ones)."""

    name: str
    format: str
    sha256: str
    cases: int

    def to_json(self) -> dict[str, Any]:
        """As it stands in a plan."""
        return {"name": self.name, "format": self.format, "sha256": self.sha256, "cases": self.cases}

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> "DataId":
        """What ``to_json`` wrote."""
        return cls(str(written["name"]), str(written["format"]), str(written["sha256"]), int(written["cases"]))


@dataclass(frozen=True)
class Cases:
    """Cases and documents held in memory, as a data set."""

    held: Sequence[Case] = field(repr=False)
    corpus: Sequence[Document] = field(default=(), repr=False)
    name: str = "cases"
    format: str = "memory"

    def cases(self) -> Iterator[Case]:
        """The cases, in order."""
        return iter(self.held)

    def documents(self) -> Iterator[Document]:
        """The corpus that the cases share."""
        return iter(self.corpus)

    def digest(self) -> str:
        """sha256 of what the cases and documents say."""
        digest = sha256()
        for one in (*self.held, *self.corpus):
            digest.update(json.dumps(_said(one), sort_keys=True, default=str).encode("ascii") + b"\n")
        return digest.hexdigest()


def identity(data: Data, limit: int | None = None) -> DataId:
    """Reads the data once: their digest, and how many cases there are, at most ``limit``.

    Raises BadInput where there is no case, and where two have one id: a result could not be told from the other's.
    """
    seen: set[str] = set()
    for case in islice(data.cases(), limit):
        if case.id in seen:
            raise BadInput(f'{data.name}: two cases have the id "{case.id}"; every case needs one of its own')
        seen.add(case.id)
    if not seen:
        raise BadInput(f"{data.name}: there is no case in it")
    return DataId(data.name, data.format, data.digest(), len(seen))


def _said(one: Any) -> Any:
    if isinstance(one, Content):
        images = [sha256(image.data).hexdigest() if image.data else image.path or image.url for image in one.images]
        return [one.text, images]
    if isinstance(one, Case | Document):
        return {name: _said(value) for name, value in vars(one).items()}
    if isinstance(one, Mapping):
        return {str(name): _said(value) for name, value in one.items()}
    if isinstance(one, list | tuple | set | frozenset):
        return [_said(value) for value in (sorted(one, key=str) if isinstance(one, set | frozenset) else one)]
    return one
