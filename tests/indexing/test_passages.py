"""How documents are cut, and that the pieces can be found again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.schema import TextNode
from llama_index.core.utils import get_tokenizer

from tamis.indexing.document import PAGE_BREAK, FileDocument, ImageFileDocument
from tamis.indexing.passages import PassageParser, blocks


def _document(text: str, name: str = "a.md", pages: list[str] | None = None) -> FileDocument:
    return FileDocument(text=text, id_=f"/d/{name}", metadata={"file_name": name}, fingerprint="f", pages=pages or [])


def test_markdown_is_cut_at_headings_and_passages_know_the_headings_above_them() -> None:
    text = "# Guide\n\nHello.\n\n## Install\n\nRun it.\n\n```\n# no heading\n```\n\n## Use\n\nSieve."
    passages = PassageParser()([_document(text)])
    assert [passage.get_content() for passage in passages] == [
        "# Guide\n\nHello.",
        "## Install\n\nRun it.\n\n```\n# no heading\n```",
        "## Use\n\nSieve.",
    ]
    assert [passage.metadata.get("section") for passage in passages] == [None, "Guide", "Guide"]
    assert [passage.node_id for passage in passages] == ["/d/a.md#0", "/d/a.md#1", "/d/a.md#2"]
    assert {passage.ref_doc_id for passage in passages} == {"/d/a.md"}


def test_a_heading_with_nothing_below_it_goes_with_the_next_one() -> None:
    passages = PassageParser()([_document("# A\n\n## B\n\ntext\n\n# C")])
    assert [passage.get_content() for passage in passages] == ["# A\n\n## B\n\ntext", "# C"]


def test_passages_say_where_they_stand_in_the_document_also_in_later_sections() -> None:
    text = "# One\n\nfirst part\n\n# Two\n\nsecond part"
    for passage in PassageParser()([_document(text)]):
        assert isinstance(passage, TextNode)
        assert text[passage.start_char_idx : passage.end_char_idx] == passage.text


def test_a_python_comment_is_no_heading() -> None:
    assert len(PassageParser()([_document("# a comment\nx = 1\n# another\ny = 2", "a.py")])) == 1


def test_pages_of_a_pdf_are_never_mixed_and_keep_their_label() -> None:
    document = _document(f"first{PAGE_BREAK}{PAGE_BREAK}third", "a.pdf", pages=["i", "ii", "1"])
    passages = PassageParser()([document])
    assert [(passage.get_content(), passage.metadata["page_label"]) for passage in passages] == [
        ("first", "i"),
        ("third", "1"),
    ]


def test_a_very_long_heading_leaves_room_for_the_text() -> None:
    passages = PassageParser()([_document(f"# {'long ' * 2000}\n\n## Below\n\ntext")])
    assert any("text" in passage.get_content() for passage in passages)


@pytest.mark.parametrize("size", [32, 64, 220])
def test_headings_of_many_tokens_leave_half_of_a_passage_for_the_text(
    size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    heading = "დოკუმენტაციის განყოფილება ინსტალაციისა და კონფიგურაციის შესახებ"
    text = f"# {heading} ერთი\n\nyes\n\n## {heading} ორი\n\nno\n\n### abc\n\nSet the number of days."
    passages = PassageParser(chunk_size=size, chunk_overlap=10)([_document(text)])
    assert passages[-1].get_content() == "### abc\n\nSet the number of days."
    section = passages[-1].metadata["section"]
    assert heading.startswith(section[:60])
    assert len(get_tokenizer()(section)) <= size // 2
    # LlamaIndex says on stdout that little room is left, where commands print their JSON.
    assert capsys.readouterr().out == ""


def test_an_image_without_text_is_one_passage_and_keeps_its_path() -> None:
    from pathlib import Path

    from llama_index.core.schema import ImageNode, MediaResource

    image = ImageFileDocument(
        id_="/d/a.png", metadata={"file_name": "a.png"}, image_resource=MediaResource(path=Path("/d/a.png"))
    )
    (passage,) = PassageParser()([image])
    assert isinstance(passage, ImageNode)
    assert passage.image_path == "/d/a.png"


@settings(max_examples=40, deadline=None)
@given(st.text(st.sampled_from("ab #\n`é."), max_size=400), st.integers(min_value=32, max_value=64))
def test_cutting_twice_gives_the_same_ids_each_once_and_loses_no_word(text: str, size: int) -> None:
    parser = PassageParser(chunk_size=size, chunk_overlap=0)
    first, second = parser([_document(text)]), parser([_document(text)])
    ids = [passage.node_id for passage in first]
    assert ids == [passage.node_id for passage in second]
    assert len(set(ids)) == len(ids)
    letters = sum(text.count(letter) for letter in "abé")
    assert sum(passage.get_content().count(letter) for passage in first for letter in "abé") >= letters


@given(st.text(st.sampled_from("ab \n"), max_size=200), st.integers(min_value=1, max_value=20))
def test_blocks_are_the_text_and_none_is_too_long(text: str, longest: int) -> None:
    parts = list(blocks(text, longest))
    assert "".join(parts) == text
    assert all(len(part) <= longest for part in parts)
    assert all(parts[:-1])
