"""Energy of the machine's processors over a stretch of time, where Linux lets it be read (RAPL)."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from ..outcome import Outcome, Scored, Unscored

POWERCAP = Path("/sys/class/powercap")

# Packages only: what is below one (cores, memory controller) is part of it, and the mmio zones are the same once more.
_PACKAGE = re.compile(r"intel-rapl:\d+")


@dataclass
class EnergyMeter:
    """Reads the processors' energy counters: ``start()``, then ``stop()`` for the joules between.

    It is the energy of everything that ran on the machine meanwhile, of all processor packages, without graphics cards.
    A counter that ran over once is allowed for. On most systems only root may read it.
    """

    root: Path = POWERCAP
    _began: dict[Path, int] | None = field(default=None, init=False, repr=False)

    def start(self) -> None:
        """Begins, or begins anew."""
        self._began = self._read()

    def stop(self) -> Outcome:
        """Joules since ``start``. Unscored where the counters cannot be read, or nothing was started."""
        began, ended = self._began, self._read()
        self._began = None
        if began is None:
            return Unscored("the energy meter was not started")
        if not began or began.keys() != ended.keys():
            return Unscored(f"the processors' energy cannot be read in {self.root}")
        total = 0
        for zone, counted in ended.items():
            spent = counted - began[zone]
            if spent < 0:
                ceiling = _number(zone / "max_energy_range_uj")
                if ceiling is None:
                    return Unscored(f"the energy counter of {zone.name} ran over, and where it does is not known")
                spent += ceiling
            total += spent
        return Scored(total / 1e6)

    def _read(self) -> dict[Path, int]:
        """Microjoules by package; empty where one of them cannot be read."""
        try:
            zones = sorted(zone for zone in self.root.iterdir() if _PACKAGE.fullmatch(zone.name))
        except OSError:
            return {}
        found = {zone: _number(zone / "energy_uj") for zone in zones}
        read = {zone: number for zone, number in found.items() if number is not None}
        return read if len(read) == len(found) else {}


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        return None
