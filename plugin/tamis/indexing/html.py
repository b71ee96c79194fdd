"""HTML to Markdown-like text: headings, lists and code stay recognisable, scripts and styles go."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

_UNSEEN = ("script", "style", "noscript", "template", "iframe", "object", "head")
_BLOCKS = (
    *("address", "article", "aside", "blockquote", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption"),
    *("figure", "footer", "form", "header", "hr", "main", "nav", "ol", "p", "section", "summary", "table"),
    *("tr", "ul", "text", "title", "desc"),
)
_PLACE = re.compile("\\s*\ue000([0-9]{1,9})\ue001\\s*")
_LINE_END = re.compile("\n")
_WHITE = re.compile(r"\s+")
_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\n\s*\n+")


def html_text(data: bytes) -> str:
    """The visible text of a page, its title first; the encoding is the one the page declares.

    Needs Beautiful Soup (extra ``files``).
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(data, "html.parser")
    title = _one_line(soup.title.get_text()) if soup.title else ""
    for tag in soup(_UNSEEN):
        tag.decompose()
    # Taken out before white space is folded, and put back after: in code it means something.
    code = _lift_code(soup)
    for string in soup.find_all(string=_LINE_END):
        # A line end in the source is a space on the page.
        string.replace_with(_WHITE.sub(" ", string))
    _mark_blocks(soup)
    text = _SPACES.sub(" ", soup.get_text())
    text = _BLANK_LINES.sub("\n\n", "\n".join(line.strip() for line in text.splitlines())).strip()
    text = _PLACE.sub(lambda match: f"\n\n```\n{code.get(int(match[1]), '')}\n```\n\n", text).strip()
    if title and title not in text[: 2 * len(title) + 8]:
        text = f"{title}\n\n{text}"
    return text


def _lift_code(soup: "BeautifulSoup") -> dict[int, str]:
    """Takes code out and leaves its number between two private-use characters, which no page shows."""
    blocks: dict[int, str] = {}
    for number, tag in enumerate(soup("pre")):
        blocks[number] = tag.get_text().strip("\n").replace("```", "'''")
        tag.replace_with(f"\ue000{number}\ue001")
    return blocks


def _mark_blocks(soup: "BeautifulSoup") -> None:
    for tag in soup("br"):
        tag.replace_with("\n")
    for level in range(1, 7):
        for tag in soup(f"h{level}"):
            tag.replace_with(f"\n\n{'#' * level} {_one_line(tag.get_text(' '))}\n\n")
    for tag in soup(("td", "th")):
        tag.insert_after(" ")
    for tag in soup("li"):
        tag.insert(0, "\n- ")
    for tag in soup(_BLOCKS):
        tag.insert_before("\n")
        tag.insert_after("\n")


def _one_line(text: str) -> str:
    return " ".join(text.split())
