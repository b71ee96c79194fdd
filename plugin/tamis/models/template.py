"""A prompt template: how a query and a passage are put to a model, and which words mean relevant and not."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.core.image import Image

Layout = Literal["passage-first", "query-first"]
Owner = Literal["frame", "query", "passage"]

_PLACE = re.compile(r"\{((?:query|passage)\.(?:text|images)|instruction)\}")
_NEEDED = frozenset({"query.text", "query.images", "passage.text", "passage.images"})
# What a line of the frame ends with where a side begins: "<Query>:", "Image Caption:".
_LABEL = re.compile(r"[<\[]?\w[\w ]{0,30}[>\]]?:$")
IN_CHECKPOINT = "tamis_template.toml"
"""What a checkpoint's folder may carry: a template of its own, which wins over the built-in ones."""


class Part(NamedTuple):
    """A piece of the user's turn: text, or an image; ``owner`` says whose it is. Only the frame's is trusted."""

    text: str = ""
    image: Image | None = None
    owner: Owner = "frame"


class Prompt(NamedTuple):
    """What is put to a model: a system turn ("" for none), the user's turn in parts, and the reply's beginning."""

    parts: tuple[Part, ...]
    system: str = ""
    reply: str = ""

    @property
    def images(self) -> list[Image]:
        """The images in the order in which they stand."""
        return [part.image for part in self.parts if part.image is not None]


class Form(NamedTuple):
    """One wording of the user's turn, and the places that must be filled for it to fit."""

    user: str
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Template:
    """How a (query, passage) pair is asked about: the first form that fits is taken.

    A form's text has the places ``{query.text}``, ``{query.images}``, ``{passage.text}``, ``{passage.images}`` and
    ``{instruction}``. ``layout`` says which side stands first: what a passage-first template computes of a passage
    can be kept for the next query. ``yes`` and ``no`` are the answers whose next-token logits are compared; each must
    be one token of the model. ``reply`` begins the assistant's turn. ``empty`` stands for a side with no content, where
    the model was trained so. ``source`` says where the wording comes from.

    >>> template = Template("t", "here", "passage-first", "Yes", "No", (Form("{passage.text} | {query.text}"),))
    >>> [part.text for part in template.prompt(Content("why?"), Content("because")).parts]
    ['because', ' | ', 'why?']
    """

    name: str
    source: str
    layout: Layout
    yes: str
    no: str
    forms: tuple[Form, ...]
    system: str = ""
    reply: str = ""
    instruction: str = ""
    empty: str = ""

    def __post_init__(self) -> None:
        if self.layout not in get_args(Layout):
            raise BadSetting(
                f'the layout of the template "{self.name}" is {self.layout!r}; it must be one of '
                f"{', '.join(get_args(Layout))}"
            )
        if not self.yes.strip() or not self.no.strip() or self.yes == self.no:
            raise BadSetting(
                f'the template "{self.name}" has the answers {self.yes!r} and {self.no!r}; two words are needed'
            )
        if not self.forms:
            raise BadSetting(f'the template "{self.name}" has no form; one [[form]] with a "user" text is needed')
        for form in self.forms:
            places = _PLACE.findall(form.user)
            sides = [place.partition(".")[0] for place in places if place != "instruction"]
            if not {"query", "passage"} <= set(sides):
                raise BadSetting(f'a form of the template "{self.name}" lacks the query or the passage: {form.user!r}')
            if sides[0] != self.layout.partition("-")[0] or sides != sorted(sides, key=lambda side: side != sides[0]):
                raise BadSetting(f'the template "{self.name}" is {self.layout}, but a form of it is not: {form.user!r}')

    def prompt(self, query: Content, passage: Content, instruction: str | None = None) -> Prompt:
        """What is put to the model for one pair. Nothing is neutralised yet: see ``neutralised``.

        Raises BadInput where no form fits what the two contain, naming what is missing.
        """
        filled = {
            "query.text": query.text.strip() or ("" if query.images else self.empty),
            "passage.text": passage.text.strip() or ("" if passage.images else self.empty),
            "query.images": query.images,
            "passage.images": passage.images,
            "instruction": self.instruction if instruction is None else instruction,
        }
        form = next((form for form in self.forms if all(filled[place] for place in form.needs)), None)
        if form is None:
            wanted = " or ".join(" with ".join(sorted(form.needs)) for form in self.forms)
            raise BadInput(f'the template "{self.name}" has no form for this pair: it needs {wanted}')
        parts: list[Part] = []
        for number, piece in enumerate(_PLACE.split(form.user)):
            if number % 2 == 0 or piece == "instruction":
                parts.append(Part(piece if number % 2 == 0 else str(filled[piece])))
            elif piece.endswith(".images"):
                parts += [Part(image=image, owner=_owner(piece)) for image in _images(filled[piece])]
            else:
                parts.append(Part(str(filled[piece]), owner=_owner(piece)))
        return Prompt(tuple(part for part in parts if part.text or part.image), self.system, self.reply)

    def markers(self) -> list[str]:
        """What the frame is recognised by and no passage or query may contain: the labels of its sides."""
        found: list[str] = []
        for form in self.forms:
            for text in _PLACE.split(form.user)[::2]:
                found += [label[0] for line in text.splitlines() if (label := _LABEL.search(line.strip()))]
        return list(dict.fromkeys(found))

    def to_dict(self) -> dict[str, Any]:
        """The template as JSON that ``template_of`` takes."""
        forms = [{"user": form.user, "needs": sorted(form.needs)} for form in self.forms]
        return {**{each.name: getattr(self, each.name) for each in fields(self)}, "forms": forms}

    def with_instruction(self, instruction: str) -> "Template":
        """The same with another task description."""
        return replace(self, instruction=instruction)

    @classmethod
    def from_toml(cls, text: str, where: str) -> "Template":
        """A template as its file has it. Raises BadInput naming the file and what is wrong in it."""
        try:
            rows = tomllib.loads(text)
            return _made(rows, rows.pop("form"))
        except (tomllib.TOMLDecodeError, KeyError, BadSetting) as error:
            raise BadInput(f"{where}: is not a template: {error}") from error


def _made(rows: Mapping[str, Any], forms: Any) -> Template:
    """A template of its fields and its forms' fields. Raises BadSetting naming what is wrong in them."""
    known = {each.name for each in fields(Template)} - {"forms"}
    if unknown := sorted(str(name) for name in set(rows) - known):
        raise BadSetting(f'a template has no field "{unknown[0]}"; known: {", ".join(sorted(known))}')
    if missing := sorted({each.name for each in fields(Template) if each.default is MISSING} - {"forms", *rows}):
        raise BadSetting(f'a template lacks the field "{missing[0]}"')
    if wrong := [name for name, value in rows.items() if not isinstance(value, str)]:
        raise BadSetting(f'the field "{wrong[0]}" of a template must be a text, not {rows[wrong[0]]!r}')
    try:
        made = tuple(Form(str(row["user"]), frozenset(row.get("needs", ()))) for row in forms)
        template = Template(forms=made, **rows)
    except (AttributeError, KeyError, TypeError) as error:
        raise BadSetting(f'a form of the template is not one with a "user" text: {error!r}') from error
    for form in made:
        if strange := sorted(form.needs - _NEEDED, key=str):
            raise BadSetting(f'"{strange[0]}" is no place; known: {", ".join(sorted(_NEEDED))}')
    return template


def _owner(place: str) -> Owner:
    return "query" if place.startswith("query") else "passage"


def _images(value: Any) -> tuple[Image, ...]:
    return tuple(value)


@cache
def names() -> tuple[str, ...]:
    """The built-in templates, sorted."""
    folder = files("tamis.models") / "templates"
    return tuple(sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith(".toml")))


def template_of(spec: "str | Path | Mapping[str, Any] | Template") -> Template:
    """A template by its built-in name, from a file, or as it is.

    A string with a slash or the ending ``.toml`` is a file. Raises UnknownComponent with the names that exist,
    BadInput for a file that is none, BadSetting for a mapping that is none.
    """
    if isinstance(spec, Template):
        return spec
    if isinstance(spec, Mapping):
        return _made({name: value for name, value in spec.items() if name != "forms"}, spec.get("forms", ()))
    if isinstance(spec, Path) or "/" in spec or spec.endswith(".toml"):
        path = Path(spec)
        try:
            return Template.from_toml(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{path}: cannot be read as a template: {error}") from error
    return _built_in(spec)


@cache
def _built_in(name: str) -> Template:
    if name not in names():
        raise UnknownComponent(f'no template is called "{name}"; known: {", ".join(names())}, or a .toml file')
    file = files("tamis.models") / "templates" / f"{name}.toml"
    return Template.from_toml(file.read_text(encoding="utf-8"), file.name)


def in_checkpoint(folder: str | Path) -> Template | None:
    """The template that a checkpoint's folder carries; None where it has none. Raises BadInput for a broken one."""
    path = Path(folder) / IN_CHECKPOINT
    return template_of(path) if path.is_file() else None


def neutralised(text: str, markers: Iterable[str], shapes: str = "") -> str:
    """The text with every marker in it broken by a space behind its first character, so that none is left.

    ``markers`` are a tokenizer's special tokens and a template's own labels: inside a passage or a query they are
    words like any others, and must not become a frame. ``shapes`` is a regular expression for further ones.

    >>> neutralised("so <|im_end|> it is", ["<|im_end|>"])
    'so < |im_end|> it is'
    """
    known = sorted({marker for marker in markers if marker.strip()}, key=len, reverse=True)
    if not known and not shapes:
        return text
    # Splitting one marker may leave another that overlapped it; each round breaks at least one for good.
    pattern = re.compile("|".join([*map(re.escape, known), *([shapes] if shapes else [])]))
    for _ in range(len(text) + 1):
        broken = pattern.sub(_split, text)
        if broken == text:
            return text
        text = broken
    return text


def _split(found: "re.Match[str]") -> str:
    marker = found[0]
    # A marker of one character cannot be broken; what is left of it is a space.
    return f"{marker[0]} {marker[1:]}" if len(marker) > 1 else " "
