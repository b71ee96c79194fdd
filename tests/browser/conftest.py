"""One Chromium for the whole run, and the pages it opens: for ``make test-browser``; skipped where there is none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tamis.eval.report.page import page

from ..eval.report.page.sample import ATTACKS, HOSTILE, STALE, Made, made
from .chromium import Chromium, find

HERE = Path(__file__).parent
Pages = Callable[[str], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what is here without a browser."""
    for item in items:
        if HERE in item.path.parents and find() is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium is installed here; Debian: apt install chromium"))


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """The browser; it can reach nothing but files."""
    executable = find()
    if executable is None:
        pytest.skip("no Chromium is installed here")
    with Chromium(executable, tmp_path_factory.mktemp("chromium")) as running:
        yield running


def _runs() -> dict[str, Callable[[], Made]]:
    return {
        "plain": lambda: made(30, (*ATTACKS, STALE)),
        "mild": lambda: made(12, ATTACKS[:2], hostile=" x"),
        "hostile": lambda: made(12, ATTACKS[:2], hostile=HOSTILE),
        "large": lambda: made(10_000, [ATTACKS[1]], passages=12),
    }


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Made-up reports as files, by name: plain, mild, hostile, large."""
    folder = tmp_path_factory.mktemp("pages")

    def path(name: str) -> Path:
        file = folder / f"{name}.html"
        if not file.exists():
            run = _runs()[name]()
            file.write_text(page(run.report, run.records, plan={"command": "tamis eval"}), "utf-8")
        return file

    return path
