"""Reranker: images under a policy, calibrators, settings, and its written form."""

import asyncio
import math
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import ImageNode, MetadataMode, NodeWithScore, TextNode

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, NotFitted, UnknownComponent
from tamis.core.media import MediaPolicy
from tamis.models import LocalScorer
from tamis.rerankers import Calibrator, Reranker
from tamis.testing import FakeScorer

QUERY = "a red bus"


def passages(*texts: str) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=str(at), text=text), score=0.1) for at, text in enumerate(texts)]


def both_ways(reranker: Reranker, nodes: list[NodeWithScore], query: str = QUERY) -> list[NodeWithScore]:
    """What comes out, which must be the same on both paths."""
    found = reranker.postprocess_nodes(nodes, query_str=query)
    again = asyncio.run(reranker.apostprocess_nodes(nodes, query_str=query))
    assert [(one.node_id, one.score) for one in found] == [(one.node_id, one.score) for one in again]
    return found


@dataclass
class Says(LocalScorer):
    """Gives every passage the same log-odds, and remembers what it was asked."""

    log_odds: float = 1.0
    asked: list[list[Content]] = field(default_factory=list)

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        self.asked.append(list(passages))
        return [self.log_odds] * len(passages)


@dataclass
class Unpicklable(Says):
    """A scorer that holds what cannot be pickled."""

    lock: Callable[[], None] = lambda: None


class TestMedia:
    @pytest.fixture
    def picture(self, tmp_path: Path) -> Path:
        path = tmp_path / "bus.png"
        path.write_bytes(b"picture")
        return path

    def shown(self, picture: Path, **settings: Any) -> list[Any]:
        scorer = Says()
        nodes = [NodeWithScore(node=ImageNode(text="x", image_path=str(picture)))]
        both_ways(Reranker(scorer, **settings), nodes)
        return [batch[0].images[0] for batch in scorer.asked]

    def test_an_image_the_policy_allows_is_handed_over_as_bytes(self, picture: Path) -> None:
        policy = MediaPolicy(roots=(str(picture.parent),))
        assert [image.data for image in self.shown(picture, media=policy)] == [b"picture"] * 2

    @pytest.mark.parametrize("settings", [{}, {"media": MediaPolicy()}, {"media": {"roots": ["/nowhere"]}}])
    def test_any_other_is_not_opened(self, picture: Path, settings: dict[str, Any]) -> None:
        images = self.shown(picture, **settings)
        assert [(image.data, image.path) for image in images] == [(None, str(picture))] * 2

    def test_a_scorer_that_sees_no_images_has_none_read(self, picture: Path) -> None:
        class Blind(Says):
            modalities = frozenset({"text"})

        scorer = Blind()
        nodes = [NodeWithScore(node=ImageNode(text="x", image_path=str(picture)))]
        both_ways(Reranker(scorer, media=MediaPolicy(roots=(str(picture.parent),))), nodes)
        assert [batch[0].images[0].data for batch in scorer.asked] == [None, None]


class TestCalibrator:
    halved = Calibrator.from_dict({"method": "temperature", "parameters": {"slope": 0.5}})

    def test_turns_log_odds_into_the_score(self, tmp_path: Path) -> None:
        self.halved.save(tmp_path / "c.json")
        for calibrator in (self.halved, self.halved.to_dict(), tmp_path / "c.json", str(tmp_path / "c.json")):
            (found,) = both_ways(Reranker(FakeScorer({"a": 2.0}), calibrator), passages("a"))
            assert found.score == pytest.approx(0.7311, abs=1e-4)

    def test_unfitted_is_refused(self) -> None:
        with pytest.raises(NotFitted):
            Reranker(FakeScorer(), Calibrator())

    def test_fitted_for_another_scorer_is_refused_with_both_names(self) -> None:
        other = Calibrator.from_dict({**self.halved.to_dict(), "scorer": "cross-encoder"})
        with pytest.raises(BadSetting, match='fitted for the scorer "cross-encoder", not for "fake"'):
            Reranker(FakeScorer(), other)
        reranker = Reranker(FakeScorer(), Calibrator.from_dict({**other.to_dict(), "scorer": "fake"}))
        with pytest.raises(BadSetting, match="Says"):
            reranker.scorer = Says()
        assert reranker.scorer == FakeScorer()

    def test_fitted_for_the_kind_of_scorer_or_for_its_model_is_taken(self) -> None:
        class Named(Says):
            model = "small"

        for name in ("Named", "Named:small"):
            Reranker(Named(), Calibrator.from_dict({**self.halved.to_dict(), "scorer": name}))
        with pytest.raises(BadSetting, match='"Named:large", not for "Named:small"'):
            Reranker(Named(), Calibrator.from_dict({**self.halved.to_dict(), "scorer": "Named:large"}))

    def test_a_file_that_is_none_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"missing\.json"):
            Reranker(FakeScorer(), tmp_path / "missing.json")


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"top_n": 0}, "top_n is 0"),
            ({"top_n": -1}, "top_n is -1"),
            ({"top_n": 1.5}, "top_n is 1.5"),
            ({"batch_size": 0}, "batch_size is 0"),
            ({"deadline_s": 0}, "deadline_s is 0"),
            ({"deadline_s": -1.0}, r"deadline_s is -1\.0"),
            ({"deadline_s": math.nan}, "deadline_s is nan"),
            ({"scorer": None}, "needs a scorer"),
            ({"scorer": 5}, "the scorer is 5"),
            ({"scorer": FakeScorer}, "must be an object"),
            ({"fallback": object()}, "the scorer is <object"),
            ({"scorer": {"rule": "overlap"}}, "needs a name"),
            ({"scorer": {"name": "fake", "nonsense": 1}}, "nonsense"),
            ({"media": "everything"}, "media is 'everything'"),
            ({"media": {"root": ["/"]}}, "no setting root"),
            ({"calibrator": 5}, "calibrator is 5"),
        ],
    )
    def test_wrong_ones_are_refused_with_their_value(self, settings: dict[str, Any], message: str) -> None:
        with pytest.raises(BadSetting, match=message):
            Reranker(**{"scorer": FakeScorer(), **settings})

    def test_an_unknown_scorer_is_refused_with_those_that_exist(self) -> None:
        with pytest.raises(UnknownComponent, match='no scorer is called "nope"; known: cached, cross-encoder'):
            Reranker("nope")

    def test_a_refused_assignment_changes_nothing(self) -> None:
        reranker = Reranker(FakeScorer(), top_n=3)
        with pytest.raises(BadSetting):
            reranker.top_n = 0
        assert reranker.top_n == 3
        reranker.top_n = 1
        assert len(reranker.postprocess_nodes(passages("a", "b"), query_str=QUERY)) == 1


class TestWritten:
    full = Reranker(
        {"name": "fake", "scores": {"a": 1.0}},
        Calibrator.from_dict({"method": "platt", "parameters": {"slope": 2.0, "intercept": -1.0}}),
        5,
        batch_size=7,
        deadline_s=2.5,
        fallback="fake",
        media=MediaPolicy(roots=("/pictures",)),
        metadata_mode=MetadataMode.EMBED,
    )

    def test_comes_back_the_same_from_json(self) -> None:
        copy = Reranker.from_json(self.full.to_json())
        assert copy.to_dict() == self.full.to_dict()
        for name in ("scorer", "calibrator", "top_n", "batch_size", "deadline_s", "fallback", "media", "metadata_mode"):
            assert getattr(copy, name) == getattr(self.full, name)

    def test_loads_no_weights(self) -> None:
        written = Reranker({"name": "cross-encoder", "model": "no/such/model"}).to_json()
        assert Reranker.from_json(written).scorer.model == "no/such/model"

    def test_pickles(self) -> None:
        copy = pickle.loads(pickle.dumps(self.full))  # noqa: S301
        assert copy.to_dict() == self.full.to_dict()

    def test_a_scorer_that_does_not_pickle_is_never_replaced_by_the_default(self) -> None:
        reranker = Reranker(Unpicklable())
        with pytest.raises(UnknownComponent, match="Unpicklable has no name as a scorer"):
            pickle.dumps(reranker)

    def test_a_scorer_without_a_name_cannot_be_written_down(self) -> None:
        with pytest.raises(UnknownComponent, match="Says has no name as a scorer"):
            Reranker(Says()).to_json()
