"""A variant's key is read back as that variant, whatever the strength."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadInput
from tamis.eval.variant import Variant


@pytest.mark.parametrize(
    ("strength", "key"),
    [(1e6, "a@1000000"), (1234567.0, "a@1234567"), (1e20, "a@1e+20"), (1e-7, "a@1e-07"), (-2.5, "a@-2.5"), (5, "a@5")],
)
def test_a_key_of_any_size_is_read_back(strength: float, key: str) -> None:
    variant = Variant("a", strength)
    assert variant.key == key
    assert Variant.of(key) == variant
    assert Variant.of(f"{key}~control") == Variant("a", strength, True)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_key_is_a_key(strength: float) -> None:
    assert Variant.of(Variant("a", strength).key).strength == pytest.approx(strength, rel=1e-5)


def test_anything_else_is_none() -> None:
    with pytest.raises(BadInput, match="is not the key of a variant"):
        Variant.of("a@1e")
