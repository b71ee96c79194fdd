"""Without SciPy: what needs none works, and what does names the line that installs it."""

import subprocess
import sys


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_missing_scipy_is_one_line_that_installs_it() -> None:
    found = run("import sys; sys.modules['scipy'] = None; from tamis.eval.stats import mean_interval")
    assert found.splitlines()[-1].endswith("computing intervals needs an extra: pip install 'tamis[eval]'")


def test_intervals_and_verdicts_need_no_scipy_and_listing_needs_no_numpy() -> None:
    code = (
        "import sys; sys.modules['scipy'] = None; import tamis.eval.stats as stats; "
        "print(stats.verdict(stats.Interval(0.2, 0.1, 0.3, 50), higher_is_better=True), 'numpy' in sys.modules)"
    )
    assert run(code) == "better False\n"
