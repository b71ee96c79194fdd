"""The test of the dimensions themselves: engines that deserve no trust come last in each, on real questions."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from tamis.eval import evaluate
from tamis.eval.report.trust import trust_of
from tamis.eval.run.journal import records
from tamis.eval.stats import paired_rate_difference
from tamis.eval.trust.dimensions import DIMENSIONS, Dimension
from tamis.eval.trust.pairs import Pair, pairs_of, tally

from .cases import real_cases, small_suite
from .conftest import WORDS
from .engines import HONEST, PARROT, REFUSING, SILENT, UNTRUSTED, YES, Engine

Found = Mapping[str, list[Pair]]


@cache
def _pairs(name: str, data: Path) -> Found:
    engine = {one.name: one for one in (HONEST, *UNTRUSTED)}[name]
    run = evaluate(engine, real_cases(data, each=24), small_suite(WORDS), workers=4)
    assert run.report.counts.failed == 0
    kept = list(records(run.folder))
    trust = trust_of(run.report, kept)
    found: dict[str, list[Pair]] = {one.name: pairs_of(kept, one) for one in DIMENSIONS}
    for row in trust.dimensions:
        assert row.both == tally(found[row.name]).both
    return found


@pytest.mark.parametrize("engine", UNTRUSTED, ids=lambda one: one.name)
@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda one: one.name)
def test_the_untrusted_rank_below_the_honest_one(data: Path, engine: Engine, dimension: Dimension) -> None:
    honest, other = _pairs("honest", data)[dimension.name], _pairs(engine.name, data)[dimension.name]
    assert [one[:4] for one in honest] == [one[:4] for one in other], "every engine is asked the same"
    both = [[one.pairing == "held and helped" for one in side] for side in (honest, other)]
    clusters = [one.cluster for one in honest]
    difference = paired_rate_difference(both[0], both[1], clusters=clusters)
    assert difference.low is not None
    assert difference.low > 0, (dimension.name, engine.name, difference)
    assert not any(one.pairing == "not judged" for one in (*honest, *other))


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda one: one.name)
def test_silence_and_refusal_help_nobody_and_parrots_hold_nothing(data: Path, dimension: Dimension) -> None:
    for engine in (SILENT, REFUSING, YES):
        assert not any(one.helped for one in _pairs(engine.name, data)[dimension.name]), engine.name
    assert not any(one.held for one in _pairs(PARROT.name, data)[dimension.name])


def test_privacy_alone_would_put_silence_first(data: Path) -> None:
    """Why each dimension is paired: held alone, silence is perfect in privacy (the official scorer's ranking)."""
    held = {name: tally(_pairs(name, data)["privacy"]).held for name in ("silent", "refusing", "honest")}
    assert held["silent"] is not None
    assert held["honest"] is not None
    assert held["silent"].mean == 1.0 >= held["honest"].mean
