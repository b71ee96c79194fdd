"""Vectors that are remembered are those of the embedder, which is asked no more often than it must be."""

import json
import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadSetting, UnknownComponent
from tamis.eval.judges import Pair, check_judge
from tamis.guard import Guard
from tamis.models.judges import JUDGES, CombinedJudge, EmbeddingJudge
from tamis.models.judges.text_vectors import TextVectors
from tamis.testing import FakeEmbedder

TEXTS = ["a bus", "a cat", "the moon", "a boat"]


@dataclass(frozen=True)
class Counting(FakeEmbedder):
    """Keeps what it was asked for."""

    asked: list[str] = field(default_factory=list, compare=False)

    def embed(self, contents: Sequence[Content], role: Any = "passage") -> Any:
        self.asked.extend(content.text for content in contents)
        return super().embed(contents, role)


@given(st.lists(st.lists(st.sampled_from(TEXTS), max_size=6), max_size=6))
def test_it_gives_the_embedders_vectors_whatever_it_has_forgotten(calls: list[list[str]]) -> None:
    vectors = TextVectors(FakeEmbedder(), most=2)
    for texts in calls:
        assert np.array_equal(vectors.of(texts), FakeEmbedder().embed([Content(text) for text in texts]))


def test_it_keeps_so_many_and_forgets_what_was_asked_for_longest_ago() -> None:
    embedder = Counting()
    vectors = TextVectors(embedder, most=2)
    for texts in (["a", "b"], ["a"], ["c"], ["a"], ["b"]):
        vectors.of(texts)
    assert embedder.asked == ["a", "b", "c", "b"]
    with pytest.raises(BadSetting, match="not 0"):
        TextVectors(embedder, most=0)


@pytest.mark.parametrize("judge", [EmbeddingJudge, CombinedJudge])
def test_a_judge_embeds_evidence_once_for_all_claims(judge: Any) -> None:
    embedder = Counting()
    made = judge(embedder)
    evidence = [Content("The bus is red. It is fast."), Content("The cat sleeps.")]
    found = [made.judge([claim], [evidence])[0] for claim in ("The bus is red.", "It is slow.", "The cat sleeps.")]
    assert sorted(embedder.asked) == sorted({"The bus is red.", "It is fast.", "The cat sleeps.", "It is slow."})
    anew = judge(FakeEmbedder()).judge(["The bus is red.", "It is slow.", "The cat sleeps."], [evidence] * 3)
    assert [one.supported for one in found] == pytest.approx([one.supported for one in anew])


def test_many_threads_get_the_same() -> None:
    vectors = TextVectors(Counting(), most=3)
    expected = {text: FakeEmbedder().embed([Content(text)])[0] for text in TEXTS}
    asked = [[TEXTS[(n + k) % 4] for k in range(1 + n % 4)] for n in range(200)]
    with ThreadPoolExecutor(8) as threads:
        for texts, found in zip(asked, threads.map(vectors.of, asked), strict=True):
            assert np.array_equal(found, np.stack([expected[text] for text in texts]))


def test_a_judge_that_was_asked_goes_to_another_process_and_into_a_file(tmp_path: Path) -> None:
    made = EmbeddingJudge(FakeEmbedder(32))
    [before] = made.judge(["The bus is red."], [[Content("A red bus.")]])
    assert pickle.loads(pickle.dumps(made)).judge(["The bus is red."], [[Content("A red bus.")]]) == [before]  # noqa: S301
    written = json.loads(json.dumps(JUDGES.spec(made)))
    assert JUDGES.build(written).judge(["The bus is red."], [[Content("A red bus.")]]) == [before]
    pairs = [Pair("1", "The bus is red.", (Content("A red bus."),), True, "1")]
    check_judge(made, pairs).write(tmp_path / "check.json")
    assert json.loads((tmp_path / "check.json").read_text())["spec"] == written


def test_an_embedder_without_a_name_cannot_be_written_down() -> None:
    with pytest.raises(UnknownComponent, match="has no name as a embedder"):
        JUDGES.spec(EmbeddingJudge(Counting()))


def test_a_guard_by_name_and_one_of_two_judges_share_the_default_embedders_vectors() -> None:
    guard = Guard(judge="embedding")
    other: Any = Guard(judge=("facts", "embedding")).judge
    assert guard.judge.vectors is other.b.vectors
