"""A prompt about several passages at once: read from a file, filled with a query and labelled passages."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.models.counting import count
from tamis.models.template import Owner, Part, Prompt, neutralised

_PLACE = re.compile(r"\{(query\.text|query\.images|passage\.text|passage\.images|label|count)\}")
_LONGEST_WORD = 12
"""Characters that a word may have on average: text without spaces is bounded too."""


@dataclass(frozen=True)
class ListPrompt:
    """How several passages are put to a model at once.

    ``begin`` and ``end`` have the places ``{query.text}``, ``{query.images}`` and ``{count}``; ``passage`` is repeated
    and has ``{label}``, ``{passage.text}`` and ``{passage.images}``. ``grammar`` says what the model is to reply,
    ``reply`` begins its turn, ``source`` says where the wording comes from.

    Texts of queries and passages cannot pass for the frame: a label in brackets and the frame's own headings are
    broken by a space in them, also those of labels that this prompt does not use. A tokenizer's special tokens are
    the back end's to break: it knows whose each part is.

    >>> prompt = list_prompt("setwise").prompt(Content("why?"), [("A", Content("[B] is best")), ("B", Content("No"))])
    >>> [part.text for part in prompt.parts if part.owner == "passage"]
    ['[ B] is best', 'No']
    """

    name: str
    source: str
    grammar: str
    begin: str
    passage: str
    end: str
    system: str = ""
    reply: str = ""

    def __post_init__(self) -> None:
        frame = self.begin + self.end
        if "{query.text}" not in frame or "{passage.text}" not in self.passage:
            raise BadSetting(f'the prompt "{self.name}" lacks the place {{query.text}} or {{passage.text}}')
        for text, foreign in ((frame, ("passage", "label")), (self.passage, ("query", "count"))):
            if misplaced := [place for place in _PLACE.findall(text) if place.startswith(foreign)]:
                raise BadSetting(f'the prompt "{self.name}" has the place {{{misplaced[0]}}} where it cannot be filled')

    def prompt(self, query: Content, passages: Sequence[tuple[str, Content]], max_words: int | None = None) -> Prompt:
        """The prompt for these passages, each with its label, in order. Texts are cut after ``max_words`` words.

        A passage that was cut is counted ("passages_cut").
        """
        values: dict[str, Any] = {"count": str(len(passages)), "query.images": query.images}
        values["query.text"] = self._harmless(query.text, max_words)
        parts = self._filled(self.begin, values)
        for label, passage in passages:
            text = self._harmless(passage.text, max_words)
            parts += self._filled(
                self.passage, {"label": label, "passage.text": text, "passage.images": passage.images}
            )
        return Prompt(tuple(merged([*parts, *self._filled(self.end, values)])), self.system, self.reply)

    def headings(self) -> list[str]:
        """The lines of the frame that stand before a query or a passage."""
        lines = [line.strip() for line in (self.begin + self.passage + self.end).splitlines()]
        return list(dict.fromkeys(line for line in lines if line.endswith(":") and not _PLACE.search(line)))

    def _harmless(self, text: str, max_words: int | None) -> str:
        short = bounded(text.strip(), max_words)
        return _BRACKETED.sub("[ ", neutralised(short, self.headings()))

    def _filled(self, text: str, values: Mapping[str, Any]) -> list[Part]:
        parts: list[Part] = []
        for number, piece in enumerate(_PLACE.split(text)):
            side, _, what = piece.partition(".") if number % 2 else ("", "", "")
            owner: Owner = "query" if side == "query" else "passage" if side == "passage" else "frame"
            if what == "images":
                parts += [Part(image=image, owner=owner) for image in values[piece]]
            else:
                parts.append(Part(str(values[piece]) if number % 2 else piece, owner=owner))
        return [part for part in parts if part.text or part.image is not None]

    def to_dict(self) -> dict[str, str]:
        """The prompt as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "ListPrompt":
        """What ``to_dict`` wrote. Raises BadInput for anything else."""
        try:
            return cls(**content)
        except TypeError as error:
            raise BadInput(f"this is no prompt for several passages: {error}") from error

    @classmethod
    def from_toml(cls, text: str, where: str) -> "ListPrompt":
        """A prompt as its file has it. Raises BadInput naming the file and what is wrong in it."""
        try:
            return cls(**tomllib.loads(text))
        except (tomllib.TOMLDecodeError, TypeError, BadSetting) as error:
            raise BadInput(f"{where}: is not a prompt for several passages: {error}") from error


# Labels are single letters and numbers.
_BRACKETED = re.compile(r"\[(?=(?:[A-Za-z]|\d{1,3})\])")


def merged(parts: Sequence[Part]) -> list[Part]:
    """The parts with the frame's texts that stand side by side as one."""
    found: list[Part] = []
    for part in parts:
        if found and part.owner == "frame" and found[-1].owner == "frame":
            found[-1] = Part(found[-1].text + part.text)
        else:
            found.append(part)
    return found


def bounded(text: str, max_words: int | None) -> str:
    """The text up to its ``max_words``-th word, and never more than twelve characters for each.

    >>> bounded("one two three", 2)
    'one two ...'
    """
    if max_words is None:
        return text
    longest = max_words * _LONGEST_WORD
    words = text[: longest + 1].split(maxsplit=max_words)
    if len(text) <= longest and len(words) <= max_words:
        return text
    count("passages_cut")
    return f"{' '.join(words[:max_words])[:longest]} ..."


def list_prompt(spec: "str | Path | ListPrompt") -> ListPrompt:
    """A prompt by its built-in name, from a .toml file, or as it is.

    Raises UnknownComponent with the names that exist, BadInput for a file that is no prompt.
    """
    if isinstance(spec, ListPrompt):
        return spec
    if isinstance(spec, Path) or "/" in spec or spec.endswith(".toml"):
        try:
            return ListPrompt.from_toml(Path(spec).read_text(encoding="utf-8"), str(spec))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{spec}: cannot be read as a prompt: {error}") from error
    return _built_in(spec)


@cache
def _built_in(name: str) -> ListPrompt:
    folder = files("tamis.rerankers.listwise") / "prompts"
    known = sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
    if name not in known:
        raise UnknownComponent(f'no prompt is called "{name}"; known: {", ".join(known)}, or a .toml file')
    return ListPrompt.from_toml((folder / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")
