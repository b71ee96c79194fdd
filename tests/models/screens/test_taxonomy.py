"""User-defined taxonomies: terms at word boundaries, meaning by an embedder, and files that are none."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.models.screens import Category, TaxonomyScreen
from tamis.models.screens.taxonomy import clauses, read_taxonomy
from tamis.testing import FakeEmbedder

FEES = Category("fees", "hidden charges for returns", ("restocking fee", "surcharge", "手数料"))
RENEWAL = Category("renewal", "renews without asking", ("auto-renew",))


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("A restocking  FEE is due.", "fees"),
        ("A restocking-fee is due.", "fees"),
        ("surcharges are many", None),
        ("the surcharge", "fees"),
        ("返品手数料がかかります。", "fees"),
        ("you auto-renew", "renewal"),
        ("your auto renewal", None),
    ],
)
def test_terms_at_word_boundaries(text: str, category: str | None) -> None:
    [found] = TaxonomyScreen([FEES, RENEWAL]).screen([Content(text)])
    assert found.category == category
    assert found.harmful == float(category is not None)
    if category == "fees":
        assert (
            text[found.spans[0][0] : found.spans[0][1]].casefold().replace("-", " ").split()[0]
            in FEES.terms[0] + "surcharge手数料"
        )


def test_meaning_is_compared_where_there_is_an_embedder() -> None:
    screen = TaxonomyScreen([FEES, Category("renewal", terms=("auto-renew",))], embedder=FakeEmbedder())
    near, far = screen.screen([Content("We love you. Hidden charges for returns"), Content("bread and music")])
    assert near.harmful is not None
    assert far.harmful is not None
    assert near.harmful > 0.99
    assert near.category == "fees"
    assert near.spans[0][:2] == (13, 39)
    assert far.harmful < 0.5
    assert (far.category, far.spans) == (None, ())
    assert TaxonomyScreen([FEES]).screen([Content(" ")])[0].harmful is None


def test_only_some_categories() -> None:
    screen = TaxonomyScreen([FEES, RENEWAL], only=("renewal",))
    assert screen.screen([Content("surcharge")])[0].harmful == 0.0
    with pytest.raises(UnknownComponent, match="fees, renewal"):
        TaxonomyScreen([FEES, RENEWAL], only=("nope",))


@given(st.text(max_size=80))
def test_clauses_are_in_order_and_lose_no_word(text: str) -> None:
    found = clauses(text)
    assert all(begin < end for begin, end in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    kept = "".join(text[begin:end] for begin, end in found)
    assert "".join(kept.split()) == "".join(text.split())


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[[category]]\nname = "fees"\nterms = ["surcharge"]\ndescription = "charges"\n')
    assert read_taxonomy(file) == [Category("fees", "charges", ("surcharge",))]
    assert TaxonomyScreen(str(file)).screen([Content("a surcharge")])[0].category == "fees"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ([], "no category"),
        ("missing.toml", "cannot be read"),
        ({"category": 3}, "list of categories"),
        ([{"name": "a", "rules": []}], 'no key "rules"'),
        ([{"name": "a"}], "neither terms"),
        ([{"name": "a", "terms": "word"}], "list of texts"),
        ([FEES, FEES], "more than once"),
    ],
)
def test_what_is_no_taxonomy_is_refused(spec: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_taxonomy(spec)


def test_without_terms_an_embedder_is_needed() -> None:
    with pytest.raises(BadSetting, match="embedder"):
        TaxonomyScreen([Category("fees", "charges")])
