"""Builds wheel and sdist in a temporary folder and compares what is in them with what is in the checkout.

A wrong line in pyproject.toml can give an empty wheel and a green build, so the lists are compared file by file.
Run as a script: exit code 1 and one line for each difference.
"""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("plugin", "retrievers", "rerankers", "eval")
# In the sdist because a packager needs them to build and to test.
SDIST_ALSO = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO", "tests/conftest.py")


def files_of(root: Path) -> list[str]:
    """Every file below a folder, caches left out."""
    return [
        file.relative_to(root).as_posix()
        for file in root.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    ]


def expected_files(checkout: Path) -> set[str]:
    """Where every file of the four source roots belongs in the wheel."""
    rooms = {f"tamis/{name}" for root in SOURCE_ROOTS for name in files_of(checkout / root / "tamis")}
    return {"pytest_tamis.py", *rooms}


def wheel_problems(wheel: Path, checkout: Path) -> list[str]:
    """What is missing from the wheel, and what has no business there."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    metadata = {name for name in names if name.partition("/")[0].endswith(".dist-info")}
    expected, content = expected_files(checkout), names - metadata
    problems = [f"not in the wheel: {name}" for name in sorted(expected - content)]
    problems += [f"in the wheel and not in a source root: {name}" for name in sorted(content - expected)]
    if "tamis/__init__.py" in content:
        problems.append("tamis/__init__.py must not exist: tamis is a namespace package over four source roots")
    rooms = {name.split("/")[1] for name in content if name.startswith("tamis/") and name.count("/") > 1}
    problems += [f"no tamis/{room}/py.typed" for room in sorted(rooms) if f"tamis/{room}/py.typed" not in content]
    if not any(name.endswith("/licenses/LICENSE") for name in metadata):
        problems.append("the license is not in the wheel")
    entry_points = next((name for name in metadata if name.endswith("/entry_points.txt")), None)
    if entry_points is None:
        problems.append("the wheel has no entry points: no tamis command, no pytest plugin")
    return problems


def sdist_problems(sdist: Path, checkout: Path) -> list[str]:
    """What somebody who builds from the sdist would miss."""
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    wanted = {f"{root}/{name}" for root in SOURCE_ROOTS for name in files_of(checkout / root)} | set(SDIST_ALSO)
    return [f"not in the sdist: {name}" for name in sorted(wanted - names)]


def build(kind: str, checkout: Path, folder: Path) -> Path:
    """Builds a "wheel" or an "sdist" with what is installed: no network, no second environment."""
    subprocess.run(
        [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", folder, checkout],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    (built,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def main() -> int:
    """Prints the problems; exit code 1 if there are any."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = build("wheel", CHECKOUT, Path(folder))
        sdist = build("sdist", CHECKOUT, Path(folder))
        problems = wheel_problems(wheel, CHECKOUT) + sdist_problems(sdist, CHECKOUT)
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    if not problems:
        sys.stdout.write(f"The wheel has all {len(expected_files(CHECKOUT))} files of the source roots and no other.\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
