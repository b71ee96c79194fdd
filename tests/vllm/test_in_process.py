"""vllm.LLM in this process: log-odds of the Transformers back end on the same weights, caches that hit, steadiness."""

import asyncio
import os
import pickle
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, ScorerError
from tamis.core.image import Image
from tamis.models.chooser import Chooser, Writer
from tamis.models.counting import counted
from tamis.models.deadline import until
from tamis.models.template import template_of
from tamis.testing import check_scorer

from .conftest import BLUE, CONTEXT, PASSAGES, QUERIES, RED

if TYPE_CHECKING:
    from tamis.models.mllm import TransformersScorer
    from tamis.models.vllm import VllmScorer

TOLERANCE = 1e-4
"""float32 sums in another order; what was measured is below 1e-5."""


@pytest.mark.parametrize("kind", QUERIES)
def test_log_odds_are_those_of_transformers(kind: str, scorer: "VllmScorer", reference: "TransformersScorer") -> None:
    expected = reference.score(QUERIES[kind], PASSAGES)
    assert None not in expected
    assert len(set(expected)) == len(PASSAGES), "the weights do not tell the passages apart"
    assert scorer.score(QUERIES[kind], PASSAGES) == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("template", ["qwen3-vl-reranker", "ragvl", "lamra"])
def test_other_templates_too(
    template: str, checkpoint: str, scorer: "VllmScorer", reference: "TransformersScorer"
) -> None:
    """The engine is the same; only the prompts differ, as another scorer of the same model would make them."""
    from tamis.models.mllm.framing import frame_of

    query, passage = QUERIES["text"], PASSAGES[2]
    values = []
    for runtime in (reference.load(), scorer.load()):
        frame, runtime.frame = runtime.frame, frame_of(runtime.checkpoint, runtime.chat, template, None)  # type: ignore[union-attr]
        try:
            values.append(runtime.score(query, [passage]))
        finally:
            runtime.frame = frame  # type: ignore[union-attr]
    assert values[1] == pytest.approx(values[0], abs=TOLERANCE)


def test_it_chooses_and_writes_as_transformers_does(scorer: "VllmScorer", reference: "TransformersScorer") -> None:
    assert isinstance(scorer, Chooser)
    assert isinstance(scorer, Writer)
    prompts = [template_of("tamis").prompt(query, PASSAGES[2]) for query in QUERIES.values()]
    labels = [["A", "B", "C"], ["Yes"], ["2", "1", "9", "Q"]]
    expected = reference.choose(prompts, labels)
    for mine, theirs in zip(scorer.choose(prompts, labels), expected, strict=True):
        assert mine == pytest.approx(theirs, abs=TOLERANCE)
    with pytest.raises(BadSetting, match="'neither one nor two' is not one token"):
        scorer.choose(prompts[:1], [["neither one nor two"]])
    written = scorer.write(prompts, max_tokens=6)
    # Bytes that are no whole character are shown in other ways by the two.
    for text, told in zip(written, reference.write(prompts, max_tokens=6), strict=True):
        assert text is not None
        assert told is not None
        assert text.rstrip("�") == told.rstrip("�")
        assert text


def test_it_keeps_a_scorers_contract(scorer: "VllmScorer") -> None:
    check_scorer(scorer).raise_if_failed()


def test_a_passage_that_comes_again_costs_its_query_alone(scorer: "VllmScorer") -> None:
    """vLLM keeps whole blocks of a prompt's beginning; the passage stands there first."""
    passage = [Content("The tower was built in the year 1889 and is 330 metres high. " * 40, (RED,))]
    with counted() as first:
        scorer.score(Content("how high is the tower"), passage)
    with counted() as second:
        scorer.score(Content("when was it built"), passage)
    before, after = first.to_dict(), second.to_dict()
    assert before["pairs"] == after["pairs"] == 1
    assert before["images"] == after["images"] == 1
    assert after["kv_hits"] == 1
    assert after["tokens_reused"] > 0.7 * (after["tokens_reused"] + after["tokens"])
    assert after["tokens"] < before["tokens"] / 2


def test_a_long_passage_is_cut_and_the_cut_is_counted(scorer: "VllmScorer") -> None:
    with counted() as counts:
        (score,) = scorer.score(QUERIES["text"], [Content("word " * 5000)])
    assert score is not None
    told = counts.to_dict()
    assert told["passages_cut"] == 1
    assert told["tokens_cut"] > 5000 - CONTEXT
    # Blocks that it shares with another test's prompt may come from the cache.
    assert told["tokens"] + told.get("tokens_reused", 0) == CONTEXT - 1


def test_what_cannot_be_scored_is_none_and_the_rest_is_scored(scorer: "VllmScorer", tmp_path: Path) -> None:
    broken = [
        Content("a broken image", (Image(data=b"these bytes are no picture"),)),
        Content("a forbidden one", (Image(path=str(tmp_path / "secret.png")),)),
        Content(),
    ]
    with counted() as counts:
        scores = scorer.score(QUERIES["text"], [*broken[:2], PASSAGES[0], broken[2]])
    assert [score is None for score in scores] == [True, True, False, True]
    assert scores[2] == pytest.approx(scorer.score(QUERIES["text"], PASSAGES[:1])[0], abs=TOLERANCE)
    assert counts.to_dict()["failures"] == 2


def test_calls_at_once_run_together_and_do_not_mix(scorer: "VllmScorer") -> None:
    texts = [Content(f"passage number {number}, which no other call has") for number in range(12)]
    alone = [scorer.score(QUERIES["text"], [text, PASSAGES[1]]) for text in texts]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda text: scorer.score(QUERIES["text"], [text, PASSAGES[1]]), texts))
    for mine, theirs in zip(together, alone, strict=True):
        assert mine == pytest.approx(theirs, abs=TOLERANCE)

    async def gathered() -> list[list[float | None]]:
        return await asyncio.gather(*(scorer.ascore(QUERIES["text"], [text, PASSAGES[1]]) for text in texts))

    for mine, theirs in zip(asyncio.run(gathered()), alone, strict=True):
        assert mine == pytest.approx(theirs, abs=TOLERANCE)


def test_at_the_callers_deadline_what_is_not_answered_is_none(scorer: "VllmScorer") -> None:
    many = [Content(f"{number} " + "a text that takes its time " * 300) for number in range(60)]
    started = time.monotonic()
    with until(started + 0.5):
        scores = scorer.score(QUERIES["text"], many)
    assert time.monotonic() - started < 2.5
    assert None in scores
    # What was left behind is not computed for nobody: the engine is free again at once.
    assert None not in scorer.score(QUERIES["text"], PASSAGES[:2])


def test_settings_and_pickles_leave_the_engine_behind(scorer: "VllmScorer") -> None:
    from tamis.models import SCORERS

    spec = SCORERS.spec(scorer)
    assert spec == {
        "name": "vllm",
        "model": scorer.model,
        "max_length": CONTEXT,
        "dtype": "float32",
        "enforce_eager": True,
    }
    assert SCORERS.build(spec) == scorer
    copy = pickle.loads(pickle.dumps(scorer))  # noqa: S301 - made on the same line
    assert copy == scorer
    assert copy._loaded == {}


def test_a_model_that_vllm_cannot_load_is_named(tmp_path: Path, environment: None) -> None:
    from tamis.models.vllm import VllmScorer

    folder = tmp_path / "no-model-here"
    folder.mkdir()
    scorer = VllmScorer(str(folder), dtype="float32", enforce_eager=True)
    for _ in range(2):
        with pytest.raises(BadInput, match="no-model-here"):
            scorer.score(QUERIES["text"], PASSAGES[:1])


# The last one: it ends the engine that the others use.
def test_an_engine_that_dies_costs_the_calls_under_way_and_is_started_again(
    scorer: "VllmScorer", reference: "TransformersScorer"
) -> None:
    scorer.load()
    before = set(_children())
    assert before, "the engine has no process of its own"
    outcome: list[Any] = []

    def stream() -> None:
        """Asks until a call is under way while the engine dies: it raises, or gives None where nothing was answered."""
        number = 0
        while not outcome:
            number += 1
            try:
                scores = scorer.score(QUERIES["text"], [Content(f"{number} " + "words " * 200) for _ in range(8)])
            except ScorerError as error:
                outcome.append(str(error))
            else:
                if None in scores:
                    outcome.append(scores)

    caller = threading.Thread(target=stream, daemon=True)
    caller.start()
    time.sleep(0.5)
    for child in before:
        os.kill(child, signal.SIGKILL)
    started = time.monotonic()
    caller.join(timeout=90)
    assert not caller.is_alive(), "a call under way was never told that the engine is gone"
    assert time.monotonic() - started < 10, "it was told late"
    assert scorer.model in outcome[0] if isinstance(outcome[0], str) else None in outcome[0]
    expected = reference.score(QUERIES["image"], [Content("after the fall", (BLUE,))])
    assert scorer.score(QUERIES["image"], [Content("after the fall", (BLUE,))]) == pytest.approx(
        expected, abs=TOLERANCE
    )
    scorer.close()
    assert not [child for child in _children() if child not in before and _is_engine(child)]


def _children() -> list[int]:
    """The engine's processes among those below this one."""
    import psutil

    return [child.pid for child in psutil.Process().children(recursive=True) if _is_engine(child.pid)]


def _is_engine(pid: int) -> bool:
    import psutil

    try:
        return "EngineCore" in " ".join([psutil.Process(pid).name(), *psutil.Process(pid).cmdline()])
    except psutil.NoSuchProcess:
        return False
