"""Which pages are refused before they are parsed."""

import pytest

from tamis.core.errors import BadInput
from tamis.indexing.html import html_text
from tamis.indexing.markup import check_markup


@pytest.mark.parametrize("unit", ["<a ", "<!--", "<![CDATA[", "<a/", "<a =", "<!"])
def test_a_page_of_tags_that_are_never_closed_is_refused(unit: str) -> None:
    with pytest.raises(BadInput, match=r"its markup is broken"):
        check_markup(unit * 100_000)


@pytest.mark.parametrize(
    "page",
    [
        "<p>text <!-- a comment that never ends <b>bold</b>" + "<p>x</p>" * 1000,
        "<p>text <a href='never closed>" + "<p>x</p>" * 1000,
        "a < b and b <c" + " text" * 1000,
        "<script>if (a <b) {" + "<b>" * 1000,
        "<p>x" * 10_000,
        "",
    ],
)
def test_a_page_with_a_slip_is_not(page: str) -> None:
    check_markup(page)


@pytest.mark.parametrize("unit", ["<br>", "<p>x", "<li>a", "<h1>x</h1>", "<td>a</td>", "<b>\n</b>", "<pre>a</pre>"])
def test_long_pages_are_read_in_linear_time(unit: str) -> None:
    # With a walk of the tree for each tag each of these takes minutes.
    html_text((unit * 8_000).encode())
