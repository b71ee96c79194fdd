"""Templates: every built-in one says what its source says, and no text closes its frame."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.core.image import Image
from tamis.models.template import Template, in_checkpoint, names, neutralised, template_of

PICTURE, OTHER = Image(data=b"one"), Image(data=b"two")
GOOD = {"name": "t", "source": "here", "layout": "passage-first", "yes": "Yes", "no": "No"}
FORM = {"user": "P: {passage.images}{passage.text} Q: {query.images}{query.text}"}


def user(name: str, query: Content, passage: Content, instruction: str | None = None) -> str:
    """The user's turn, an image as <data>."""
    parts = template_of(name).prompt(query, passage, instruction).parts
    return "".join(part.text or f"<{(part.image or PICTURE).data.decode()}>" for part in parts)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", names())
def test_every_built_in_template_holds_both_sides_in_its_layouts_order(name: str) -> None:
    template = template_of(name)
    assert template.name == name
    assert template.source
    text = user(name, Content("the query"), Content("" if name in ("monoqwen2-vl",) else "the passage", (PICTURE,)))
    shown = "<one>" if "the passage" not in text else "the passage"
    assert (text.index(shown) < text.index("the query")) == (template.layout == "passage-first")
    owners = {part.owner for part in template.prompt(Content("q"), Content("p", (PICTURE,))).parts}
    assert owners == {"frame", "query", "passage"}


def test_the_interfaces_are_those_that_models_were_trained_with() -> None:
    query, both = Content("why?"), Content("cap", (PICTURE,))
    assert user("ragvl", query, both) == (
        "<one>\nImage Caption: cap\nQuestion: why?\nBased on the image and its caption, is the image relevant to the "
        "question? Answer 'Yes' or 'No'."
    )
    assert user("ragvl", query, Content("", (PICTURE,))) == (
        "<one>\nQuestion: why?\nIs this image relevant to the question? Answer 'Yes' or 'No'."
    )
    assert user("ragvl-caption", query, both) == (
        "<one>\nImage Caption: why?\nIs the image relevant to the caption? Answer 'Yes' or 'No'."
    )
    assert user("monoqwen2-vl", query, both) == (
        "<one>Assert the relevance of the previous image document to the following query, answer True or False. The "
        "query is: why?"
    )
    assert user("qwen3-vl-reranker", Content("why?", (OTHER,)), both) == (
        "<Instruct>: Given a search query, retrieve relevant candidates that answer the query.<Query>:<two>why?\n"
        "<Document>:<one>cap"
    )
    assert user("qwen3-reranker", query, Content("cap"), "Find it") == (
        "<Instruct>: Find it\n<Query>: why?\n<Document>: cap"
    )
    assert user("lamra", Content("why?", (OTHER,)), both).endswith("Query:<two>why?Candidate:<one>cap")
    assert template_of("qwen3-reranker").reply == "<think>\n\n</think>\n\n"
    assert [(template_of(n).yes, template_of(n).no) for n in ("lamra", "monoqwen2-vl", "qwen3-vl-reranker")] == [
        ("Yes", "No"),
        ("True", "False"),
        ("yes", "no"),
    ]


def test_ours_puts_everything_that_is_the_same_for_all_queries_before_the_passage() -> None:
    text = user("tamis", Content("why?"), Content("because"))
    assert text.endswith("\n\nPassage:\nbecause\n\nQuery:\nwhy?")
    assert template_of("tamis").instruction in text.split("because")[0]


def test_a_side_without_content_is_what_the_model_was_trained_with() -> None:
    assert user("qwen3-vl-reranker", Content("q"), Content("")).endswith("<Document>:NULL")
    assert user("qwen3-vl-reranker", Content("q"), Content("", (PICTURE,))).endswith("<Document>:<one>")


def test_a_pair_that_no_form_fits_is_told_what_is_missing() -> None:
    with pytest.raises(BadInput, match=r'"monoqwen2-vl" has no form for this pair: it needs passage.images with query'):
        template_of("monoqwen2-vl").prompt(Content("q"), Content("text"))


def test_several_images_keep_their_order_and_their_owners() -> None:
    prompt = template_of("tamis").prompt(Content("q", (OTHER,)), Content("p", (PICTURE, OTHER)))
    assert prompt.images == [PICTURE, OTHER, OTHER]
    assert [part.owner for part in prompt.parts if part.image] == ["passage", "passage", "query"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"layout": "sideways"}, "sideways"),
        ({"yes": "No"}, "two words"),
        ({"no": "  "}, "two words"),
        ({"forms": []}, "no form"),
        ({"forms": [{"user": "{passage.text}"}]}, "lacks the query"),
        ({"forms": [{"user": "{query.text} {passage.text}"}]}, "passage-first, but"),
        ({"forms": [{"user": "{passage.text} {query.text} {passage.images}"}]}, "passage-first, but"),
    ],
)
def test_a_template_that_cannot_work_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        template_of({**GOOD, "forms": [FORM], **change})


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({**GOOD, "forms": [FORM], "bogus": 1}, 'no field "bogus"'),
        ({"name": "t", "forms": [FORM]}, 'lacks the field "layout"'),
        ({**GOOD, "forms": [FORM], "system": None}, 'field "system" of a template must be a text'),
        ({**GOOD, "forms": [{"needs": ["query.text"]}]}, "user"),
        ({**GOOD, "forms": ["no form"]}, "a form of the template"),
        ({**GOOD, "forms": [{**FORM, "needs": ["query"]}]}, '"query" is no place; known: passage.images'),
        ({**GOOD, "forms": [{**FORM, "needs": 3}]}, "a form of the template"),
    ],
)
def test_a_mapping_that_is_no_template_is_refused_as_a_file_is(spec: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        template_of(spec)


def test_templates_come_from_files_and_checkpoints(tmp_path: Path) -> None:
    assert in_checkpoint(tmp_path) is None
    file = tmp_path / "tamis_template.toml"
    file.write_text(
        'name = "mine"\nsource = "me"\nlayout = "passage-first"\nyes = "Yes"\nno = "No"\n'
        '[[form]]\nuser = "{passage.text} {query.text}"\n'
    )
    mine = in_checkpoint(tmp_path)
    assert mine is not None
    assert mine == template_of(str(file)) == template_of(file) == template_of(mine)
    for text, named in (
        ("name = ", "is not a template"),
        ('name = "x"', "form"),
        (file.read_text() + 'needs = ["x"]', '"x" is no place'),
    ):
        file.write_text(text)
        with pytest.raises(BadInput, match=named):
            in_checkpoint(tmp_path)
    with pytest.raises(BadInput, match="cannot be read"):
        template_of(str(tmp_path / "missing.toml"))
    with pytest.raises(UnknownComponent, match='"nope"; known: lamra, monoqwen2-vl'):
        template_of("nope")


def test_markers_are_the_labels_of_the_sides() -> None:
    assert {"Passage:", "Query:"} <= set(template_of("tamis").markers())
    assert {"<Query>:", "<Document>:"} <= set(template_of("qwen3-vl-reranker").markers())
    assert {"Image Caption:", "Question:"} <= set(template_of("ragvl").markers())


def test_another_instruction_changes_nothing_else() -> None:
    template = template_of("tamis")
    changed = template.with_instruction("Is it?")
    assert changed.instruction == "Is it?"
    assert changed.with_instruction(template.instruction) == template
    assert isinstance(changed, Template)


MARKERS = ["<|im_end|>", "<|im_start|>", "</s>", "Query:", "<image>", "a", "||"]


@given(st.lists(st.sampled_from([*MARKERS, "<|im", "_end|>", "x", " ", "<", "|", "\n"]), max_size=12))
def test_no_marker_is_left_and_nothing_else_is_lost(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = neutralised(text, MARKERS)
    assert not any(marker in found for marker in MARKERS if len(marker) > 1)
    assert "a" not in found
    assert found.replace(" ", "").replace("\n", "") == text.replace("a", "").replace(" ", "").replace("\n", "")


def test_text_without_markers_is_left_alone() -> None:
    assert neutralised("nothing here <|x", MARKERS[:5]) == "nothing here <|x"
    assert neutralised("kept", []) == "kept"
    assert neutralised("kept", ["", " "]) == "kept"
