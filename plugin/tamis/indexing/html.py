"""HTML to Markdown-like text: headings, lists and code stay recognisable, scripts and styles go."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .markup import check_markup

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_UNSEEN = frozenset({"script", "style", "noscript", "template", "iframe", "object", "head"})
_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption"),
        *("figure", "footer", "form", "header", "hr", "main", "nav", "ol", "p", "section", "summary", "table"),
        *("tr", "ul", "text", "title", "desc"),
    )
)
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_BEFORE = {**dict.fromkeys(_BLOCKS, "\n"), "li": "\n- ", "br": "\n"}
_AFTER = {**dict.fromkeys(_BLOCKS, "\n"), "td": " ", "th": " "}
_WHITE = re.compile(r"\s+")
_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r"\n\s*\n+")


def html_text(data: bytes) -> str:
    """The visible text of a page, its title first; the encoding is the one the page declares.

    Needs Beautiful Soup (extra ``files``). Raises BadInput for markup that is too broken to be read.
    """
    from bs4 import BeautifulSoup, UnicodeDammit

    markup = UnicodeDammit(data, is_html=True).unicode_markup or ""
    check_markup(markup)
    soup = BeautifulSoup(markup, "html.parser")
    title = _one_line(soup.title.get_text()) if soup.title else ""
    text = _visible(soup)
    if title and title not in text[: 2 * len(title) + 8]:
        text = f"{title}\n\n{text}"
    return text


def _visible(soup: "BeautifulSoup") -> str:
    """One walk over the page, which is left as it is: to take a tag out of a deep page costs a walk of its own."""
    from bs4.element import CData, NavigableString, Tag

    page = _Page()
    opened: list[Tag] = [soup]
    for element in soup.descendants:
        while opened[-1] is not element.parent:
            page.leave(opened.pop())
        if isinstance(element, Tag):
            page.enter(element)
            opened.append(element)
        elif type(element) in (NavigableString, CData):
            # Not comments and the like, which are strings too.
            page.take(str(element))
    while len(opened) > 1:
        page.leave(opened.pop())
    return page.text()


@dataclass
class _Page:
    """The text gathered so far.

    ``inside`` is the outermost open tag that is a heading, code or not seen, ``held`` the text in it, ``hidden`` how
    many tags that are not seen are open. ``parts`` are finished, ``pieces`` the beginnings of the next.
    """

    parts: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    inside: "Tag | None" = None
    hidden: int = 0

    def enter(self, tag: "Tag") -> None:
        """A tag opens."""
        if self.inside is not None:
            if tag.name == "br":
                self.held.append("\n")
            self.hidden += tag.name in _UNSEEN
        elif tag.name in _UNSEEN or tag.name in _HEADINGS or tag.name == "pre":
            self.inside, self.held = tag, []
            self.hidden = int(tag.name in _UNSEEN)
        else:
            self.pieces.append(_BEFORE.get(tag.name, ""))

    def leave(self, tag: "Tag") -> None:
        """A tag closes."""
        if self.inside is None:
            self.pieces.append(_AFTER.get(tag.name, ""))
            return
        self.hidden -= tag.name in _UNSEEN
        if tag is not self.inside:
            return
        self.inside = None
        if tag.name in _HEADINGS:
            self.pieces.append(f"\n\n{_HEADINGS[tag.name]} {_one_line(' '.join(self.held))}\n\n")
        elif tag.name == "pre":
            # Apart from the rest, whose white space is folded: in code it means something.
            self._close_part()
            code = "".join(self.held).strip("\n").replace("```", "'''")
            self.parts.append(f"```\n{code}\n```")

    def take(self, string: str) -> None:
        """A text; a line end in the source is a space on the page."""
        if self.inside is None:
            self.pieces.append(_WHITE.sub(" ", string) if "\n" in string else string)
        elif not self.hidden:
            self.held.append(string)

    def text(self) -> str:
        """All of it, code in fences."""
        self._close_part()
        return "\n\n".join(self.parts)

    def _close_part(self) -> None:
        text = _SPACES.sub(" ", "".join(self.pieces))
        text = _BLANK_LINES.sub("\n\n", "\n".join(line.strip() for line in text.splitlines())).strip()
        if text:
            self.parts.append(text)
        self.pieces = []


def _one_line(text: str) -> str:
    return " ".join(text.split())
