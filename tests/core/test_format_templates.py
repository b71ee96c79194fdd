"""Templates from anywhere: those that pass can be filled in with anything, and stay small."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.format_templates import fillable

NAMES = ("key", "value")


@pytest.mark.parametrize(
    "template",
    [
        *("{nope}", "{}", "{0}", "{key", "}", "{key!x}", "{key.__class__}", "{key[0]}", "{value:d}", "{value:{key}}"),
        *("{value:>101}", "{value:>999999999}", "{value}" * 17, "a" * 1001),
    ],
)
def test_what_could_fail_or_blow_up_is_not_filled_in(template: str) -> None:
    assert not fillable(template, NAMES, 1000)


@pytest.mark.parametrize("template", ["", "{key}: {value}", "{value!r:>20}", "{{{key}}}", "plain", "{value:.10}"])
def test_an_ordinary_template_is_filled_in(template: str) -> None:
    assert fillable(template, NAMES, 1000)


def test_a_text_without_names_is_taken_as_it_is() -> None:
    assert fillable("{nope", (), 5)
    assert not fillable("{nope}", (), 5)


@given(st.text("{}keyvalu:!>.r0123456789a", max_size=30), st.text(max_size=20))
def test_whatever_passes_can_be_filled_in(template: str, value: str) -> None:
    if fillable(template, NAMES, 1000):
        assert len(template.format(key="k", value=value)) <= len(template) + 16 * (100 + 10 * len(value))
