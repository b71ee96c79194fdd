"""Metrics by name: ir-measures' grammar, ours, settings, and a plain no for the rest."""

import pytest

from tamis.core.errors import BadSetting, UnknownComponent
from tamis.eval.metrics import METRICS, metric_of
from tamis.eval.metrics.answers import AnswerF1
from tamis.eval.metrics.planted import PlantedShare
from tamis.eval.metrics.ranking import Ranking


@pytest.mark.parametrize("name", ["nDCG@10", "AP", "RR", "P@5", "R@10", "Judged@10", "planted@3", "answer_f1", "mSD"])
def test_a_metric_has_the_name_that_it_is_asked_for_by(name: str) -> None:
    assert metric_of(name).name == name
    assert metric_of({"name": name}).name == name


def test_settings_and_aliases() -> None:
    assert metric_of({"name": "planted", "k": 7}) == PlantedShare(7)
    assert metric_of("planted@7") == PlantedShare(7)
    assert metric_of("MAP") == Ranking("AP") or metric_of("MAP").name == "AP"
    assert metric_of({"name": "mSD", "scale": "unit"}).name == "mSD(unit)"
    assert metric_of(AnswerF1()) == AnswerF1()
    assert METRICS.spec(metric_of("P(rel=2)@5")) == {"name": "ranking", "measure": "P(rel=2)@5"}
    assert metric_of(METRICS.spec(PlantedShare(4))) == PlantedShare(4)


def test_what_is_no_metric_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnknownComponent, match=r'"answer_f2".*answer_f1.*nDCG@10'):
        metric_of("answer_f2")
    with pytest.raises(UnknownComponent, match="nope"):
        metric_of({"name": "nope", "k": 1})
    with pytest.raises(BadSetting, match="colour"):
        metric_of({"name": "answer_f1", "colour": "red"})
    with pytest.raises(BadSetting, match="planted@k"):
        metric_of("planted@0")


def test_every_registered_metric_is_called_as_it_is_registered() -> None:
    for name in METRICS.names():
        found = metric_of(name).name
        assert found == name or name in ("ranking", "planted"), name
