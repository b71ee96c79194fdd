"""The report of a run's folder: made from its plan and its journal and written beside them, each file whole or not."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tamis.core.atomic import atomic_file, write_bytes
from tamis.core.errors import BadInput

from .answers import FLIPS
from .planned import Planned
from .report import Report
from .summary import Summary, summarise

REPORT = "report.json"
TIMINGS = "timings.json"
_Writer = Callable[[BinaryIO], None]


def write(folder: Path, *, corrections: Mapping[str, Any] | None = None, show_content: bool = False) -> Report:
    """Makes and writes every form of the report of the run in a folder, which need not be finished.

    ``report.json``, ``timings.json``, ``summary.md``, ``junit.xml``, ``report.sarif``, ``estimates.csv``,
    ``cases.csv`` and ``report.html``; ``trust.html`` and ``trust.json`` where a dimension of trust was measured. In all
    of them texts that may be harmful are cut, unless ``show_content``. ``corrections`` are as those of a ``Suite``, and
    for this report alone. Raises BadInput for a folder without a run and for a damaged journal, OSError where a file
    cannot be written; the one before is then still there.
    """
    return write_all(folder, corrections=corrections, show_content=show_content).report


def write_all(folder: Path, *, corrections: Mapping[str, Any] | None = None, show_content: bool = False) -> Summary:
    """The same, with what clocks and meters gave beside the report."""
    from ..run.journal import records
    from .junit import junit
    from .markdown import markdown
    from .page import write_page
    from .sarif import sarif
    from .tables import write_cases, write_estimates
    from .trust import write_trust
    from .veil import shown, without_echoes

    planned = Planned.read(folder).corrected_by(corrections or {})
    # Answers are compared whole: of what is counted only the errors' words reach a file.
    counted = records(folder) if show_content else map(without_echoes, records(folder))
    summary = summarise(counted, planned)
    report, timings = summary
    figures = [name for name in report.figures if name != FLIPS]
    with atomic_file(folder / "cases.csv") as file:
        write_cases(file, shown(records(folder), content=show_content), planned, figures, list(timings.figures))
    with atomic_file(folder / "estimates.csv") as file:
        write_estimates(file, report, timings)
    write_bytes(folder / "summary.md", markdown(report, timings, planned).encode("utf-8"))
    write_bytes(folder / "junit.xml", junit(report, timings))
    write_bytes(folder / "report.sarif", sarif(report, timings))
    trust = write_trust(folder, report, timings=timings)
    write_page(folder, report, timings=timings, trust=trust is not None, show_content=show_content)
    write_bytes(folder / TIMINGS, timings.to_bytes())
    # Last: whoever finds it finds the others as well.
    write_bytes(folder / REPORT, report.to_bytes())
    return summary


def read(folder: Path) -> Report:
    """The report that was written into a folder. Raises BadInput where there is none or it is damaged."""
    return _read(folder / REPORT)


def read_timings(folder: Path) -> Report:
    """What clocks and meters gave, as it was written. Raises BadInput."""
    return _read(folder / TIMINGS)


def _read(path: Path) -> Report:
    try:
        return Report.of(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}; `tamis report {path.parent}` writes it") from error
    except ValueError as error:  # BadInput is one too
        raise BadInput(f"{path}: {error}") from error
