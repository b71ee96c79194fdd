"""What the pytest plugin adds to the start of a test run that does not use it.

    python benchmarks/pytest_startup.py [--runs 20] [--json]

One test that does nothing, run by ``python -m pytest`` as it is and with ``-p no:tamis``, by turns, in an empty folder.
The difference is that of the medians, of the time on the clock and of the processor's; its 95% interval is a bootstrap
over the pairs.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

LIMIT_MS = 50.0
SIDES = {"with": (), "without": ("-p", "no:tamis")}


class Cost(NamedTuple):
    """Milliseconds of one run: on the clock, and of the processor."""

    clock: float
    processor: float


def one_run(folder: Path, options: tuple[str, ...]) -> Cost:
    """Runs pytest once in a process of its own. Raises CalledProcessError where the test does not pass."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "test_nothing.py"],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(1000 * (time.perf_counter() - start), 1000 * used)


def measured(runs: int) -> dict[str, list[Cost]]:
    """The costs of both sides, taken by turns so that both see the same neighbours; the first pair warms the caches."""
    costs: dict[str, list[Cost]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        (folder / "pytest.ini").write_text("[pytest]\n")
        for number in range(runs + 1):
            # Who goes first changes, so that neither side always has the warmer processor.
            for side in sorted(SIDES, reverse=number % 2 == 0):
                cost = one_run(folder, SIDES[side])
                if number:
                    costs[side].append(cost)
    return costs


def main() -> int:
    """Prints the medians and what the plugin adds; exit code 1 if that is surely 50 ms or more."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from tamis.eval.stats import paired_difference

    costs = measured(options.runs)
    rows = {}
    for kind in Cost._fields:
        sides = {side: [getattr(cost, kind) for cost in costs[side]] for side in SIDES}
        added = paired_difference(sides["with"], sides["without"], seed=0)
        medians = {side: statistics.median(values) for side, values in sides.items()}
        rows[kind] = {
            "median_with_ms": medians["with"],
            "median_without_ms": medians["without"],
            "difference_of_medians_ms": medians["with"] - medians["without"],
            "mean_difference_ms": {"mean": added.mean, "low": added.low, "high": added.high},
        }
    low = rows["processor"]["mean_difference_ms"]["low"]
    kept = low is None or low < LIMIT_MS
    if options.json:
        print(
            json.dumps(
                {
                    "command": f"python benchmarks/pytest_startup.py --runs {options.runs}",
                    "runs": options.runs,
                    "limit_ms": LIMIT_MS,
                    **rows,
                    "within_limit": kept,
                },
                indent=2,
            )
        )
    else:
        for kind, row in rows.items():
            mean = row["mean_difference_ms"]
            print(
                f"{kind:10s} with {row['median_with_ms']:7.1f} ms   without {row['median_without_ms']:7.1f} ms   "
                f"added {row['difference_of_medians_ms']:+6.1f} ms (mean {mean['mean']:+.1f}, "
                f"{mean['low']:+.1f} to {mean['high']:+.1f})"
            )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
