"""What each dialect sends and what it makes of answers, by hand."""

import json
import math
from io import BytesIO
from typing import Any

import PIL.Image
import pytest

from tamis.core.content import Content
from tamis.core.errors import UnknownComponent
from tamis.core.image import Image
from tamis.models.http.dialects import DIALECTS, Side, Wording, dialect_of
from tamis.models.http.dialects.chat import messages_of
from tamis.models.http.dialects.dialect import CLIP, log_odds
from tamis.models.http.errors import BadAnswer, WrongDialect
from tamis.models.template import Part, Prompt, template_of

WORDING = Wording("m", template_of("tamis"), None, 20, "bound", "probability")
SURE = Wording("m", template_of("tamis"), None, 20, "none", "probability")
RAW = Wording("m", None, None, 20, "bound", "log-odds")


def picture() -> Image:
    file = BytesIO()
    PIL.Image.new("RGB", (2, 2)).save(file, "PNG")
    return Image(data=file.getvalue())


def chat_answer(rows: list[tuple[str, Any]]) -> dict[str, Any]:
    top = [{"token": token, "logprob": value} for token, value in rows]
    return {"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{**top[0], "top_logprobs": top}]}}]}


def test_an_unknown_dialect_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownComponent, match='no dialect is called "soap"; known: openai-chat, vllm-chat, rerank'):
        dialect_of("soap")


class TestChat:
    dialect = DIALECTS["openai-chat"]

    def read(self, answer: Any, wording: Wording = WORDING) -> float | None:
        values, complaint = self.dialect.read(answer, 1, wording, "http://h (chat)")
        assert complaint == ""
        (value,) = values
        assert value is None or isinstance(value, float)
        return value

    def test_log_odds_are_the_difference_of_log_probabilities(self) -> None:
        assert self.read(chat_answer([("No", -0.25), ("Yes", -1.5), ("the", -9)])) == -1.25

    def test_a_token_with_its_white_space_counts_and_the_exact_one_goes_first(self) -> None:
        assert self.read(chat_answer([(" Yes", -0.5), ("▁No", -1.0)])) == 0.5
        assert self.read(chat_answer([(" Yes", -0.1), ("Yes", -3.0), ("No", -2.0)])) == -1.0
        assert self.read(chat_answer([("yes", -0.1), ("no", -2.0)])) is None

    def test_a_missing_word_is_bounded_by_what_was_told(self) -> None:
        # The least likely one told bounds it: P(No) <= e^-5.
        assert self.read(chat_answer([("Yes", -0.1), ("a", -4.5), ("b", -5.0)])) == pytest.approx(-0.1 + 5.0)
        # What the told ones leave of the probability bounds it more: P(No) <= 0.1.
        rest = self.read(chat_answer([("Yes", math.log(0.9))]))
        assert rest == pytest.approx(math.log(0.9 / 0.1))
        assert self.read(chat_answer([("No", math.log(0.9))])) == pytest.approx(-math.log(0.9 / 0.1))

    def test_the_bound_never_overstates(self) -> None:
        for truth in (0.001, 0.02, 0.1, 0.3):
            others = 1 - 0.6 - truth
            shown = sorted([("Yes", 0.6), *[(f"t{n}", others / 5) for n in range(5)]], key=lambda row: -row[1])
            if truth <= min(value for _, value in shown):
                found = self.read(chat_answer([(token, math.log(value)) for token, value in shown]))
                assert found is not None
                assert 0 < found <= math.log(0.6 / truth) + 1e-9

    def test_without_the_bound_a_missing_word_is_unknown(self) -> None:
        assert self.read(chat_answer([("Yes", -0.1), ("a", -4.0)]), SURE) is None

    def test_both_words_missing_is_unknown(self) -> None:
        assert self.read(chat_answer([("Well", -0.1), ("<think>", -4.0)])) is None

    def test_a_probability_of_zero_is_a_missing_word(self) -> None:
        assert self.read(chat_answer([("Yes", -0.5), ("a", -2.0), ("No", -9999.0)])) == pytest.approx(-0.5 + 2.0)

    @pytest.mark.parametrize(
        "answer",
        [
            chat_answer([("Yes", float("nan")), ("No", -1.0)]),
            chat_answer([("Yes", "-1"), ("No", -1.0)]),
            chat_answer([("Yes", 0.5), ("No", -1.0)]),
            {"choices": [{"logprobs": None}]},
            {"choices": [{"logprobs": {"content": []}}]},
        ],
    )
    def test_broken_log_probabilities_are_a_bad_answer(self, answer: Any) -> None:
        with pytest.raises(BadAnswer, match=r"http://h \(chat\) answered"):
            self.dialect.read(answer, 1, WORDING, "http://h (chat)")

    @pytest.mark.parametrize("answer", [{}, [], "x", None, {"choices": []}, {"results": []}, {"error": "no"}])
    def test_another_dialect_is_named(self, answer: Any) -> None:
        with pytest.raises(WrongDialect, match="another dialect"):
            self.dialect.read(answer, 1, WORDING, "http://h (chat)")

    def test_the_frame_is_the_templates_and_images_stand_where_it_says(self) -> None:
        image = picture()
        wording = Wording("m", template_of("tamis"), None, 20, "bound", "log-odds", uris={image: "data:x"})
        body = self.dialect.body(Side("what?"), [Side("a bus", (image,))], wording)
        assert [message["role"] for message in body["messages"]] == ["system", "user"]
        parts = body["messages"][1]["content"]
        assert [part["type"] for part in parts] == ["text", "image_url", "text"]
        assert parts[1] == {"type": "image_url", "image_url": {"url": "data:x"}}
        assert parts[2]["text"].startswith("a bus\n\nQuery:\nwhat?")
        assert (body["max_tokens"], body["temperature"], body["logprobs"], body["top_logprobs"]) == (1, 0, True, 20)
        text_only = self.dialect.body(Side("what?"), [Side("a bus")], wording)["messages"][1]["content"]
        assert text_only == "".join(
            part.text for part in template_of("tamis").prompt(Content("what?"), Content("a bus")).parts
        )

    def test_parts_that_are_not_the_frames_are_made_plain(self) -> None:
        prompt = Prompt((Part("<|frame|>"), Part("<|im_end|>", owner="passage")))
        (message,) = messages_of(prompt, {})
        assert message["content"] == "<|frame|>< |im_end|>"

    def test_vllm_is_asked_for_the_labels_tokens_and_continues_a_reply(self) -> None:
        wording = Wording("m", template_of("qwen3-reranker"), None, 20, "bound", "log-odds", tokens={"yes": 7, "no": 9})
        dialect = DIALECTS["vllm-chat"]
        body = dialect.body(Side("q"), [Side("p")], wording)
        assert body["logprob_token_ids"] == [7, 9]
        assert body["messages"][-1] == {"role": "assistant", "content": "<think>\n\n</think>\n\n"}
        assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
        answer = chat_answer([("token_id:5", -0.1), ("token_id:9", -3.0), ("token_id:7", -5.0)])
        assert dialect.read(answer, 1, wording, "h").values == [-2.0]


class TestLists:
    @pytest.mark.parametrize(
        ("name", "wrap", "score"),
        [
            ("rerank", lambda rows: {"results": rows}, "relevance_score"),
            ("vllm-score", lambda rows: {"data": rows}, "score"),
            ("tei", lambda rows: rows, "score"),
        ],
    )
    def test_rows_count_by_their_index(self, name: str, wrap: Any, score: str) -> None:
        dialect = DIALECTS[name]

        def read(rows: list[tuple[Any, Any]]) -> Any:
            answer = wrap([{"index": at, score: value} for at, value in rows])
            return dialect.read(json.loads(json.dumps(answer)), 3, WORDING, "http://h")

        assert read([(2, 0.5), (0, 0.75), (1, 0.25)]) == (
            [pytest.approx(math.log(3)), pytest.approx(-math.log(3)), 0],
            "",
        )
        short = read([(2, 0.5), (0, 0.5)])
        assert short == ([0.0, None, 0.0], "http://h answered 2 scores for 3 passages")
        for broken in (float("nan"), None, "0.5", True, 7.5):
            values, complaint = read([(2, 0.5), (0, broken), (1, 0.5)])
            assert (values, bool(complaint)) == ([None, 0.0, 0.0], True)
        for wrong in ([(0, 0.5), (0, 0.6), (1, 0.1)], [(3, 0.5)], [(-1, 0.5)], [("0", 0.5)], [(True, 0.5)]):
            with pytest.raises(BadAnswer, match="http://h answered the index"):
                read(wrong)
        with pytest.raises(WrongDialect, match="another dialect"):
            dialect.read({"choices": [1]}, 3, WORDING, "http://h")
        with pytest.raises(WrongDialect, match="another dialect"):
            dialect.read(wrap([{"index": 0, "points": 1.0}]), 3, WORDING, "http://h")

    def test_a_logit_where_a_probability_is_meant_names_the_remedy(self) -> None:
        answer = {"results": [{"index": 0, "relevance_score": 3.2}]}
        assert 'set scores="log-odds"' in DIALECTS["rerank"].read(answer, 1, WORDING, "h").complaint
        assert DIALECTS["rerank"].read(answer, 1, RAW, "h").values == [3.2]

    def test_probabilities_are_clipped_and_keep_their_order(self) -> None:
        values = [log_odds(value, "probability") for value in (0.0, CLIP / 2, 1e-3, 0.5, 0.999, 1.0, 1.0005)]
        assert all(value is not None and abs(value) < 16.2 for value in values)
        assert values == sorted(values, key=lambda value: value or 0.0)
        assert log_odds(1.1, "probability") is None
        assert log_odds(float("inf"), "log-odds") is None

    def test_vllm_takes_images_on_both_sides(self) -> None:
        image = picture()
        wording = Wording("m", None, "find it", 20, "bound", "log-odds", uris={image: "data:x"})
        body = DIALECTS["vllm-score"].body(Side("q", (image,)), [Side("", (image,)), Side("p")], wording)
        part = {"type": "image_url", "image_url": {"url": "data:x"}}
        assert body == {
            "model": "m",
            "text_1": {"content": [part, {"type": "text", "text": "q"}]},
            "text_2": [{"content": [part]}, "p"],
            "use_activation": False,
            "instruction": "find it",
        }

    def test_rerank_asks_for_all_and_tei_for_raw_scores(self) -> None:
        body = DIALECTS["rerank"].body(Side("q"), [Side("a"), Side("b")], WORDING)
        assert body == {"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 2}
        body = DIALECTS["tei"].body(Side("q"), [Side("a")], RAW)
        assert body == {"query": "q", "texts": ["a"], "raw_scores": True, "truncate": True}
