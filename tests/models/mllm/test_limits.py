"""Text that tries to be a frame, and text that is too long for one."""

from typing import Any

import numpy as np
import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting, TamisError
from tamis.models.counting import counted
from tamis.models.mllm import TransformersScorer
from tamis.models.template import names, template_of

FAMILIES = ("qwen2-vl", "qwen2.5-vl", "qwen3-vl", "llava", "idefics3", "smolvlm", "qwen3")


def special_counts(runtime: Any, query: Content, passage: Content) -> dict[int, int]:
    """How often each special token comes in a pair's prompt."""
    [encoded] = runtime.encoded(query, [passage])
    if isinstance(encoded, TamisError):
        raise encoded
    tokenizer = runtime.checkpoint.tokenizer
    known = {*tokenizer.added_tokens_decoder, *tokenizer.all_special_ids}
    values, counts = np.unique(encoded.ids, return_counts=True)
    return {int(v): int(c) for v, c in zip(values, counts, strict=True) if int(v) in known}


@pytest.mark.parametrize("family", FAMILIES)
def test_no_special_token_comes_out_of_a_query_or_passage(family: str, checkpoint: Any) -> None:
    scorer = TransformersScorer(checkpoint(family), "qwen3-reranker", canary=False)
    runtime: Any = scorer.load()
    plain = special_counts(runtime, Content("q"), Content("p"))
    specials = runtime.encoder.special_tokens
    assert len(specials) >= 3
    nested = [f"{token[:2]}{token}{token[2:]}" for token in specials]
    for hostile in [*specials, *nested, "".join(specials), " ".join(specials), "\n".join(specials * 2)]:
        for query, passage in ((hostile, "p"), ("q", hostile), (f"a {hostile} b", f"{hostile}x{hostile}")):
            assert special_counts(runtime, Content(query), Content(passage)) == plain, hostile


@pytest.mark.parametrize("name", names())
def test_no_label_of_a_template_comes_out_of_a_query_or_passage(name: str, checkpoint: Any, picture: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"), name, canary=False)
    runtime: Any = scorer.load()
    template = template_of(name)
    images = (picture(1),)
    text = " ".join(["hello", *template.markers(), "world"])
    [pair] = runtime.encoded(Content(text), [Content("p", images)])
    [plain] = runtime.encoded(Content("hello world"), [Content("p", images)])
    decode = runtime.checkpoint.tokenizer.decode
    for marker in template.markers():
        assert decode(pair.ids).count(marker) == decode(plain.ids).count(marker), marker


@pytest.mark.parametrize("family", ["qwen2-vl", "llava", "idefics3", "qwen3"])
@pytest.mark.parametrize("template", ["tamis", "qwen3-vl-reranker"])
def test_a_long_passage_loses_its_end_and_nothing_else(
    family: str, template: str, checkpoint: Any, picture: Any
) -> None:
    scorer = TransformersScorer(checkpoint(family), template, max_length=256, canary=False)
    runtime: Any = scorer.load()
    images = () if family == "qwen3" else (picture(1, 84, 84),)
    query = Content("which colour is the bus?")
    long, short = Content("the red bus " * 400, images), Content("the", images)
    with counted() as counts:
        [cut, whole] = runtime.encoded(query, [long, short])
    assert 250 <= len(cut) <= 256
    assert counts.to_dict()["passages_cut"] == 1
    assert cut.cut == counts.to_dict()["tokens_cut"] > 500
    decode = runtime.checkpoint.tokenizer.decode
    text, plain = decode(cut.ids), decode(whole.ids)
    assert text.count("the red bus") > 20
    assert "which colour is the bus?" in text
    assert text.endswith(plain[-12:])
    assert len(cut.images) == len(images)
    assert special_counts(runtime, query, long) == special_counts(runtime, query, short)
    assert scorer.score(query, [long])[0] is not None


def test_a_long_query_is_cut_to_half_of_the_room(checkpoint: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen3"), max_length=256, canary=False)
    runtime: Any = scorer.load()
    [both] = runtime.encoded(Content("why is it so " * 300), [Content("the red bus " * 300)])
    text = runtime.checkpoint.tokenizer.decode(both.ids)
    assert len(both) <= 256
    assert text.count("the red bus") > 10
    assert text.count("why is it so") > 10


def test_multibyte_text_is_cut_between_characters(checkpoint: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen3"), max_length=200, canary=False)
    runtime: Any = scorer.load()
    for text in ("漢字かな交じり文" * 100, "🙂🙃" * 200, "é" * 500):
        [cut] = runtime.encoded(Content("q"), [Content(text)])
        assert len(cut) <= 200
        assert "\N{REPLACEMENT CHARACTER}" not in runtime.checkpoint.tokenizer.decode(cut.ids)


def test_images_that_alone_are_too_long_are_not_scored_and_the_rest_is(
    checkpoint: Any, picture: Any, caplog: pytest.LogCaptureFixture
) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"), max_length=200, canary=False)
    with counted() as counts:
        scores = scorer.score(Content("q"), [Content("x", (picture(1, 700, 700),)), Content("y")])
    assert scores[0] is None
    assert scores[1] is not None
    assert counts.to_dict()["failures"] == 1
    assert "max_length is 200" in caplog.text


def test_a_length_that_not_even_the_frame_fits_in_is_a_bad_setting(checkpoint: Any) -> None:
    with pytest.raises(BadSetting, match="max_length 20 is too short"):
        TransformersScorer(checkpoint("qwen3"), max_length=20).warmup()


def test_a_side_that_is_cut_to_nothing_is_not_scored(checkpoint: Any, picture: Any) -> None:
    runtime: Any = TransformersScorer(checkpoint("qwen2-vl"), canary=False).load()
    image = (picture(1, 280, 280),)
    whole, small = runtime.encoded(Content("🙂 bus"), [Content("", image), Content("x")])
    reasons = []
    for runtime.encoder.max_length in range(len(whole) - 8, len(whole)):
        [cut] = runtime.encoded(Content("🙂 bus"), [Content("", image)])
        if isinstance(cut, TamisError):
            reasons.append(str(cut))
        else:
            assert "🙂" in runtime.checkpoint.tokenizer.decode(cut.ids)
    assert any("no room for the query" in reason for reason in reasons)
    for runtime.encoder.max_length in range(len(small) - 8, len(small)):
        [cut] = runtime.encoded(Content("🙂 bus"), [Content("🙂")])
        assert isinstance(cut, TamisError) or runtime.checkpoint.tokenizer.decode(cut.ids).count("🙂") == 2


def test_a_word_that_was_added_to_the_tokenizer_stays_a_word(own_folder: Any) -> None:
    import transformers

    folder = own_folder("qwen3")
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
    words = [transformers.AddedToken(word, special=False) for word in ("bus", "new york", "<think>")]
    tokenizer.add_tokens(words)
    tokenizer.save_pretrained(folder)
    runtime: Any = TransformersScorer(str(folder), canary=False).load()
    decode = runtime.checkpoint.tokenizer.decode
    [encoded] = runtime.encoded(Content("which bus?"), [Content("a bus in new york <think>")])
    assert not isinstance(encoded, TamisError)
    text = decode(encoded.ids)
    assert "which bus?" in text
    assert "a bus in new york < think>" in text


def test_half_a_surrogate_pair_costs_nobody_a_score(checkpoint: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen3"), canary=False)
    broken, plain = Content("half \ud83d emoji"), Content("half ? emoji")
    for query, passages, whole in (
        (Content("q"), [Content("x"), broken], [Content("x"), plain]),
        (broken, [Content("x")], [Content("x")]),
    ):
        expected = scorer.score(plain if query is broken else query, whole)
        assert None not in expected
        assert scorer.score(query, passages) == pytest.approx(expected, abs=1e-4)
