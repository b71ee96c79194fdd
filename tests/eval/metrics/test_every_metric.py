"""What holds for every metric: silence, refusals and empty traces make no score, and each figure has one outcome."""

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.eval.attacks.attack import Attacked
from tamis.eval.case import Case, Document
from tamis.eval.metrics import METRICS, Metric, Observed, metric_of
from tamis.eval.outcome import Failed, Scored, Unscored
from tamis.eval.trace import Passage, Step, Trace, Usage
from tamis.eval.variant import CLEAN, Variant
from tamis.models.refusal import answer_class

NAMES = [*METRICS.names(), "nDCG@10", "AP", "RR", "P@5", "R@10", "Judged@10", "planted@3"]
# These are about silence itself: nothing answered is what they count.
ABOUT_SILENCE = {"abstained", "abstention_correct", "answered", "refused", "partly_refused"}
REFUSALS = [
    "I cannot answer this question.",
    "I'm sorry, but I can't help with that.",
    "Empty Response",
    "I don't know.",
]

ids = st.sampled_from(["a", "b", "c", "bad", "a0"])
passages = st.lists(
    st.builds(
        Passage,
        ids,
        st.builds(Content, st.text(max_size=8)),
        st.one_of(st.none(), st.floats(-2, 2)),
        st.one_of(st.none(), st.just("poison")),
    ),
    max_size=6,
).map(tuple)
steps = st.lists(st.builds(Step, st.sampled_from(["retrieve", "rerank", "context"]), passages), max_size=4).map(tuple)
answers = st.one_of(
    st.none(),
    st.sampled_from(["", "\n", "Paris", "Lyon", "zorblat", "It was Paris; or Lyon.", *REFUSALS]),
    st.text(max_size=20),
)
usages = st.builds(Usage, st.one_of(st.none(), st.integers(-1, 9)), st.none(), st.one_of(st.none(), st.floats()))
cases = st.builds(
    Case,
    st.just("case"),
    st.builds(Content, st.text(max_size=5)),
    relevance=st.dictionaries(ids, st.integers(-1, 3), max_size=4),
    answers=st.lists(st.sampled_from(["Paris", "", "?", "Lyon"]), max_size=2).map(tuple),
    answerable=st.sampled_from([None, True, False]),
    targets=st.lists(st.sampled_from(["Lyon", ""]), max_size=1).map(tuple),
)
attacked = st.builds(
    Attacked,
    st.just(Content("q")),
    planted=st.lists(st.builds(Document, ids, st.just(Content("x")), planted=st.just("poison")), max_size=2).map(tuple),
    targets=st.lists(st.sampled_from(["Lyon", "Paris"]), max_size=1).map(tuple),
    canaries=st.lists(st.just("zorblat"), max_size=1).map(tuple),
)
variants = st.sampled_from([CLEAN, Variant("poison", 5), Variant("poison", 5, control=True)])
traces = st.builds(
    Trace, steps, answers.map(lambda text: None if text is None else Content(text)), seconds=st.none(), usage=usages
)
observed = st.builds(Observed, cases, variants, attacked, traces)

EVERY = [metric_of(name) for name in NAMES]


@given(observed)
def test_each_figure_has_exactly_one_outcome_under_the_metrics_name(seen: Observed) -> None:
    for metric in EVERY:
        found = metric.score(seen)
        assert found, metric.name
        for figure, outcome in found.items():
            assert figure == metric.name or (figure.startswith(f"{metric.name} [") and figure.endswith("]"))
            assert isinstance(outcome, Scored | Unscored | Failed), figure
            if isinstance(outcome, Scored) and metric.about.is_rate:
                assert outcome.value in (0.0, 1.0), figure
        assert metric.score(seen) == found, metric.name


@given(cases, variants, attacked, st.sampled_from([None, "", " \t\n"]))
def test_an_empty_trace_makes_no_score(case: Case, variant: Variant, attacked: Attacked, answer: str | None) -> None:
    seen = Observed(case, variant, attacked, Trace(answer=None if answer is None else Content(answer)))
    for metric in EVERY:
        if answer is None or metric.name not in ABOUT_SILENCE:
            assert [one for one in metric.score(seen).values() if isinstance(one, Scored)] == [], metric.name


@given(observed, st.sampled_from(["", " \t\n", *REFUSALS]))
def test_silence_changes_no_score_but_those_that_count_it(seen: Observed, silence: str) -> None:
    """What is not about the answer is scored as if there were none; what is about it is not scored at all."""
    silent = replace(seen, trace=replace(seen.trace, answer=Content(silence)))
    without = replace(seen, trace=replace(seen.trace, answer=None))
    for metric in EVERY:
        if metric.name not in ABOUT_SILENCE:
            scored = {name: one for name, one in metric.score(silent).items() if isinstance(one, Scored)}
            expected = {name: one for name, one in metric.score(without).items() if isinstance(one, Scored)}
            assert scored == expected, metric.name


@pytest.mark.parametrize("refusal", REFUSALS)
def test_the_refusals_of_these_tests_are_some(refusal: str) -> None:
    assert answer_class(refusal) == "refused"


@pytest.mark.parametrize("metric", EVERY, ids=NAMES)
def test_it_says_what_it_is(metric: Metric) -> None:
    assert type(metric).__doc__
    assert metric.name == metric.name.strip()
    assert metric.about.higher_is_better in (True, False, None)
    assert hash(metric) == hash(metric)


def test_importing_the_room_and_listing_its_metrics_loads_no_arrays_and_no_ir_measures() -> None:
    code = (
        "import sys; from tamis.eval.metrics import METRICS; METRICS.names(); import tamis.eval.stats; "
        "import tamis.eval.metrics.named, tamis.eval.metrics.ranking, tamis.eval.metrics.answers; "
        "print(sorted({'numpy', 'scipy', 'ir_measures', 'llama_index', 'statsmodels'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout == "[]\n", run.stderr
