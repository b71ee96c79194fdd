"""ragas' metrics over our traces: its numbers where it has one, and an outcome with a reason where it has none."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting, MissingExtra
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.eval.attacks.attack import Attacked
from tamis.eval.bridges import RagasMetric
from tamis.eval.bridges.ragas_door import from_ragas
from tamis.eval.case import Case, Document
from tamis.eval.datasets import from_rows
from tamis.eval.evaluation import evaluate
from tamis.eval.metrics.metric import Observed
from tamis.eval.outcome import Failed, Scored, Unscored
from tamis.eval.suite import Suite
from tamis.eval.trace import Passage, Step, Trace
from tamis.eval.variant import CLEAN

Load = Callable[[str], Any]
See = Callable[..., Observed]

STATEMENTS = json.dumps({"statements": ["Paris is the capital.", "It has ten million people."]})
VERDICTS = json.dumps(
    {
        "statements": [
            {"statement": "Paris is the capital.", "reason": "said", "verdict": 1},
            {"statement": "It has ten million people.", "reason": "not said", "verdict": 0},
        ]
    }
)


def only(metric: RagasMetric, seen: Observed) -> Any:
    figures = metric.score(seen)
    assert list(figures) == [metric.name]
    return figures[metric.name]


def test_without_ragas_the_error_says_what_to_install() -> None:
    try:
        from_ragas("ragas")
    except MissingExtra as error:
        said = str(error)
    else:
        pytest.skip("ragas is installed here")
    assert "pip install 'tamis[ragas]'" in said
    with pytest.raises(MissingExtra, match=r"tamis\[ragas\]"):
        RagasMetric(object())


class TestWithoutAModel:
    def test_ids_and_texts_by_hand(self, ragas: Load, see: See) -> None:
        precision, recall = ragas("ragas.metrics._context_precision"), ragas("ragas.metrics._context_recall")
        other = Passage("x", Content("Nothing to do with anything that was asked here, nor with the reference."))
        seen = see([other, "a", "x"], gold=("a", "b"))
        for metric, value in [
            (precision.IDBasedContextPrecision(), 1 / 2),
            (recall.IDBasedContextRecall(), 1 / 2),
            (precision.NonLLMContextPrecisionWithReference(), (1 / 2 + 2 / 3) / 2),
            (recall.NonLLMContextRecall(), 1.0),
        ]:
            found = only(RagasMetric(metric), seen)
            assert isinstance(found, Scored), metric.name
            assert found.value == pytest.approx(value, abs=1e-9), metric.name

    def test_a_metric_of_the_newer_kind(self, ragas: Load, see: See) -> None:
        metric = RagasMetric(ragas("ragas.metrics.collections").ExactMatch())
        assert metric.score(see(["a"])) == {"ragas_exact_match": Scored(1.0)}
        assert metric.score(see(["a"], answer="Lyon.")) == {"ragas_exact_match": Scored(0.0)}

    def test_passages_are_judged_at_each_step_where_that_is_asked_for(self, ragas: Load, see: See) -> None:
        metric = ragas("ragas.metrics._context_precision").IDBasedContextPrecision()
        seen = see(["a", "x"], ["a"], answer=None)
        assert RagasMetric(metric, called="p").score(seen) == {"p": Scored(1.0)}
        each = RagasMetric(metric, called="p", each_step=True).score(seen)
        assert each == {"p [step 0]": Scored(0.5), "p [step 1]": Scored(1.0), "p [context]": Scored(1.0)}

    def test_what_is_missing_is_a_reason(self, ragas: Load, see: See) -> None:
        metrics = ragas("ragas.metrics._context_precision")
        by_id, by_text = (
            RagasMetric(kind())
            for kind in (metrics.IDBasedContextPrecision, metrics.NonLLMContextPrecisionWithReference)
        )
        exact = RagasMetric(ragas("ragas.metrics.collections").ExactMatch())
        assert only(by_id, see(["a"], gold=())) == Unscored("no relevant document of the case is known")
        assert only(by_id, see([])) == Unscored("the step gave no passage")
        assert only(by_id, see()) == Unscored("the target shows no steps")
        assert only(by_text, see(["a"], documents=())) == Unscored("the texts of the relevant documents are not known")
        assert only(exact, see(["a"], answers=())) == Unscored("no accepted answer is known")
        for answer in (None, "", " \n", "I cannot answer this question."):
            assert isinstance(only(exact, see(["a"], answer=answer)), Unscored), answer

    def test_a_column_that_only_the_data_has_comes_from_the_case(self, ragas: Load, see: See) -> None:
        def near(response: str, budget: float, unused: str = "default") -> float:
            return budget + len(unused)

        metric = ragas("ragas.metrics").numeric_metric(name="near", allowed_values=(0.0, 9.0))(near)
        assert only(RagasMetric(metric), see(["a"], budget=1.0)) == Scored(8.0)
        assert only(RagasMetric(metric), see(["a"])) == Unscored('the case has no "budget" in its extra')


class TestWhatIsNoNumber:
    def test_nan_is_unscored_with_what_ragas_said_of_it(
        self, ragas: Load, see: See, scripted: Callable[..., Any]
    ) -> None:
        silent = ragas("ragas.metrics._faithfulness").Faithfulness(llm=scripted(json.dumps({"statements": []})))
        assert only(RagasMetric(silent), see(["a"])) == Unscored("NaN: ragas gives no reason")
        recall = ragas("ragas.metrics._context_recall").LLMContextRecall(
            llm=scripted(json.dumps({"classifications": []}))
        )
        expected = Unscored("NaN: The LLM did not return a valid classification.")
        assert only(RagasMetric(recall), see(["a"])) == expected

    @pytest.mark.parametrize("error", [ValueError("the server is down"), KeyError("choices")])
    def test_an_exception_is_failed(
        self, ragas: Load, see: See, scripted: Callable[..., Any], error: Exception
    ) -> None:
        metric = ragas("ragas.metrics._faithfulness").Faithfulness(llm=scripted(error))
        metric.llm.set_run_config = lambda config: None
        metric.llm.run_config.max_retries = 1
        found = only(RagasMetric(metric), see(["a"]))
        assert isinstance(found, Failed)
        assert type(error).__name__ in found.error

    def test_prose_where_json_was_asked_for_is_failed(
        self, ragas: Load, see: See, scripted: Callable[..., Any]
    ) -> None:
        metric = RagasMetric(ragas("ragas.metrics._faithfulness").Faithfulness(llm=scripted("Looks fine to me!")))
        assert isinstance(only(metric, see(["a"])), Failed)

    def test_a_model_that_never_answers_is_failed(self, ragas: Load, see: See, scripted: Callable[..., Any]) -> None:
        class Silent(scripted):  # type: ignore[misc, valid-type]
            async def agenerate_text(self, prompt: Any, n: int = 1, **settings: Any) -> Any:
                await asyncio.Event().wait()

        metric = ragas("ragas.metrics._faithfulness").Faithfulness(llm=Silent("never"))
        assert only(RagasMetric(metric, deadline_s=0.05), see(["a"])) == Failed("no score within 0.05 s")

    def test_what_a_users_own_metric_gives(self, ragas: Load, see: See) -> None:
        metrics = ragas("ragas.metrics")

        def own(value: Any, allowed: Any) -> Any:
            def judge(response: str) -> Any:
                if isinstance(value, Exception):
                    raise value
                return value

            return metrics.discrete_metric(name="own", allowed_values=allowed)(judge)

        seen, words = see(["a"]), ["pass", "fail"]
        numbered = RagasMetric(own("fail", words), values={"pass": 1.0, "fail": 0.0})
        assert numbered.about.is_rate
        assert only(numbered, seen) == Scored(0.0)
        assert isinstance(only(RagasMetric(own("pass", words)), seen), Unscored)
        assert isinstance(only(RagasMetric(own("perhaps", words)), seen), Unscored)
        assert isinstance(only(RagasMetric(own(float("nan"), (0.0, 1.0))), seen), Unscored)
        assert isinstance(only(RagasMetric(own(float("inf"), (0.0, float("inf")))), seen), Failed)
        assert isinstance(only(RagasMetric(own(["a", "b"], 2)), seen), Failed)
        raised = only(RagasMetric(own(RuntimeError("broken"), words)), seen)
        assert isinstance(raised, Failed)
        assert "broken" in raised.error

    def test_settings_that_cannot_work_are_refused_at_once(self, ragas: Load) -> None:
        faithfulness = ragas("ragas.metrics._faithfulness").Faithfulness
        with pytest.raises(BadSetting, match=r"faithfulness.*no valid LLM"):
            RagasMetric(faithfulness())
        with pytest.raises(BadSetting, match="is no ragas metric"):
            RagasMetric(object())
        with pytest.raises(BadSetting, match="needs a model"):
            RagasMetric(ragas("ragas.metrics").DiscreteMetric(name="d", prompt="{response}"))
        exact = ragas("ragas.metrics.collections").ExactMatch()
        with pytest.raises(BadSetting, match="each_step"):
            RagasMetric(exact, each_step=True)
        with pytest.raises(BadSetting, match="deadline_s"):
            RagasMetric(exact, deadline_s=0)


class TestWithAModel:
    def test_faithfulness(self, ragas: Load, see: See, scripted: Callable[..., Any]) -> None:
        model = scripted(STATEMENTS, VERDICTS)
        metric = RagasMetric(ragas("ragas.metrics._faithfulness").Faithfulness(), llm=model)
        assert metric.score(see(["a"])) == {"ragas_faithfulness": Scored(0.5)}
        assert "a: Paris is the capital of France." in model.asked[1].to_string()

    def test_silence_and_refusals_are_not_put_to_the_model(
        self, ragas: Load, see: See, scripted: Callable[..., Any]
    ) -> None:
        model = scripted(STATEMENTS, VERDICTS)
        metric = RagasMetric(ragas("ragas.metrics._faithfulness").Faithfulness(llm=model))
        for answer in (None, "", "I don't know."):
            assert isinstance(only(metric, see(["a"], answer=answer)), Unscored)
        assert model.asked == []

    def test_a_users_prompt(self, ragas: Load, see: See, instructed: Callable[..., Any]) -> None:
        metric = ragas("ragas.metrics").DiscreteMetric(name="polite", prompt="Is {response} polite?")
        model = instructed(value="pass", reason="it is")
        assert only(RagasMetric(metric, llm=model, values={"pass": 1, "fail": 0}), see(["a"])) == Scored(1.0)
        assert model.asked == ["Is Paris. polite?"]

    def test_many_threads_and_a_running_loop(self, ragas: Load, see: See, scripted: Callable[..., Any]) -> None:
        faithfulness = ragas("ragas.metrics._faithfulness").Faithfulness
        none = RagasMetric(faithfulness(llm=scripted(json.dumps({"statements": []}))), called="none")
        exact = RagasMetric(ragas("ragas.metrics.collections").ExactMatch(), called="exact")
        seen = see(["a"])
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda number: only((none, exact)[number % 2], seen), range(32)))
        assert {type(one) for one in found[0::2]} == {Unscored}
        assert set(found[1::2]) == {Scored(1.0)}

        async def inside() -> Any:
            return only(exact, seen)

        assert asyncio.run(inside()) == Scored(1.0)


class TestImages:
    def test_they_reach_the_model_as_images_in_their_place(
        self,
        ragas: Load,
        see: See,
        scripted: Callable[..., Any],
        instructed: Callable[..., Any],
        with_picture: Passage,
    ) -> None:
        seen = see([with_picture, "b"])
        old = scripted('{"faithful": true}')
        metric = ragas("ragas.metrics._multi_modal_faithfulness").MultiModalFaithfulness(llm=old)
        assert only(RagasMetric(metric), seen) == Scored(1.0)
        shown = old.asked[0].to_messages()[0].content
        new = instructed(faithful=False, reason="no")
        assert only(RagasMetric(ragas("ragas.metrics.collections").MultiModalFaithfulness(llm=new)), seen) == Scored(0)
        for parts in (shown, new.asked[0][0]["content"]):
            kinds = [part["type"] for part in parts]
            at = kinds.index("image_url")
            assert kinds.count("image_url") == 1
            assert parts[at]["image_url"]["url"].startswith("data:image/png;base64,")
            assert "A red square." in parts[at - 1]["text"]
            assert "b: Paris" in "".join(part["text"] for part in parts[at + 1 :])

    def test_an_image_of_another_type_is_written_anew(
        self, ragas: Load, see: See, scripted: Callable[..., Any], picture: Callable[..., bytes]
    ) -> None:
        model = scripted('{"faithful": true}')
        metric = ragas("ragas.metrics._multi_modal_faithfulness").MultiModalFaithfulness(llm=model)
        seen = see([Passage("a", Content("", (Image(data=picture("BMP")),)))])
        assert only(RagasMetric(metric), seen) == Scored(1.0)
        assert [part["type"] for part in model.asked[0].to_messages()[0].content].count("image_url") == 1

    def test_only_what_the_policy_allows_is_opened(
        self, ragas: Load, see: See, scripted: Callable[..., Any], picture: Callable[..., bytes], tmp_path: Path
    ) -> None:
        (tmp_path / "red.png").write_bytes(picture())
        seen = see([Passage("a", Content("red", (Image(path=str(tmp_path / "red.png")),)))])
        model = scripted('{"faithful": true}')
        metric = ragas("ragas.metrics._multi_modal_faithfulness").MultiModalFaithfulness(llm=model)
        refused = only(RagasMetric(metric), seen)
        assert isinstance(refused, Failed)
        assert "MediaRefused" in refused.error
        assert model.asked == []
        allowed = RagasMetric(metric, policy=MediaPolicy(roots=(str(tmp_path),)))
        assert only(allowed, seen) == Scored(1.0)

    @pytest.mark.parametrize("where", ["passage", "answer"])
    def test_no_text_is_opened_as_a_file_or_fetched(
        self,
        ragas: Load,
        see: See,
        scripted: Callable[..., Any],
        instructed: Callable[..., Any],
        picture: Callable[..., bytes],
        tmp_path: Path,
        where: str,
    ) -> None:
        """Both multimodal kinds of ragas open what a text names; the net under the tests sees a name looked up."""
        (tmp_path / "secret.png").write_bytes(picture())
        old, new = scripted('{"faithful": true}'), instructed(faithful=True)
        metrics = (
            RagasMetric(ragas("ragas.metrics._multi_modal_faithfulness").MultiModalFaithfulness(llm=old)),
            RagasMetric(ragas("ragas.metrics.collections").MultiModalFaithfulness(llm=new)),
        )
        for name in (
            str(tmp_path / "secret.png"),
            "https://images.example.org/a.png",
            "http:x",
            "data:image/png;base64,aa",
        ):
            seen = see([Passage("a", Content(name))]) if where == "passage" else see(["a"], answer=name)
            for metric in metrics:
                assert only(metric, seen) == Scored(1.0)
        for parts in [*(one.to_messages()[0].content for one in old.asked), *(one[0]["content"] for one in new.asked)]:
            assert {part["type"] for part in parts} == {"text"}

    def test_a_metric_that_reads_none_says_so(
        self, ragas: Load, see: See, scripted: Callable[..., Any], with_picture: Passage
    ) -> None:
        faithfulness = ragas("ragas.metrics._faithfulness").Faithfulness
        model = scripted(STATEMENTS, VERDICTS)
        found = only(RagasMetric(faithfulness(llm=model)), see([with_picture]))
        assert isinstance(found, Unscored)
        assert "leave_out_images" in found.reason
        assert model.asked == []
        assert only(RagasMetric(faithfulness(llm=model), leave_out_images=True), see([with_picture])) == Scored(0.5)
        asked = see(["a"], query=Content("what is this?", with_picture.content.images))
        assert isinstance(only(RagasMetric(ragas("ragas.metrics.collections").ExactMatch()), asked), Scored)


class Echo:
    """A target that gives on its documents and answers with the first."""

    name = "echo"
    takes = frozenset({"documents"})

    async def run(self, request: Any) -> Trace:
        passages = tuple(Passage(one.id, one.content) for one in request.documents or ())
        return Trace((Step("retrieve", passages),), passages[0].content)

    async def close(self) -> None: ...


def test_in_a_run_it_is_a_metric_like_any_other(ragas: Load, tmp_path: Path) -> None:
    rows = [
        {
            "id": str(number),
            "question": "which?",
            "documents": [{"id": f"d{number}", "text": "red" if number % 2 else "green"}],
            "gold": [f"d{number}"],
            "answers": ["red"],
        }
        for number in range(12)
    ]
    metrics = (
        RagasMetric(ragas("ragas.metrics.collections").ExactMatch()),
        RagasMetric(ragas("ragas.metrics._context_recall").NonLLMContextRecall()),
    )
    written = []
    for workers in (1, 4):
        suite = Suite("bridge", metrics=metrics)
        run = evaluate(Echo(), from_rows(rows), suite, out=tmp_path / str(workers), workers=workers)
        written.append((tmp_path / str(workers) / "report.json").read_bytes())
        estimates = {one.figure: one for one in run.report.estimates}
        assert estimates["ragas_exact_match"].mean == 0.5
        assert estimates["ragas_non_llm_context_recall"].mean == 1.0
        assert estimates["ragas_exact_match"].scored == 12
    assert written[0] == written[1]


@pytest.mark.parametrize("before", ["", "import ragas._analytics; ragas._analytics.do_not_track()\n"])
def test_telemetry_is_off(ragas: Load, before: str) -> None:
    code = (
        "import os, warnings\nos.environ.pop('RAGAS_DO_NOT_TRACK', None)\nwarnings.simplefilter('ignore')\n"
        f"{before}from tamis.eval.bridges.ragas_door import from_ragas\n"
        "print(from_ragas('ragas._analytics').do_not_track())\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout == "True\n", run.stderr


def test_importing_the_room_loads_no_ragas() -> None:
    code = "import sys, tamis.eval.bridges as room; room.RagasMetric; room.in_ragas; print('ragas' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout == "False\n", run.stderr


def test_the_texts_of_documents_are_those_of_the_case(ragas: Load) -> None:
    """A relevant document that the case does not bring makes recall unknown, not higher."""
    metric = RagasMetric(ragas("ragas.metrics._context_recall").NonLLMContextRecall())
    case = Case("1", Content("q"), (Document("a", Content("text")),), {"a": 1, "b": 1})
    trace = Trace((Step("retrieve", (Passage("a", Content("text")),)),))
    assert isinstance(only(metric, Observed(case, CLEAN, Attacked(case.query), trace)), Unscored)
