"""Text from anywhere can be encoded, and text that could be stays as it is."""

from hypothesis import given
from hypothesis import strategies as st

from tamis.core.well_formed import well_formed


@given(st.text(st.characters(codec=None)))
def test_what_comes_out_has_utf_8_and_the_same_length(text: str) -> None:
    made = well_formed(text)
    assert len(made.encode("utf-8").decode("utf-8")) == len(text)
    assert all(one == other or "\ud800" <= one <= "\udfff" for one, other in zip(text, made, strict=True))
