"""DuplicateFilter: what counts as the same, which one stays, and agreement with the plain definition."""

import asyncio
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.schema import ImageNode, NodeWithScore, TextNode

from tamis.core.errors import BadSetting
from tamis.rerankers import DuplicateFilter, DuplicatesEvent
from tamis.testing.recording import recording

WORDS = [f"{one}{other}" for one, other in pairwise("abcdefghijklmnopqrstuvwxyzabc")]


def passages(*texts: str) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=str(at), text=text), score=1 - at / 100) for at, text in enumerate(texts)]


def ids(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


def long_text(seed: int, words: int = 120) -> list[str]:
    return random.Random(seed).choices(WORDS, k=words)


def test_keeps_the_first_of_exact_duplicates_as_the_same_object() -> None:
    nodes = passages("a red bus", "a blue car", "a red bus", "a  red\nbus ")
    kept = DuplicateFilter().postprocess_nodes(nodes)
    assert ids(kept) == ["0", "1"]
    assert kept[0] is nodes[0]


def test_keeps_the_first_of_near_duplicates() -> None:
    text = long_text(1)
    changed = [*text[:60], "changed", *text[61:]]
    assert ids(DuplicateFilter().postprocess_nodes(passages(" ".join(text), " ".join(changed)))) == ["0"]


def test_case_and_punctuation_do_not_tell_long_passages_apart() -> None:
    text = long_text(2)
    nodes = passages(" ".join(text), ", ".join(text).upper() + "!")
    assert ids(DuplicateFilter().postprocess_nodes(nodes)) == ["0"]


def test_passages_that_share_only_a_part_stay() -> None:
    text = long_text(3)
    nodes = passages(" ".join(text), " ".join([*text[:60], *long_text(4, 60)]))
    assert len(DuplicateFilter().postprocess_nodes(nodes)) == 2


@pytest.mark.parametrize(("one", "other"), [("3.11", "3.12"), ("1999", "2001"), ("5", "-5"), ("٣", "٤")])
def test_passages_that_differ_in_a_number_stay(one: str, other: str) -> None:
    text = long_text(5)
    nodes = passages(*(" ".join([*text[:60], number, *text[60:]]) for number in (one, other)))
    assert len(DuplicateFilter().postprocess_nodes(nodes)) == 2


@pytest.mark.parametrize(("one", "other"), [("C", "C++"), ("No.", "no"), ("a b", "b a"), ("", "x")])
def test_short_passages_are_duplicates_only_when_they_are_the_same(one: str, other: str) -> None:
    assert ids(DuplicateFilter().postprocess_nodes(passages(one, other, one, f" {other}"))) == ["0", "1"]


def test_the_same_text_with_different_images_stays() -> None:
    text = " ".join(long_text(6))
    nodes = [
        NodeWithScore(node=ImageNode(id_="a", text=text, image_path="a.png")),
        NodeWithScore(node=ImageNode(id_="b", text=text, image_path="b.png")),
        NodeWithScore(node=TextNode(id_="none", text=text)),
        NodeWithScore(node=ImageNode(id_="again", text=text, image_path="a.png")),
        NodeWithScore(node=ImageNode(id_="near", text=text.upper(), image_path="b.png")),
    ]
    assert ids(DuplicateFilter().postprocess_nodes(nodes)) == ["a", "b", "none"]


def test_images_without_text_are_told_apart_by_their_source() -> None:
    nodes = [NodeWithScore(node=ImageNode(id_=str(at), image_path=path)) for at, path in enumerate("aba")]
    assert ids(DuplicateFilter().postprocess_nodes(nodes)) == ["0", "1"]


def test_scripts_without_spaces_are_compared_by_character() -> None:
    text = "".join(chr(0x4E00 + at * 7) for at in range(120))
    nodes = passages(text, text[:60] + "国" + text[61:], text[::-1])
    assert ids(DuplicateFilter().postprocess_nodes(nodes)) == ["0", "2"]


def test_which_stood_for_which_is_told() -> None:
    text = " ".join(long_text(7))
    nodes = passages("a red bus", text, "a red bus", f"{text} more", text.upper())
    with recording() as seen:
        kept = DuplicateFilter().postprocess_nodes(nodes)
    (event,) = [event for event in seen.events if isinstance(event, DuplicatesEvent)]
    assert event.dropped == [("0", "2"), ("1", "3"), ("1", "4")]
    assert (event.n_given, event.n_kept) == (5, len(kept))
    assert DuplicateFilter().stands_for(nodes) == [None, None, 0, 1, 1]


def test_a_copy_of_a_near_duplicate_is_told_to_stand_behind_the_one_kept() -> None:
    text = " ".join(long_text(8))
    assert DuplicateFilter().stands_for(passages(text, text.upper(), text.upper())) == [None, 0, 0]


def test_threshold_one_drops_only_passages_of_the_same_words() -> None:
    text = long_text(9)
    nodes = passages(" ".join(text), " ".join([*text, "more"]), " ".join(text).upper())
    assert ids(DuplicateFilter(threshold=1.0).postprocess_nodes(nodes)) == ["0", "1"]


def plainly(texts: Sequence[str], threshold: float, shingle: int) -> list[int | None]:
    """The definition, pair by pair, for words of letters with single spaces between them."""
    stand_ins: list[int | None] = []
    kept: list[int] = []
    shingles = [
        {tuple(text.split()[at : at + shingle]) for at in range(len(text.split()) - shingle + 1)} for text in texts
    ]
    for at, own in enumerate(shingles):
        for other in kept:
            union = own | shingles[other]
            if texts[at] == texts[other] or (own and len(own & shingles[other]) / len(union) >= threshold):
                stand_ins.append(other)
                break
        else:
            stand_ins.append(None)
            kept.append(at)
    return stand_ins


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join), max_size=9),
    st.sampled_from([0.3, 0.5, 0.75, 0.9, 1.0]),
    st.integers(1, 4),
)
def test_agrees_with_the_definition(texts: list[str], threshold: float, shingle: int) -> None:
    found = DuplicateFilter(threshold, shingle).stands_for(passages(*texts))
    assert found == plainly(texts, threshold, shingle)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=8))
def test_takes_any_text_and_never_drops_all(texts: list[str]) -> None:
    nodes = passages(*texts)
    stand_ins = DuplicateFilter().stands_for(nodes)
    assert all(one is None or (one < at and stand_ins[one] is None) for at, one in enumerate(stand_ins))
    assert not texts or stand_ins[0] is None


def test_a_large_passage_and_binary_text_are_taken() -> None:
    large = " ".join(long_text(10, 200_000))
    nodes = passages(large, large + " more", "\0\x01\ufffd", "\0\x01\ufffd")
    assert ids(DuplicateFilter().postprocess_nodes(nodes)) == ["0", "2"]


def test_sync_and_async_drop_the_same() -> None:
    nodes = passages("a red bus", "a red bus", "")
    assert asyncio.run(DuplicateFilter().apostprocess_nodes(nodes)) == DuplicateFilter().postprocess_nodes(nodes)
    assert DuplicateFilter().postprocess_nodes([]) == []


@pytest.mark.parametrize(
    ("threshold", "shingle", "message"),
    [
        (0.0, 3, "threshold is 0.0"),
        (1.5, 3, "threshold is 1.5"),
        (0.9, 0, "shingle is 0"),
        (0.9, 2.5, "shingle is 2.5"),
    ],
)
def test_settings_outside_their_range_are_refused(threshold: float, shingle: int, message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        DuplicateFilter(threshold, shingle)


def test_written_down_it_comes_back_the_same() -> None:
    written = DuplicateFilter(0.8, 5).to_dict()
    assert (written["threshold"], written["shingle"]) == (0.8, 5)
    assert DuplicateFilter.from_dict(written).to_dict() == written
