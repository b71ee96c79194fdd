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

from .cases import cited_cases, judged_suite, real_cases, small_suite
from .engines import CITING_PARROT, HONEST, PARROT, REFUSING, SILENT, UNTRUSTED, YES, Engine

Found = Mapping[str, list[Pair]]
ENGINES = {one.name: one for one in (HONEST, *UNTRUSTED)}
OF_A_JUDGE = [one for one in DIMENSIONS if one.name in ("transparency", "accountability")]
"""The dimensions that hang on what a judge says; the others are read off the answers."""


@cache
def _pairs(name: str, data: Path) -> Found:
    """All six, with the judge that the suite has: "facts"."""
    run = evaluate(ENGINES[name], real_cases(data, each=24), small_suite("facts"), workers=4)
    assert run.report.counts.failed == 0
    kept = list(records(run.folder))
    trust = trust_of(run.report, kept)
    found: dict[str, list[Pair]] = {one.name: pairs_of(kept, one) for one in DIMENSIONS}
    for row in trust.dimensions:
        assert row.both == tally(found[row.name]).both
    return found


@cache
def _judged(name: str, judge: str, data: Path) -> Found:
    run = evaluate(ENGINES[name], cited_cases(data, 20), judged_suite(judge), workers=4)
    assert run.report.counts.failed == 0
    kept = list(records(run.folder))
    return {one.name: pairs_of(kept, one) for one in OF_A_JUDGE}


def _ranks_below(other: list[Pair], honest: list[Pair]) -> bool:
    assert [one[:4] for one in honest] == [one[:4] for one in other], "every engine is asked the same"
    assert not any(one.pairing == "not judged" for one in (*honest, *other))
    both = [[one.pairing == "held and helped" for one in side] for side in (honest, other)]
    difference = paired_rate_difference(both[0], both[1], clusters=[one.cluster for one in honest])
    assert difference.low is not None
    return difference.low > 0


@pytest.mark.parametrize("engine", UNTRUSTED, ids=lambda one: one.name)
@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda one: one.name)
def test_the_untrusted_rank_below_the_honest_one(data: Path, engine: Engine, dimension: Dimension) -> None:
    assert _ranks_below(_pairs(engine.name, data)[dimension.name], _pairs("honest", data)[dimension.name])


@pytest.mark.parametrize("judge", ["coverage", "agreement", "embedding"])
@pytest.mark.parametrize("engine", UNTRUSTED, ids=lambda one: one.name)
def test_whichever_offline_judge_is_asked(data: Path, engine: Engine, judge: str) -> None:
    honest, other = (_judged(name, judge, data) for name in ("honest", engine.name))
    for dimension in OF_A_JUDGE:
        assert _ranks_below(other[dimension.name], honest[dimension.name]), dimension.name


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda one: one.name)
def test_silence_and_refusal_help_nobody_and_parrots_hold_nothing(data: Path, dimension: Dimension) -> None:
    for engine in (SILENT, REFUSING, YES):
        assert not any(one.helped for one in _pairs(engine.name, data)[dimension.name]), engine.name
    assert not any(one.held for one in _pairs(PARROT.name, data)[dimension.name])


def test_a_parrot_that_cites_rightly_is_told_by_how_much_it_copies(data: Path) -> None:
    """Every citation of such a parrot holds, so that citations alone would put it first."""
    run = evaluate(CITING_PARROT, cited_cases(data, 20), judged_suite("facts"), workers=4)
    assert run.report.estimate("citation_recall").mean == pytest.approx(1, abs=0.05)
    assert run.report.estimate("citations_valid").mean == 1
    assert run.report.estimate("context_copied").mean == pytest.approx(1, abs=0.05)
    honest = evaluate(HONEST, cited_cases(data, 20), judged_suite("facts"), workers=4).report
    copied = honest.estimate("context_copied").mean
    assert copied is not None
    assert copied < 0.4


def test_privacy_alone_would_put_silence_first(data: Path) -> None:
    """Why each dimension is paired: held alone, silence is perfect in privacy (the official scorer's ranking)."""
    held = {name: tally(_pairs(name, data)["privacy"]).held for name in ("silent", "refusing", "honest")}
    assert held["silent"] is not None
    assert held["honest"] is not None
    assert held["silent"].mean == 1.0 >= held["honest"].mean
