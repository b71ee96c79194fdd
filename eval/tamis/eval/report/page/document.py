"""``report.html``: one file with everything in it, made from a report and the journal's evidence."""

import json
import shlex
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tamis.core.atomic import write_bytes
from tamis.core.errors import BadInput, MissingExtra

from ...run.record import Record
from ..report import Report
from . import numbers
from .cases import CaseView, gather
from .choose import Limits, choose, failures
from .escape import cut, revealed
from .overview import overview

if TYPE_CHECKING:
    from jinja2 import Environment

FILE = "report.html"
_RUN = "run.json"


@dataclass(frozen=True)
class _Journal:
    """The records of a run's folder, read anew each time they are gone through."""

    folder: Path

    def __iter__(self) -> Iterator[Record]:
        from ...run.journal import records

        return records(self.folder)


def write_page(
    folder: Path,
    report: Report,
    *,
    timings: Report | None = None,
    limits: Limits | None = None,
    trust: bool = False,
    show_content: bool = False,
) -> Path:
    """Writes ``report.html`` into a run's folder, whole or not at all, and gives its path.

    The evidence is read from the journal twice and never held as a whole; ``run.json`` gives environment and command.
    ``timings`` is the report of what clocks gave. The same folder gives the same bytes. Raises OSError where it cannot
    be written, BadInput for a damaged journal or plan, MissingExtra without jinja2.
    """
    plan: Mapping[str, Any] = {}
    if (file := folder / _RUN).exists():
        try:
            plan = json.loads(file.read_text("utf-8"))
        except ValueError as error:
            raise BadInput(f"{file}: {error}") from error
    text = page(
        report,
        _Journal(folder),
        plan=plan,
        timings=timings,
        limits=limits,
        trust=trust,
        show_content=show_content,
    )
    path = folder / FILE
    write_bytes(path, text.encode("utf-8"))
    return path


def page(
    report: Report,
    records: Iterable[Record],
    *,
    plan: Mapping[str, Any] | None = None,
    timings: Report | None = None,
    limits: Limits | None = None,
    trust: bool = False,
    show_content: bool = False,
) -> str:
    """The page's text: valid UTF-8, no reference to anything outside it but ``trust.html`` where that lies beside it.

    ``records``, in any order, are gone through twice: a sequence, or something that begins anew at every ``iter``.
    ``plan`` is what ``run.json`` holds. Texts that may be harmful are cut unless ``show_content``. Raises BadInput for
    an iterator, MissingExtra without jinja2.
    """
    if iter(records) is records:
        raise BadInput("a page goes through the records twice: give a sequence, not an iterator")
    limits = limits or Limits()
    failed = failures(records, limits.rows)
    choices = choose(report, failed, limits.cases)
    gathered = gather(report, records, choices, failed, limits, show_content=show_content)
    room = environment()
    shown = _fitting(room, gathered.views, limits.size)
    style, script = packaged("style.css"), packaged("filter.js")
    return room.get_template("page.html").render(
        report=report,
        all=overview(report),
        timings=timings,
        plan=_Plan.of(plan or {}),
        cases=shown,
        numbers={view.case: place for place, (view, _) in enumerate(shown, start=1)},
        rows=gathered.rows,
        row_figures=gathered.figures,
        chosen=len(choices),
        trust=trust,
        style=markup(style),
        script=markup(script),
        style_hash=policy_hash(style),
        script_hash=policy_hash(script),
    )


@dataclass(frozen=True)
class _Plan:
    """What the page shows of ``run.json``."""

    command: str
    versions: tuple[tuple[str, str], ...]
    sessions: tuple[str, ...]
    rest: str

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> "_Plan":
        known = dict(written)
        command, versions, sessions = (known.pop(name, None) for name in ("command", "versions", "sessions"))
        return cls(
            command=shlex.join(map(str, command)) if isinstance(command, list) else str(command or ""),
            versions=tuple((str(name), str(one)) for name, one in versions.items())
            if isinstance(versions, Mapping)
            else (),
            sessions=tuple(map(_line, sessions)) if isinstance(sessions, list) else (),
            rest=json.dumps(known, ensure_ascii=False, indent=2) if known else "",
        )


def _line(session: object) -> str:
    if isinstance(session, Mapping):
        return " · ".join(f"{name} {value}" for name, value in session.items())
    return str(session)


def _fitting(room: "Environment", views: Iterable[CaseView], size: int) -> list[tuple[CaseView, Any]]:
    """Cases with their markup, the most telling first, as many as fit into so many bytes."""
    template = room.get_template("case.html")
    shown: list[tuple[CaseView, Any]] = []
    for view in views:
        text = template.render(view=view, number=len(shown) + 1)
        size -= len(text.encode("utf-8"))
        if size < 0:
            break
        shown.append((view, markup(text)))
    return shown


@cache
def environment(*rooms: str) -> "Environment":
    """Templates in which nothing is markup but what is made here, and hidden characters of all other text are named.

    ``rooms`` are packages whose ``templates`` come before the page's own.
    """
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise MissingExtra("the report's page", extra="eval") from error

    def finalize(value: object) -> object:
        if isinstance(value, Markup):
            return value
        if isinstance(value, str):
            return revealed(value)
        if value is None:
            return numbers.UNKNOWN
        return value

    room = Environment(
        loader=FunctionLoader(lambda name: packaged(name, *rooms)),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "cut": cut,
        "number": numbers.number,
        "signed": numbers.signed,
        "short": numbers.short,
        "probability": numbers.probability,
        "count": numbers.count,
        "share": numbers.share,
    }
    room.filters.update(filters)
    room.globals["interval"] = numbers.interval
    return room


def markup(text: str) -> Any:
    """The text as markup of ours, which is not escaped."""
    from markupsafe import Markup

    return Markup(text)


@cache
def packaged(name: str, *rooms: str) -> str:
    """A template, style or script by its file's name, from the first of the rooms that has it, else the page's own."""
    own = files("tamis.eval.report.page") / "templates" / name
    places = (files(room) / "templates" / name for room in rooms)
    return next((place for place in places if place.is_file()), own).read_text("utf-8")


def policy_hash(text: str) -> str:
    """As a Content-Security-Policy names an inline style or script."""
    return f"sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode()}"
