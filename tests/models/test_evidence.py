"""The default scorer: what it makes of evidence, and what it does where there is none."""

import math
import pickle
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.image import Image
from tamis.models import SCORERS, Hit
from tamis.models.embedder import Role
from tamis.models.evidence import ANY_EMBEDDER, EvidenceScorer, LogisticModel, Odds, shipped_models
from tamis.models.evidence_features import (
    RANKING_FEATURES,
    bm25_shares,
    log_ranks,
    longness,
    margins,
    ranking_features,
    size_of,
    standard_scores,
    terms_of,
)
from tamis.testing import FakeEmbedder

QUERY = Content("When was the Nobel prize in physics first awarded?")
PASSAGES = [
    Content("The Nobel prize in physics was first awarded in 1901, to Wilhelm Röntgen."),
    Content("The Nobel prize in chemistry was awarded to Marie Curie in 1911."),
    Content("Bread is baked from flour, water and salt."),
]


def scorer() -> EvidenceScorer:
    return EvidenceScorer(embedder=FakeEmbedder())


def test_the_passage_that_answers_scores_highest_and_the_stranger_lowest() -> None:
    scores = scorer().score(QUERY, PASSAGES)
    assert all(score is not None for score in scores)
    answer, neighbour, stranger = (score or 0.0 for score in scores)
    assert answer > neighbour > stranger


def test_what_repeats_the_question_says_nothing_of_the_others() -> None:
    planted = [Content(f"{QUERY.text} It was in {year}.") for year in (1777, 1778)]
    cosines = (0.95, 0.6, 0.4, 0.1, 0.94)
    found = [{"dense": Hit(one, 1, 1.0, "m"), "bm25": Hit(10 * one, 1, 10.0)} for one in cosines]
    clean = scorer().score_evidence(QUERY, PASSAGES, found[1:4])
    among = scorer().score_evidence(QUERY, [planted[0], *PASSAGES, planted[1]], found)
    assert among[1:4] == clean
    assert min(among[0] or -99.0, among[4] or -99.0) > max(score or -99.0 for score in clean)


def test_where_all_repeat_the_question_they_are_compared_with_each_other() -> None:
    both = [Content(f"{QUERY.text} {answer}") for answer in ("It was in 1901, in Stockholm.", "Bread and salt.")]
    first, second = scorer().score(QUERY, both)
    assert None not in (first, second)
    assert first != second


def test_evidence_of_retrieval_is_used_instead_of_computing_it_again() -> None:
    found = [
        {"dense": Hit(cosine, 1, 1.0, "somebody's"), "bm25": Hit(bm25, 1, 10.0)}
        for cosine, bm25 in ((0.1, 0.0), (0.2, 0.0), (0.9, 9.0))
    ]
    scores = scorer().score_evidence(QUERY, PASSAGES, found)
    assert max(range(3), key=lambda i: scores[i] or -99.0) == 2


def test_a_passage_that_dense_search_did_not_return_lies_at_the_last_one_that_it_did() -> None:
    some = [{"dense": Hit(0.8, 1, 1.0, "m")}, {"dense": Hit(0.4, 2, 1.0, "m")}, {"bm25": Hit(1.0, 1, 2.0)}]
    all_known = [*some[:2], {**some[2], "dense": Hit(0.4, None, 1.0, "m")}]
    assert scorer().score_evidence(QUERY, PASSAGES, some) == scorer().score_evidence(QUERY, PASSAGES, all_known)


def test_what_holds_nothing_gets_none_and_the_others_are_scored() -> None:
    passages = [PASSAGES[0], Content(), Content("  "), Content(images=(Image(data=b"x"),))]
    scores = scorer().score(QUERY, passages)
    assert scores[0] is not None
    assert scores[1:] == [None, None, None]


def test_an_image_that_the_store_found_is_scored_by_its_cosine() -> None:
    picture = Content(images=(Image(data=b"x"),))
    scores = scorer().score_evidence(QUERY, [picture, PASSAGES[2]], [{"dense": Hit(0.9)}, {"dense": Hit(0.1)}])
    assert scores[0] is not None
    assert scores[1] is not None
    assert scores[0] > scores[1]


def test_no_passages_and_an_empty_query() -> None:
    assert scorer().score(QUERY, []) == []
    assert scorer().score(Content(), PASSAGES) == [None, None, None]


def test_scores_do_not_depend_on_the_order_of_passages() -> None:
    forward = scorer().score(QUERY, PASSAGES)
    backward = scorer().score(QUERY, PASSAGES[::-1])
    assert forward == pytest.approx(backward[::-1])


def test_vectors_are_remembered_up_to_a_number() -> None:
    own = EvidenceScorer(embedder=FakeEmbedder(), remembered=2)
    own.score(QUERY, PASSAGES)
    assert len(own._vectors) == 2
    assert own.score(QUERY, PASSAGES) == scorer().score(QUERY, PASSAGES)


@pytest.mark.parametrize("remembered", [-1, 0.5, "x"])
def test_a_number_of_vectors_that_is_none_is_refused(remembered: Any) -> None:
    with pytest.raises(BadSetting, match="remembered"):
        EvidenceScorer(embedder=FakeEmbedder(), remembered=remembered)


@dataclass(frozen=True)
class Waiting:
    """An embedder that another call overtakes while it embeds the passage that says "wait"."""

    inner: FakeEmbedder = field(default_factory=FakeEmbedder)
    began: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    name: str = "waiting"
    dimensions: int = 384
    modalities: frozenset[str] = frozenset({"text"})

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> NDArray[np.float32]:
        if any(content.text == "wait" for content in contents):
            self.began.set()
            self.go_on.wait(10)
        return self.inner.embed(contents, role)


def test_vectors_that_another_thread_makes_it_forget_are_not_missed() -> None:
    embedder = Waiting()
    own = EvidenceScorer(embedder=embedder, remembered=1)
    own.score(QUERY, PASSAGES[:1])
    found: list[float | None] = []
    slow = threading.Thread(target=lambda: found.extend(own.score(QUERY, [PASSAGES[0], Content("wait")])))
    slow.start()
    assert embedder.began.wait(10)
    own.score(QUERY, PASSAGES[1:2])
    embedder.go_on.set()
    slow.join(10)
    assert found == scorer().score(QUERY, [PASSAGES[0], Content("wait")])


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_is_a_missing_one(broken: float) -> None:
    dense = [Hit(0.8, 1, 1.0, "m"), Hit(broken, 2, 1.0, "other"), Hit(0.4, 3, 1.0, "m")]
    none = [dense[0], Hit(None, 2, 1.0, "other"), dense[2]]
    scores = scorer().score_evidence(QUERY, PASSAGES, [{"dense": hit} for hit in dense[::-1]])
    assert None not in scores
    assert scores == scorer().score_evidence(QUERY, PASSAGES, [{"dense": hit} for hit in none[::-1]])
    lexical = [{"dense": hit, "bm25": Hit(bm25, 1, 10.0)} for hit, bm25 in zip(none, (9.0, broken, 1.0), strict=True)]
    assert scorer().score_evidence(QUERY, PASSAGES, lexical) == scorer().score_evidence(
        QUERY, PASSAGES, [{"dense": hit} for hit in none]
    )


def test_what_is_remembered_of_texts_is_bounded_in_bytes() -> None:
    from tamis.models import evidence_features

    kept = evidence_features._remembered
    assert kept.budget <= 2**26
    text = "Remembered once. " * 50_000
    assert terms_of(text) is terms_of(text)
    assert size_of(terms_of(text)) > 3_000_000
    assert 3_000_000 < kept.held <= kept.budget
    kept.clear()


def test_it_is_written_as_json_and_pickled() -> None:
    spec = SCORERS.spec(scorer())
    assert spec["name"] == "evidence"
    assert SCORERS.build(spec) == scorer()
    assert pickle.loads(pickle.dumps(scorer())).score(QUERY, PASSAGES) == scorer().score(QUERY, PASSAGES)  # noqa: S301


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", ANY_EMBEDDER])
def test_shipped_weights_keep_the_order_of_rank_scores(name: str) -> None:
    model = shipped_models()[name]
    for odds in (model.short, model.long):
        assert min(odds.rank, odds.lead, odds.level) >= 0
        assert max(odds.rank, odds.lead) > 0
    assert LogisticModel.from_dict(model.to_dict()).to_dict() == model.to_dict()


def test_the_weights_for_any_embedder_do_not_look_at_the_level_of_its_cosines() -> None:
    model = shipped_models()[ANY_EMBEDDER]
    assert (model.short.level, model.long.level) == (0, 0)


def test_log_odds_by_hand() -> None:
    short, long = Odds(-1.0, 2.0, 0.5, 3.0), Odds(-3.0, 4.0, 0.0, 1.0)
    model = LogisticModel(np.eye(len(RANKING_FEATURES))[0], short, long)
    features = np.zeros((2, len(RANKING_FEATURES)))
    features[:, 0] = [1.0, 0.2]
    cosines = np.array([0.6, 0.1])
    # Short: -1 + 3 x 0.6 = 0.8; the first 2 x 1 + 0.5 x 0.8, the second 2 x 0.2 - 0.5 x 0.8.
    assert model.log_odds(cosines, features, 0.0) == pytest.approx([0.8 + 2.4, 0.8 + 0.0])
    # Long: -3 + 0.6 = -2.4; 4 x 1 and 4 x 0.2. Half way between, every weight is the mean of both.
    assert model.log_odds(cosines, features, 1.0) == pytest.approx([1.6, -1.6])
    assert model.log_odds(cosines, features, 0.5) == pytest.approx([-0.8 + 3.2, -0.8 + 0.4])


@pytest.mark.parametrize(("terms", "expected"), [(0, 0.0), (1, 0.0), (5, 0.0), (10, 0.5), (20, 0.75)])
def test_longness_by_hand(terms: int, expected: float) -> None:
    assert longness(terms_of(" ".join(f"w{i}" for i in range(terms)))) == pytest.approx(expected)


def test_bm25_shares_by_hand() -> None:
    query, passages = terms_of("red bus"), [terms_of("red bus"), terms_of("red car"), terms_of("boat")]
    # Lengths 2, 2, 1; average 5/3. idf(red) = ln(1 + 1.5/2.5), idf(bus) = ln(1 + 2.5/1.5).
    red, bus = math.log(1.6), math.log(1 + 2.5 / 1.5)
    weight = 1 / (1 + 1.5 * (0.25 + 0.75 * 2 / (5 / 3)))
    assert bm25_shares(query, passages) == pytest.approx([weight, red * weight / (red + bus), 0.0])


def test_features_by_hand() -> None:
    query = terms_of("red bus in London")
    passages = [terms_of("A red bus. It stood in London."), terms_of("A boat.")]
    features = ranking_features(query, passages, np.array([0.5, 0.1]), np.array([0.4, 0.0]))
    by_name = dict(zip(RANKING_FEATURES, features.T.tolist(), strict=True))
    assert by_name["sentence"] == pytest.approx([2 / 3, 0.0])
    assert by_name["lead"] == pytest.approx([1.0, 0.0])
    assert by_name["cosine_log_rank"] == pytest.approx([0.0, math.log(2)])
    spread = math.sqrt((2 * 0.04 + 2 * 0.01) / 4)
    assert by_name["cosine"] == pytest.approx([0.2 / spread, -0.2 / spread])
    assert by_name["cosine_long"] == pytest.approx([0.2 / spread * math.log(3 / 5), -0.2 / spread * math.log(3 / 5)])


values = st.lists(st.floats(-1, 1), min_size=1, max_size=30)


@given(values)
def test_features_of_numbers_are_finite_and_keep_their_order(numbers: list[float]) -> None:
    array = np.array(numbers)
    order = np.argsort(array, kind="stable")
    for derived in (standard_scores(array, 0.1), margins(array), -log_ranks(array)):
        assert derived.shape == array.shape
        assert np.isfinite(derived).all()
        assert (np.diff(derived[order]) >= -1e-12).all()


def test_margins_and_ranks_of_ties() -> None:
    assert margins(np.array([3.0, 1.0, 3.0])).tolist() == [0.0, -2.0, 0.0]
    assert margins(np.array([3.0])).tolist() == [0.0]
    assert log_ranks(np.array([3.0, 1.0, 3.0])).tolist() == pytest.approx([0.0, math.log(3), 0.0])
