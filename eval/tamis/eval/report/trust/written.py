"""``trust.json`` and ``trust.html``: the page of six dimensions, beside the report of a run."""

import json
from pathlib import Path
from typing import Any

from tamis.core.atomic import write_bytes
from tamis.core.errors import BadInput

from ..neutral import json_text
from ..page.document import environment, markup, packaged, policy_hash
from ..page.scale import Scale
from ..report import Report
from .six import SCHEMA, Trust, trust_of

PAGE = "trust.html"
NUMBERS = "trust.json"
_UNIT = Scale(0.0, 1.0)


def write_trust(folder: Path, report: Report, *, timings: Report | None = None) -> Trust | None:
    """Writes ``trust.json`` and ``trust.html`` into a run's folder; None, and no file, where there is nothing to show.

    The same seed, data and target give the same bytes of ``trust.json``; the page shows what clocks gave too. Raises
    OSError where they cannot be written, BadInput for a damaged journal, MissingExtra without jinja2.
    """
    from ...run.journal import records

    trust = trust_of(report, records(folder), timings)
    if not trust.is_measured:
        return None
    write_bytes(folder / PAGE, page(trust, report).encode("utf-8"))
    write_bytes(folder / NUMBERS, f"{json_text(trust.to_json())}\n".encode())
    return trust


def read_trust(folder: Path) -> dict[str, Any]:
    """What ``trust.json`` holds. Raises BadInput where there is none or it is damaged."""
    path = folder / NUMBERS
    try:
        written = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error
    if not isinstance(written, dict) or written.get("schema") != SCHEMA:
        raise BadInput(f'{path}: this is not of the schema "{SCHEMA}"')
    return written


def page(trust: Trust, report: Report) -> str:
    """The page's text: one file, no script, no reference to anything outside it. Raises MissingExtra without jinja2."""
    style = f"{packaged('style.css')}\n{packaged('trust.css')}"
    return (
        environment()
        .get_template("trust.html")
        .render(
            trust=trust,
            report=report,
            run=report.run,
            at=_UNIT.percent,
            style=markup(style),
            style_hash=policy_hash(style),
        )
    )
