"""Refuses pages whose tags are left open, over which Python's HTML parser would sit for hours."""

from html.parser import HTMLParser

from tamis.core.errors import BadInput

LONGEST_SEARCH = 1_000_000
"""Characters that may be searched in vain for the ends of tags; a page gets four times its length where that is more.

From each tag that is never closed the parser looks through the whole rest of the page, once a tag.
"""


def check_markup(markup: str) -> None:
    """Raises BadInput where tags are left open so often that parsing the page would take more than linear time.

    One that is left open, or a few, are taken for text by the parser and are no reason to refuse a page.

    >>> check_markup("<p>open <b>never closed <i")
    """
    left = max(LONGEST_SEARCH, 4 * len(markup))
    rest = markup
    while rest := _from_open_tag(rest):
        left -= len(rest)
        if left < 0:
            raise BadInput("its markup is broken: tags or comments are left open again and again")
        # As the parser goes on: behind the next ">", else at the next "<".
        end = rest.find(">", 1)
        begin = rest.find("<", 1)
        rest = rest[end + 1 :] if end >= 0 else rest[begin:] if begin >= 0 else ""


def _from_open_tag(markup: str) -> str:
    """The page from the first tag, comment or declaration on that is not closed; empty when all are."""
    scan = HTMLParser()
    scan.feed(markup)
    return scan.rawdata if scan.rawdata.startswith("<") and not scan.cdata_elem else ""
