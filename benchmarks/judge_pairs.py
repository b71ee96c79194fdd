"""Labelled pairs of claim and evidence from public data, for benchmarks of judges and for fitting their weights."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from vectors import embed_texts

from tamis.core.content import Content
from tamis.eval import load
from tamis.models.embedder import Role
from tamis.models.sentence_transformer import SentenceTransformerEmbedder
from tamis.models.sentences import sentences

DATA = Path(os.environ.get("TAMIS_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


class Labelled(NamedTuple):
    """A claim, its evidence, whether that supports it, and what it is drawn together with (its evidence)."""

    id: str
    claim: str
    evidence: tuple[str, ...]
    supported: bool
    group: str


def begin() -> list[Labelled]:
    """BEGIN dev (Dziri et al. 2022) without its generic responses: 313 supported, 835 not."""
    return list(_cases(DATA / "begin", "begin"))


def halueval() -> list[Labelled]:
    """The questions of HaluEval (Li et al. 2023): 500 right answers, 500 made-up ones."""
    return list(_cases(DATA / "halueval" / "qa_one-turn_500.jsonl", "halueval"))


def clapnq() -> list[Labelled]:
    """Sentences of CLAPnq's answers (Rosenthal et al. 2024), which people wrote from the passage: supported all."""
    found = []
    data = load(DATA / "clapnq", "clapnq")
    passages = {document.id: document.content.text for document in data.documents()}
    for case in data.cases():
        evidence = tuple(passages[name] for name in sorted(case.gold) if name in passages)
        if case.answerable and case.answers and evidence:
            answer = case.answers[0]
            for at, (begin, end) in enumerate(sentences(answer)):
                found.append(Labelled(f"{case.id}-{at}", answer[begin:end], evidence, True, case.cluster))
    return found


class RememberingEmbedder:
    """The default embedder, whose vectors are kept on disk: a second run embeds nothing again."""

    def __init__(self) -> None:
        self._inner = SentenceTransformerEmbedder()
        self.name, self.dimensions, self.modalities = self._inner.name, self._inner.dimensions, self._inner.modalities

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> NDArray[np.float32]:
        """Unit vectors, shape (len(contents), dimensions)."""
        return embed_texts(self._inner, [content.text for content in contents], role)


SETS = {"begin": begin, "halueval": halueval}


def is_held_out(pair: Labelled) -> bool:
    """Whether a pair is in the half that no weights were fitted on; pairs with the same evidence are on one side."""
    return hashlib.sha256("\n".join(pair.evidence).encode()).digest()[0] % 2 == 1


def others_of(pair: Labelled, pairs: Sequence[Labelled], count: int = 60) -> list[str]:
    """Supported claims about other evidence, the same ones every time."""
    supported = [other for other in pairs if other.supported and other.group != pair.group]
    start = int.from_bytes(hashlib.sha256(pair.id.encode()).digest()[:4]) % max(1, len(supported))
    return [other.claim for other in (*supported[start:], *supported[:start])[:count]]


def _cases(path: Path, format: str) -> Iterator[Labelled]:
    for case in load(path, format).cases():
        supported = case.extra.get("supported")
        if supported is not None and case.documents:
            texts = tuple(document.content.text for document in case.documents)
            yield Labelled(case.id, case.query.text, texts, bool(supported), case.cluster)
