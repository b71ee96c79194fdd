"""What is left of a page."""

from tamis.indexing.html import html_text


def test_headings_paragraphs_lists_and_code_stay_and_scripts_go() -> None:
    page = (
        "<html><head><title>Penguins</title><style>p {}</style></head><body><script>evil()</script>"
        "<h1>Penguins</h1><p>Emperor <b>penguins</b> breed\n in winter.</p><ul><li>cold<li>ice</ul>"
        "<pre># code\n  x = 1</pre></body></html>"
    )
    assert html_text(page.encode()) == (
        "# Penguins\n\nEmperor penguins breed in winter.\n\n- cold\n- ice\n\n```\n# code\n  x = 1\n```"
    )


def test_a_title_that_the_page_does_not_show_comes_first() -> None:
    assert html_text(b"<title>Ships &amp; sails</title><p>Wind.") == "Ships & sails\n\nWind."


def test_the_declared_encoding_is_used() -> None:
    page = '<meta charset="shift_jis"><p>東京</p>'
    assert html_text(page.encode("shift_jis")) == "東京"


def test_text_of_a_drawing_is_read() -> None:
    assert html_text(b"<svg><style>a{}</style><text>Inlet valve</text><path d='M0 0'/></svg>") == "Inlet valve"


def test_broken_markup_and_nothing_at_all_are_no_error() -> None:
    assert html_text(b"<p>open <b>never closed") == "open never closed"
    assert html_text(b"") == ""


def test_comments_and_doctypes_are_not_shown_on_however_many_lines() -> None:
    assert html_text(b"<!DOCTYPE html\n PUBLIC 'x'><!-- for\neditors --><p>shown<!-- note --> text") == "shown text"


def test_code_keeps_its_lines_and_headings_swallow_what_is_in_them() -> None:
    page = "<p>a<pre>x = 1<br>y\n  <b>z</b></pre><pre>```</pre><h2>One <div>two</div><br>three<style>p</style></h2>b"
    assert html_text(page.encode()) == "a\n\n```\nx = 1\ny\n  z\n```\n\n```\n'''\n```\n\n## One two three\n\nb"


def test_what_is_not_seen_ends_where_its_tag_does() -> None:
    page = "<p>a<object><p>no<iframe>no</iframe>no</object>b<pre>c<noscript>no</noscript>d</pre>"
    assert html_text(page.encode()) == "ab\n\n```\ncd\n```"
