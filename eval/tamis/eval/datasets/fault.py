"""What is wrong with a data file, and where."""

from dataclasses import dataclass
from pathlib import Path

from tamis.core.errors import BadInput

_SHOWN = 600


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: in which file, on which line (from 1), in which field; None where none can be named.

    A ``warning`` does not keep the data from being used. Written out, it is one line for any terminal: what came from
    the file is cut, and what is no printable character in it is escaped.

    >>> str(Fault(Path("cases.jsonl"), 3, "gold", 'no document has the id "d9"'))
    'cases.jsonl, line 3, gold: no document has the id "d9"'
    """

    file: Path
    line: int | None
    field: str | None
    what: str
    warning: bool = False

    def __str__(self) -> str:
        place = str(self.file)
        if self.line is not None:
            place += f", line {self.line}"
        if self.field is not None:
            place += f", {self.field[:_SHOWN]}"
        what = self.what if len(self.what) <= _SHOWN else f"{self.what[:_SHOWN]}..."
        line = f"{place}: {'warning: ' if self.warning else ''}{what}"
        return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in line)


class FaultyData(BadInput):
    """A record cannot be read; ``fault`` says where and why."""

    def __init__(self, fault: Fault, besides: str = "") -> None:
        super().__init__(f"{fault}{besides}")
        self.fault = fault
