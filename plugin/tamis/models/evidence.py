"""The embedded default scorer: a logistic model over what retrieval already knows of each candidate."""

import json
import math
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from .echoes import is_echo
from .embedder import Embedder
from .evidence_features import (
    RANKING_FEATURES,
    bm25_shares,
    longness,
    margins,
    ranking_features,
    terms_of,
)
from .scorer import Evidence, Hit, LocalScorer, checked_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

ANY_EMBEDDER = "any"
_AHEAD = 1e-6
"""Log-odds by which a candidate is ahead of another: what rounding cannot turn round, and nobody can tell."""
_NOTHING: Evidence = {}


class Odds(NamedTuple):
    """How rank scores become log-odds of "relevant":
    ``intercept + rank * score + lead * (score's lead over the best other) + level * best cosine``.

    Only the intercept may be negative: log-odds order candidates as their rank scores do, and a better match never
    makes an answer less likely.
    """

    intercept: float
    rank: float
    lead: float
    level: float


class LogisticModel(NamedTuple):
    """The fitted weights: a candidate's rank score is ``ranking . features``, its log-odds those of ``short`` and
    ``long`` questions mixed by ``longness``. Long ones often ask for several things: their best cosine is lower, and
    a passage that is behind another is not on that account less relevant.

    ``ranking`` has shape (len(RANKING_FEATURES),).
    """

    ranking: "Vector"
    short: Odds
    long: Odds

    def log_odds(self, cosines: "Vector", features: "Vector", longness: float) -> "Vector":
        """Log-odds for the candidates of one query, shape (n,), from (n,), (n, len(RANKING_FEATURES)) and [0, 1]."""
        mixed = Odds(*((1 - longness) * short + longness * long for short, long in zip(*self[1:], strict=True)))
        score: Vector = features @ self.ranking
        # Two equally good candidates are each less sure than one good candidate that stands alone.
        odds: Vector = mixed.rank * score + mixed.lead * margins(score)
        return odds + (mixed.intercept + mixed.level * float(cosines.max()))

    def to_dict(self) -> dict[str, Any]:
        """The weights by name, as JSON."""
        ranking = dict(zip(RANKING_FEATURES, self.ranking.tolist(), strict=True))
        return {"ranking": ranking, "short": self.short._asdict(), "long": self.long._asdict()}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "LogisticModel":
        """A model from what ``to_dict`` gave."""
        ranking = np.array([float(row["ranking"][name]) for name in RANKING_FEATURES])
        return cls(ranking, Odds(**row["short"]), Odds(**row["long"]))


class Candidates(NamedTuple):
    """One question's candidates in numbers: shapes (n,) and (n, len(RANKING_FEATURES)), and how long the question is.

    ``others`` are the places of those that do not repeat the question, where some do and some do not, with their
    features among themselves: whoever repeats a question may have written for it to be found (PoisonedRAG, Zou et al.
    2024), and how far it is ahead of the others says nothing of them.
    """

    cosines: "Vector"
    features: "Vector"
    longness: float
    others: "NDArray[np.intp]"
    others_features: "Vector"

    @classmethod
    def of(cls, question: str, texts: Sequence[str], cosines: "Vector", bm25: "Vector | None") -> "Candidates":
        """The numbers of ``texts`` from their cosines and shares of the highest BM25, both of shape (n,).

        Without ``bm25`` it is that of the texts alone.
        """
        wanted, terms = terms_of(question), [terms_of(text) for text in texts]
        bm25 = bm25_shares(wanted, terms) if bm25 is None else bm25
        features = ranking_features(wanted, terms, cosines, bm25)
        others = np.flatnonzero([not is_echo(text, question) for text in texts])
        if len(others) in (0, len(texts)):
            return cls(cosines, features, longness(wanted), others[:0], features[:0])
        among_themselves = ranking_features(wanted, [terms[i] for i in others], cosines[others], bm25[others])
        return cls(cosines, features, longness(wanted), others, among_themselves)

    def log_odds(self, model: LogisticModel) -> "Vector":
        """Log-odds of "relevant" under a model, shape (n,).

        One that repeats the question stays above those that the comparison of all puts behind it.
        """
        among_all = model.log_odds(self.cosines, self.features, self.longness)
        if not len(self.others):
            return among_all
        odds = among_all.copy()
        odds[self.others] = model.log_odds(self.cosines[self.others], self.others_features, self.longness)
        highest, others = -np.inf, set(self.others.tolist())
        for i in np.argsort(among_all, kind="stable").tolist():
            if i not in others:
                odds[i] = max(odds[i], highest + _AHEAD)
            highest = max(highest, odds[i])
        return odds


class CountPrior(NamedTuple):
    """How many of a question's candidates are relevant, beyond what their log-odds say when taken one by one.

    ``weights[m]`` is for m relevant ones, the last also for more; ``sharpness`` multiplies log-odds.
    """

    weights: tuple[float, ...]
    sharpness: float


@cache
def _shipped() -> Mapping[str, Any]:
    stored: Mapping[str, Any] = json.loads((files("tamis.models") / "evidence.json").read_text(encoding="utf-8"))
    return stored


def shipped_counts() -> CountPrior:
    """The prior fitted together with the models: what the default policy of a pipeline takes for granted.

    Candidates are not independent: mostly one passage answers, however many look alike. Where two stand out, taking
    them as independent overrates the chance that neither answers.
    """
    stored = _shipped()["counts"]
    return CountPrior(tuple(float(weight) for weight in stored["weights"]), float(stored["sharpness"]))


@cache
def shipped_models() -> Mapping[str, LogisticModel]:
    """The fitted models by embedder name; "any" uses no raw cosine and so fits every embedder.

    They are written by ``benchmarks/fit_default_scorer.py``, which is also the record of what they were fitted on.
    """
    return {name: LogisticModel.from_dict(row) for name, row in _shipped()["models"].items()}


@dataclass(frozen=True)
class EvidenceScorer(LocalScorer):
    """Scores passages from dense similarity, BM25, their ranks and leads among the candidates, and term coverage.

    A passage that repeats the question (``tamis.models.echoes``) is compared with all, the others with each other.

    What retrieval found out (``Hit``s) is used; what is missing is computed: BM25 over the candidates alone, cosines
    with ``embedder``, whose vectors are remembered, ``remembered`` of them. A passage with neither text nor a dense hit
    cannot be scored, and a hit whose score is NaN or infinite is one without a score.
    ``models`` are fitted weights by embedder name; the shipped ones by default.
    """

    embedder: Any = None
    models: Mapping[str, LogisticModel] = field(default_factory=shipped_models, repr=False, compare=False)
    remembered: int = 20_000
    _vectors: "OrderedDict[str, Vector]" = field(default_factory=OrderedDict, init=False, repr=False, compare=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        from . import EMBEDDERS

        if not (isinstance(self.remembered, int) and self.remembered >= 0):
            raise BadSetting(f"remembered must be a number of vectors, 0 or more; it is {self.remembered!r}")
        object.__setattr__(self, "embedder", EMBEDDERS.build(self.embedder or "sentence-transformers"))

    @property
    def modalities(self) -> frozenset[str]:
        """What it looks at: text. An image counts by what retrieval found out about it."""
        return frozenset({"text"})

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON. Models that are not the shipped ones are not among them."""
        from . import EMBEDDERS

        return {"embedder": EMBEDDERS.spec(self.embedder), "remembered": self.remembered}

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """Log-odds of "relevant" with all evidence computed here."""
        return self.score_evidence(query, passages, [_NOTHING] * len(passages))

    def score_evidence(
        self, query: Content, passages: Sequence[Content], evidence: Sequence[Evidence]
    ) -> list[float | None]:
        """Log-odds of "relevant" with what retrieval already found out about each passage."""
        scores: list[float | None] = [None] * len(passages)
        usable = [i for i, passage in enumerate(passages) if passage.text.strip() or evidence[i].get("dense")]
        if not usable or not query:
            return scores
        texts = [passages[i].text for i in usable]
        found = [evidence[i] for i in usable]
        model, cosines = self._cosines(query, texts, found)
        candidates = Candidates.of(query.text, texts, cosines, _bm25(found))
        log_odds = candidates.log_odds(self.models.get(model) or self.models[ANY_EMBEDDER])
        for i, value in zip(usable, checked_scores(log_odds.tolist(), len(usable)), strict=True):
            scores[i] = value
        return scores

    def _cosines(self, query: Content, texts: Sequence[str], evidence: Sequence[Evidence]) -> tuple[str, "Vector"]:
        """Which embedder the cosines come from, and one for each text."""
        hits = [one.get("dense") for one in evidence]
        found = [_score(hit) for hit in hits]
        known = [score for score in found if score is not None]
        if not known:
            embedder: Embedder = self.embedder
            return embedder.name, self._embedded(query, texts)
        # A passage that the dense search did not return lies below the last one that it did.
        floor = min(known)
        values = [floor if score is None else score for score in found]
        model = next(hit.model for hit in hits if hit is not None and _score(hit) is not None)
        return model or ANY_EMBEDDER, np.array(values, dtype=float)

    def _embedded(self, query: Content, texts: Sequence[str]) -> "Vector":
        embedder: Embedder = self.embedder
        # Taken out at once: another thread may make the scorer forget them while this one embeds the others.
        with self._lock:
            vectors = {text: self._vectors[text] for text in texts if text in self._vectors}
        missing = [text for text in dict.fromkeys(texts) if text not in vectors]
        vectors.update(zip(missing, embedder.embed([Content(text) for text in missing]), strict=True))
        asked = embedder.embed([Content(query.text)], "query")[0]
        with self._lock:
            for text in texts:
                self._vectors[text] = vectors[text]
                self._vectors.move_to_end(text)
            while len(self._vectors) > self.remembered:
                self._vectors.popitem(last=False)
        cosines: Vector = (np.stack([vectors[text] for text in texts]) @ asked).astype(float)
        return cosines

    def __getstate__(self) -> dict[str, Any]:
        return {"embedder": self.embedder, "remembered": self.remembered, "models": self.models}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {**state, "_vectors": OrderedDict(), "_lock": threading.Lock()}.items():
            object.__setattr__(self, name, value)


def _score(hit: Hit | None) -> float | None:
    """The score of a hit, None where there is none to go by."""
    return None if hit is None or hit.score is None or not math.isfinite(hit.score) else hit.score


def _bm25(evidence: Sequence[Evidence]) -> "Vector | None":
    """Shares of the highest BM25 score possible, from retrieval where it knows all of them, else None."""
    shares = [_share(one.get("bm25")) for one in evidence]
    known = [share for share in shares if share is not None]
    return np.array(known) if len(known) == len(shares) else None


def _share(hit: Hit | None) -> float | None:
    """The score of a hit as a share of its ceiling, None where either is missing."""
    score = _score(hit)
    if hit is None or score is None or not hit.ceiling or not math.isfinite(hit.ceiling):
        return None
    return score / hit.ceiling
