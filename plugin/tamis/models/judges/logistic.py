"""Judges that weigh several features of a claim and its evidence, with weights fitted on public data."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, NamedTuple

from tamis.core.errors import BadInput

from ..judge import Verdict
from .features import Evidence, Features, evidence_of, features_of, states_facts
from .logistic_function import sigmoid
from .rules import TextJudge
from .text_vectors import TextVectors, vectors_of

NO_WORDS = "the claim has no content word"
NO_FACTS = "the claim has no number, date, name or word that could agree with the evidence"
COSINES = ("cosine",)
_TOLD = {
    "missing": "words that the evidence lacks",
    "coverage": "few of its words are in the evidence",
    "window": "no place of the evidence has most of its words",
    "bigrams": "its words are joined otherwise in the evidence",
    "order": "its words are in another order in the evidence",
    "numbers_missing": "a number that the evidence lacks",
    "dates_missing": "a date that the evidence lacks",
    "names_missing": "a name that the evidence lacks",
    "conflicts": "a negation against the evidence",
    "negations": "a negation that the evidence has not, or lacks",
    "opposites": "the opposite of a word of the evidence",
    "personal": "it speaks of persons who are not in the evidence",
    "question": "it asks",
    "cosine": "no sentence of the evidence is close in meaning",
}


class Weights(NamedTuple):
    """A fitted logistic model: P = sigmoid(intercept + sum of weight * feature); ``usual`` are the features' means."""

    intercept: float
    of: Mapping[str, float]
    usual: Mapping[str, float]

    def log_odds(self, features: Mapping[str, float]) -> float:
        """The log-odds of "supported"."""
        return self.intercept + math.fsum(weight * features[name] for name, weight in self.of.items())

    def reason(self, features: Mapping[str, float]) -> str:
        """What speaks most against the claim, or for it, compared with a usual one."""
        moved = {name: weight * (features[name] - self.usual[name]) for name, weight in self.of.items()}
        worst = min(moved, key=lambda name: moved[name])
        if self.log_odds(features) < 0:
            return f"unsupported: {_TOLD[worst]}"
        return "supported by the wording of the evidence" if moved[worst] > -1 else f"supported, but: {_TOLD[worst]}"


@cache
def weights_of(model: str) -> Weights:
    """The shipped weights of the judge of that name. Raises BadInput where there are none."""
    shipped = json.loads((files(__package__) / "logistic.json").read_text(encoding="utf-8"))
    if model not in shipped["models"]:
        raise BadInput(f'no weights are called "{model}"; known: {", ".join(shipped["models"])}')
    row = shipped["models"][model]
    return Weights(row["intercept"], row["weights"], row["usual"])


@dataclass(frozen=True)
class AgreementJudge(TextJudge):
    """P from facts alone: numbers, dates and names that the evidence lacks, negations and opposites against it.

    None for a claim that states none of these and shares no word with the evidence. No model is needed.
    """

    @property
    def name(self) -> str:
        """Its name."""
        return "agreement"

    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """See ``TextJudge``."""
        verdicts = _by_wording(self.name, claims, texts)
        return [
            verdict if states_facts(claim, evidence_of(known)) else Verdict(None, NO_FACTS)
            for claim, known, verdict in zip(claims, texts, verdicts, strict=True)
        ]


@dataclass(frozen=True)
class CoverageJudge(TextJudge):
    """P from the claim's words alone: how many the evidence has, near each other and in order. No model is needed."""

    @property
    def name(self) -> str:
        """Its name."""
        return "coverage"

    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """See ``TextJudge``."""
        return _by_wording(self.name, claims, texts)


@dataclass(frozen=True)
class FactsJudge(TextJudge):
    """P from wording and facts: coverage and order, numbers, dates, names, negation, opposites. No model is needed."""

    @property
    def name(self) -> str:
        """Its name."""
        return "facts"

    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """See ``TextJudge``."""
        return _by_wording(self.name, claims, texts)


@dataclass(frozen=True)
class _WithEmbedder(TextJudge):
    """Compares by vectors. Those of recent texts are kept, so that evidence is not embedded anew for every claim."""

    embedder: Any = None

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON. Raises UnknownComponent for an embedder without a name."""
        from .. import EMBEDDERS

        given = self.embedder
        return {"embedder": given if given is None or isinstance(given, str | dict) else EMBEDDERS.spec(given)}

    @cached_property
    def vectors(self) -> TextVectors:
        """The vectors of texts, made when they are first needed."""
        return vectors_of(self.embedder)


@dataclass(frozen=True)
class EmbeddingJudge(_WithEmbedder):
    """P from the claim's cosine to the closest sentence of the evidence.

    ``embedder`` is one of ``tamis.models.EMBEDDERS`` by name or as it is; the weights are those of the default one
    (all-MiniLM-L6-v2), and mean little with another. By itself it is weak, and on short answers worse than chance: a
    made-up sentence is closer in meaning to the evidence than a right answer of one word.
    """

    @property
    def name(self) -> str:
        """Its name."""
        return "embedding"

    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """See ``TextJudge``."""
        weights = weights_of(self.name)
        found = cosines(claims, [evidence_of(known) for known in texts], self.vectors)
        return [Verdict(sigmoid(weights.log_odds(row)), weights.reason(row)) for row in found]


@dataclass(frozen=True)
class CombinedJudge(_WithEmbedder):
    """P from wording, facts and embedding together. ``embedder`` as for ``EmbeddingJudge``.

    On the public data it is as good as "facts", which needs no embedder.
    """

    @property
    def name(self) -> str:
        """Its name."""
        return "combined"

    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """See ``TextJudge``."""
        known = [evidence_of(each) for each in texts]
        features = [features_of(claim, each) for claim, each in zip(claims, known, strict=True)]
        near = cosines(claims, known, self.vectors)
        return [_verdict(self.name, found, close) for found, close in zip(features, near, strict=True)]


def cosines(claims: Sequence[str], evidence: Sequence[Evidence], vectors: TextVectors) -> list[dict[str, float]]:
    """For each claim its highest cosine to a sentence of its evidence ("cosine")."""
    import numpy as np

    if not claims:
        return []
    pieces = [list(dict.fromkeys(each.sentences)) or list(each.texts) for each in evidence]
    wanted = [*claims, *(piece for row in pieces for piece in row)]
    place = {text: at for at, text in enumerate(dict.fromkeys(wanted))}
    rows = vectors.of(list(place))
    return [
        {"cosine": float(np.max(rows[[place[piece] for piece in row]] @ rows[place[claim]]))}
        for claim, row in zip(claims, pieces, strict=True)
    ]


def _by_wording(model: str, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
    return [
        _verdict(model, features_of(claim, evidence_of(known)), {}) for claim, known in zip(claims, texts, strict=True)
    ]


def _verdict(model: str, features: Features | None, near: Mapping[str, float]) -> Verdict:
    if features is None:
        return Verdict(None, NO_WORDS)
    weights = weights_of(model)
    row = {**features._asdict(), **near}
    return Verdict(sigmoid(weights.log_odds(row)), weights.reason(row))
