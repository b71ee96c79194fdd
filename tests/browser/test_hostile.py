"""Hostile text in every place it can reach: nothing runs, nothing is added, nothing is fetched."""

from pathlib import Path

import pytest

from ..eval.report.page.sample import HOSTILE
from .chromium import Chromium
from .conftest import Pages

ELEMENTS = """
(() => {
  const counts = {};
  for (const one of document.querySelectorAll('*')) {
    const names = one.getAttributeNames().filter(name => !/^(id|class|href)$/.test(name)).sort().join(',');
    const key = one.tagName + ' ' + names;
    counts[key] = (counts[key] || 0) + 1;
  }
  return counts;
})()
"""


def without_policy(path: Path, folder: Path) -> Path:
    """The page without its Content-Security-Policy, so that the escaping has to hold alone."""
    text = path.read_text("utf-8")
    bare = text.replace('http-equiv="Content-Security-Policy"', 'name="none"')
    assert bare != text
    made = folder / f"bare-{path.name}"
    made.write_text(bare, "utf-8")
    return made


@pytest.mark.parametrize("policy", [True, False])
def test_nothing_hostile_runs(browser: Chromium, pages: Pages, tmp_path: Path, policy: bool) -> None:
    path = pages("hostile") if policy else without_policy(pages("hostile"), tmp_path)
    with browser.tab() as tab:
        tab.open(path)
        tab.value("document.querySelectorAll('details').forEach(one => { one.open = true })")
        for place in ("h1", "blockquote", ".step li", ".passages li", ".tag"):
            tab.hover(place)
        tab.value("new Promise(done => setTimeout(done, 200))")
        assert tab.value("window.pwned === undefined") is True
        assert tab.value("document.title").startswith("Gates failed")
        assert [one for one in tab.requests if not one.startswith("data:")] == [path.as_uri()]
        assert tab.messages == []


def test_nothing_is_added_to_the_page(browser: Chromium, pages: Pages) -> None:
    found = []
    for name in ("mild", "hostile"):
        with browser.tab() as tab:
            tab.open(pages(name))
            found.append(tab.value(ELEMENTS))
    assert found[0] == found[1]


def test_hostile_text_is_there_to_be_read(browser: Chromium, pages: Pages) -> None:
    with browser.tab() as tab:
        tab.open(pages("hostile"))
        words = tab.value("document.querySelector('.passages .text').textContent")
    assert "<script>window.pwned = 1; document.title = 'pwned'</script>" in words
    assert "⟦U+001B⟧[2J" in words
    assert "⟦U+202E⟧gnp.exe⟦U+2066⟧⟦U+200B⟧⟦U+200D⟧⟦U+FEFF⟧⟦U+D800⟧" in words


@pytest.mark.parametrize(("policy", "runs"), [(False, True), (True, False)])
def test_unescaped_it_would_run_but_for_the_policy(
    browser: Chromium, pages: Pages, tmp_path: Path, policy: bool, runs: bool
) -> None:
    """These checks can fail; and should an escape ever be missing, the policy still stands."""
    path = pages("plain") if policy else without_policy(pages("plain"), tmp_path)
    broken = tmp_path / "broken.html"
    hostile = HOSTILE.encode("utf-8", "replace").decode()
    broken.write_text(path.read_text("utf-8").replace("</header>", f'<p title="{hostile}</p></header>'), "utf-8")
    with browser.tab() as tab:
        tab.open(broken)
        tab.value("new Promise(done => setTimeout(done, 200))")
        assert tab.value("window.pwned !== undefined") is runs
        assert any("Content Security Policy" in one for one in tab.messages) is policy
