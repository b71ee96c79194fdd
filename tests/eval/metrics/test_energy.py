"""The energy meter on a folder that looks like Linux's: counters that run on, run over, or may not be read."""

from pathlib import Path

import pytest

from tamis.eval.metrics.energy import EnergyMeter
from tamis.eval.outcome import Scored, Unscored


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    """Two packages, a part of the first, and its twin."""
    for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0", "intel-rapl-mmio:0", "dtpm"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text("1000000\n")
        (tmp_path / name / "max_energy_range_uj").write_text("9000000\n")
    return tmp_path


def count(zones: Path, name: str, microjoules: int) -> None:
    (zones / name / "energy_uj").write_text(f"{microjoules}\n")


def test_packages_are_added_up_and_their_parts_are_not(zones: Path) -> None:
    meter = EnergyMeter(zones)
    meter.start()
    count(zones, "intel-rapl:0", 3_500_000)
    count(zones, "intel-rapl:1", 1_250_000)
    count(zones, "intel-rapl:0:0", 2_000_000)
    count(zones, "intel-rapl-mmio:0", 3_500_000)
    assert meter.stop() == Scored(2.75)
    assert meter.stop() == Unscored("the energy meter was not started")


def test_a_counter_that_ran_over_is_allowed_for(zones: Path) -> None:
    meter = EnergyMeter(zones)
    meter.start()
    count(zones, "intel-rapl:1", 200_000)
    assert meter.stop() == Scored(8.2)
    meter.start()
    (zones / "intel-rapl:1/max_energy_range_uj").unlink()
    count(zones, "intel-rapl:1", 100_000)
    assert isinstance(meter.stop(), Unscored)


def test_what_cannot_be_read_is_not_zero(zones: Path, tmp_path: Path) -> None:
    meter = EnergyMeter(zones)
    meter.start()
    (zones / "intel-rapl:1/energy_uj").write_text("nothing")
    assert isinstance(meter.stop(), Unscored)
    for nowhere in (EnergyMeter(tmp_path / "nowhere"), EnergyMeter(zones / "dtpm")):
        nowhere.start()
        assert isinstance(nowhere.stop(), Unscored)
