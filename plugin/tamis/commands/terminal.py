"""What a command may put on a terminal, and how: text that cannot steer it, one JSON document, progress."""

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

# Cc: ESC, BEL, CR, C1 codes. Cf: bidirectional overrides and invisible marks. Cs: halves of pairs, Zl, Zp: line ends.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# A joiner inside a word of Persian or an emoji is harmless, and without it the word is another.
_HARMLESS = frozenset("\n\t\u200c\u200d")


def plain(text: str) -> str:
    """A text that cannot steer a terminal: control and invisible characters become visible escapes.

    >>> plain("a\\x1b[31mred\\u202e\\n")
    'a\\\\x1b[31mred\\\\u202e\\n'
    """
    return "".join(
        character
        if character in _HARMLESS or unicodedata.category(character) not in _UNSAFE
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def one_line(text: str, length: int = 240) -> str:
    """A preview: white space folded, cut at ``length`` characters, safe for a terminal.

    >>> one_line("first\\n\\n  second", 12)
    'first second'
    """
    folded = " ".join(text.split())
    return plain(folded if len(folded) <= length else f"{folded[: length - 1].rstrip()}…")


def console(*, stderr: bool = False) -> "Console":
    """A rich console that prints text as it is: no markup, emoji codes or highlighting in other people's words."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            """Whoever read the output has gone: for the program to decide on, which Rich would end with a 1."""
            raise

    return Plain(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def print_rows(rows: Sequence[Iterable[str]], out: "Console") -> None:
    """In columns, two spaces apart; a line is as long as it must be."""
    cells = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.print(f"  {line.rstrip()}")


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON document on stdout, nothing else."""
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    # Half a surrogate pair has no UTF-8 and would end the command: it goes out as an escape.
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def say(message: str) -> None:
    """A line on stderr, in the command's name."""
    sys.stderr.write(f"tamis: {one_line(message, 1000)}\n")


@contextmanager
def progress_bar(wanted: bool = True) -> Iterator["Progress | None"]:
    """A progress bar on stderr where that is a terminal; None in a pipe."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        yield bar
