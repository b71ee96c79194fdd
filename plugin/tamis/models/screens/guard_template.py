"""How a guard model is asked about a content, and how its reply is read: one TOML file a format."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.models.template import Part, Prompt, neutralised

_PLACE = re.compile(r"\{(content\.text|content\.images|policy)\}")
_ROOM = "tamis.models.screens"


class Ruling(NamedTuple):
    """What a reply says: whether the content is harmful, None where it says neither, and of which category."""

    is_harmful: bool | None
    category: str | None = None


@dataclass(frozen=True)
class GuardTemplate:
    """``user`` has the places ``{content.text}``, ``{content.images}`` and ``{policy}``.

    ``harmful`` and ``harmless`` are the labels of the format; the first of each are compared where a model gives
    log-probabilities. A written reply is read by ``pattern``, which must match all of it and has the group ``label``
    and perhaps ``categories``; without one the reply must begin with a label, as a whole word. ``categories`` maps
    codes to names. ``reply`` begins the model's turn. ``source`` says where the format comes from.

    >>> guard_template("safe-unsafe").read("unsafe\\nS10")
    Ruling(is_harmful=True, category='hate')
    >>> guard_template("yes-no").read("Yesterday")
    Ruling(is_harmful=None, category=None)
    """

    name: str
    source: str
    user: str
    harmful: tuple[str, ...]
    harmless: tuple[str, ...]
    system: str = ""
    policy: str = ""
    reply: str = ""
    pattern: str = ""
    grammar: str = ""
    categories: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("harmful", "harmless"):
            labels = getattr(self, name)
            if isinstance(labels, str) or not labels or not all(isinstance(one, str) and one.strip() for one in labels):
                raise BadSetting(f'the guard template "{self.name}" needs a list of labels as "{name}", not {labels!r}')
            object.__setattr__(self, name, tuple(labels))
        if {one.casefold() for one in self.harmful} & {one.casefold() for one in self.harmless}:
            raise BadSetting(f'the guard template "{self.name}" has a label that is harmful and harmless')
        if "{content.text}" not in self.user:
            raise BadSetting(f'the guard template "{self.name}" has no place {{content.text}}')
        try:
            groups = re.compile(self.pattern).groupindex if self.pattern else {"label": 1}
        except re.error as error:
            raise BadSetting(f'the guard template "{self.name}" has a pattern that is none: {error}') from error
        if "label" not in groups:
            raise BadSetting(f'the pattern of the guard template "{self.name}" has no group "label"')

    @property
    def sees_images(self) -> bool:
        """Whether images are shown to the model."""
        return "{content.images}" in self.user

    def prompt(self, content: Content, policy: str | None = None) -> Prompt:
        """What is put to the model. The content cannot pass for the frame: its headings are broken in it."""
        text = neutralised(content.text, self._headings)
        parts = []
        for number, piece in enumerate(_PLACE.split(self.user)):
            if piece == "content.images" and number % 2:
                parts += [Part(image=image, owner="passage") for image in content.images]
            elif piece == "content.text" and number % 2:
                parts.append(Part(text, owner="passage"))
            else:
                filled = (self.policy if policy is None else policy) if number % 2 else piece
                parts.append(Part(filled))
        return Prompt(tuple(part for part in parts if part.text or part.image is not None), self.system, self.reply)

    def read(self, reply: str) -> Ruling:
        """What a written reply says; nothing is guessed from words anywhere in it."""
        found = self._reading.fullmatch(reply) if self.pattern else self._reading.match(reply)
        if found is None:
            return Ruling(None)
        label = found["label"].casefold()
        if label not in {one.casefold() for one in self.harmful}:
            return Ruling(False if label in {one.casefold() for one in self.harmless} else None)
        codes = (found.groupdict().get("categories") or "").split(",")
        first = codes[0].strip()
        return Ruling(True, self.categories.get(first, first) if first and first.casefold() != "none" else None)

    @cached_property
    def _reading(self) -> re.Pattern[str]:
        labels = "|".join(re.escape(one) for one in sorted((*self.harmful, *self.harmless), key=len, reverse=True))
        return re.compile(self.pattern or rf"[\s\"'*]*(?P<label>{labels})\b", re.IGNORECASE)

    @cached_property
    def _headings(self) -> list[str]:
        frame = _PLACE.sub("\n", self.user)
        lines = [line.strip() for line in frame.splitlines()]
        return [line for line in lines if line.endswith(":")] + [
            line.split(".")[0] + "." for line in lines if "." in line
        ]

    @classmethod
    def from_toml(cls, text: str, where: str) -> "GuardTemplate":
        """A template as its file has it. Raises BadInput naming the file and what is wrong in it."""
        try:
            return cls(**tomllib.loads(text))
        except (tomllib.TOMLDecodeError, TypeError, BadSetting) as error:
            raise BadInput(f"{where}: is no guard template: {error}") from error


def guard_template(spec: "str | Path | GuardTemplate") -> GuardTemplate:
    """A template by its built-in name, from a .toml file, or as it is.

    Raises UnknownComponent with the names that exist, BadInput for a file that is none.
    """
    if isinstance(spec, GuardTemplate):
        return spec
    if isinstance(spec, Path) or "/" in spec or spec.endswith(".toml"):
        try:
            return GuardTemplate.from_toml(Path(spec).read_text(encoding="utf-8"), str(spec))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{spec}: cannot be read as a guard template: {error}") from error
    return _built_in(spec)


@cache
def _built_in(name: str) -> GuardTemplate:
    folder = files(_ROOM) / "templates"
    known = sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
    if name not in known:
        raise UnknownComponent(f'no guard template is called "{name}"; known: {", ".join(known)}, or a .toml file')
    return GuardTemplate.from_toml((folder / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")
