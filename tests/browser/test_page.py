"""The report's page in a browser: it opens, asks for nothing, fits, can be read, used by keyboard and printed."""

import base64
import io
from typing import Any

import pytest

from .chromium import Chromium, Tab
from .conftest import Pages

OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true })"

# Every element that has words of its own, its colour and the first background behind it that is not transparent.
CONTRAST = """
(() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * x + .7152 * y + .0722 * z;
  };
  const found = new Map();
  for (const one of document.querySelectorAll('body *')) {
    const words = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!words || !one.checkVisibility()) continue;
    const style = getComputedStyle(one);
    let behind = one, back = [0, 0, 0, 0];
    while (behind && (back.length > 3 && back[3] === 0)) {
      back = parts(getComputedStyle(behind).backgroundColor);
      behind = behind.parentElement;
    }
    const paint = one.namespaceURI.endsWith('svg') ? style.fill : style.color;
    const [a, b] = [light(parts(paint)), light(back)].sort((m, n) => n - m);
    const key = `${paint} on rgb(${back.slice(0, 3)})`;
    found.set(key, [(a + .05) / (b + .05), one.tagName + '.' + (one.getAttribute('class') || '')]);
  }
  return [...found].map(([key, [ratio, where]]) => ({key, ratio, where}));
})()
"""


def fits(tab: Tab, width: int) -> bool:
    # Not innerWidth: a telephone zooms out until everything fits.
    return bool(tab.value("document.documentElement.scrollWidth") <= width)


@pytest.mark.parametrize("scripts", [True, False])
def test_it_opens_quietly_and_says_the_verdict(browser: Chromium, pages: Pages, scripts: bool) -> None:
    path = pages("plain")
    with browser.tab(scripts=scripts) as tab:
        tab.open(path)
        assert tab.messages == []
        assert [one for one in tab.requests if not one.startswith("data:")] == [path.as_uri()]
        assert tab.value("document.querySelector('h2').textContent.trim()") == "Gates failed"
        assert tab.value("document.title").startswith("Gates failed · robustness")
        assert tab.value("document.querySelectorAll('#attacks .matrix tbody tr').length") == 7


def test_without_scripts_a_case_opens_and_the_filter_is_not_offered(browser: Chromium, pages: Pages) -> None:
    with browser.tab(scripts=False) as tab:
        tab.open(pages("plain"))
        assert tab.value("document.querySelector('.filter').checkVisibility()") is False
        assert tab.value("document.querySelector('#case-1').checkVisibility()") is False
        tab.click("details.case > summary")
        assert tab.value("document.querySelector('#case-1').checkVisibility()") is True


def test_a_link_to_a_case_opens_it(browser: Chromium, pages: Pages) -> None:
    with browser.tab() as tab:
        tab.open(pages("plain"), "#case-3")
        assert tab.value("document.querySelector('#case-3').checkVisibility()") is True
        assert tab.value("document.querySelector('#case-2').checkVisibility()") is False


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_it_never_scrolls_sideways(browser: Chromium, pages: Pages, name: str, width: int) -> None:
    with browser.tab(width) as tab:
        tab.open(pages(name))
        assert fits(tab, width)
        tab.value(OPEN_ALL)
        assert fits(tab, width)


NARROW_AND_READABLE = """
[...document.querySelectorAll('.legend .key, .nowhere p, .unapplied li, .silent, .goals td, .facts li')]
  .filter(one => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth)
  .map(one => one.outerHTML.slice(0, 120))
"""
OVERLAPPING_LABELS = """
[...document.querySelectorAll('.ticks')].filter(one => one.checkVisibility()).flatMap(one => {
  const boxes = [...one.querySelectorAll('text')].map(text => text.getBoundingClientRect()).filter(box => box.width);
  return boxes.slice(1).filter((box, place) => box.left < boxes[place].right);
}).length
"""


def test_on_a_telephone_words_are_whole_and_labels_apart(browser: Chromium, pages: Pages) -> None:
    with browser.tab(360) as tab:
        tab.open(pages("plain"))
        tab.value(OPEN_ALL)
        assert tab.value("document.querySelectorAll('.nowhere p').length") == 1
        assert tab.value(NARROW_AND_READABLE) == []
        assert tab.value(OVERLAPPING_LABELS) == 0


def test_on_a_desk_the_table_of_attacks_is_whole(browser: Chromium, pages: Pages) -> None:
    whole = "(one => one.scrollWidth <= one.clientWidth)(document.querySelector('.matrix').parentElement)"
    with browser.tab(1280) as tab:
        tab.open(pages("plain"))
        assert tab.value(whole) is True


@pytest.mark.parametrize("width", [360, 1280])
def test_no_words_of_a_case_stand_letter_under_letter(browser: Chromium, pages: Pages, width: int) -> None:
    towers = """
    [...document.querySelectorAll('.column th, .column td, .column p, .passages p')]
      .map(one => one.getBoundingClientRect()).filter(box => box.width && box.width < 40 && box.height > 60).length
    """
    with browser.tab(width) as tab:
        tab.open(pages("plain"))
        tab.value(OPEN_ALL)
        assert tab.value("document.querySelectorAll('.without').length") > 3
        assert tab.value(towers) == 0
        tab.value("document.querySelectorAll('.without').forEach(one => { one.style.width = '1ch' })")
        assert tab.value(towers) > 0, "the measure can fail"


def test_the_measure_of_sideways_scrolling_can_fail(browser: Chromium, pages: Pages) -> None:
    with browser.tab(360) as tab:
        tab.open(pages("plain"))
        tab.value("document.querySelectorAll('.scroll').forEach(one => one.className = '')")
        assert not fits(tab, 360)


@pytest.mark.parametrize("dark", [False, True])
def test_every_word_stands_out_from_what_is_behind_it(browser: Chromium, pages: Pages, dark: bool) -> None:
    with browser.tab(dark=dark) as tab:
        tab.open(pages("plain"))
        tab.value(OPEN_ALL)
        found: list[dict[str, Any]] = tab.value(CONTRAST)
        background = tab.value("getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number)")
    assert (sum(background) < 200) is dark
    assert len(found) > 5
    assert [one for one in found if one["ratio"] < 4.5] == []


def test_the_filter_leaves_the_rows_that_have_every_word(browser: Chromium, pages: Pages) -> None:
    shown = "[...document.querySelectorAll('#rows-table tbody tr')].filter(row => row.checkVisibility()).length"
    with browser.tab() as tab:
        tab.open(pages("plain"))
        assert tab.value(shown) == 30
        tab.value("document.getElementById('filter').focus()")
        tab.call("Input.insertText", text="comparison 0001")
        tab.value("new Promise(done => setTimeout(done, 300))")
        assert tab.value(shown) == 6
        assert tab.value("document.getElementById('filtered').textContent") == "6 of 30"


def test_the_keyboard_comes_to_the_verdicts_first(browser: Chromium, pages: Pages) -> None:
    with browser.tab() as tab:
        tab.open(pages("plain"))
        tab.press("Tab")
        assert tab.value("document.activeElement.className") == "skip"
        assert tab.value("document.activeElement.getBoundingClientRect().left") >= 0
        tab.press("Enter")
        assert tab.value("document.activeElement.id") == "main"


def test_drawings_tables_and_regions_have_names(browser: Chromium, pages: Pages) -> None:
    nameless = """
    [...document.querySelectorAll('svg:not([aria-hidden]), [role=region], section, nav, input, img')].filter(one =>
      !one.querySelector('title') && !one.getAttribute('aria-label') && !one.getAttribute('aria-labelledby')
      && !one.closest('label') && !one.alt).map(one => one.outerHTML.slice(0, 120))
    """
    with browser.tab() as tab:
        tab.open(pages("plain"))
        assert tab.value(nameless) == []
        assert tab.value("[...document.querySelectorAll('th')].filter(one => !one.scope).length") == 0
        assert tab.value("document.querySelectorAll('main, h1').length") == 2
        tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    images = [node for node in tree if node.get("role", {}).get("value") == "image" and not node["ignored"]]
    assert images
    assert [node for node in images if not node["name"]["value"]] == []


def test_it_prints_the_verdicts_and_the_tables_that_are_closed_on_screen(browser: Chromium, pages: Pages) -> None:
    from pypdf import PdfReader

    with browser.tab(dark=True) as tab:
        tab.open(pages("plain"))
        printed = base64.b64decode(tab.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    reader = PdfReader(io.BytesIO(printed))
    text = " ".join(page.extract_text() for page in reader.pages)
    assert "Gates failed" in text
    assert "answer_f1.typos > 0.5 at 95%" in text
    # Inside closed details: the numbers of a headline figure.
    assert "it abstained" in text
    assert 2 <= len(reader.pages) <= 40


def test_ten_thousand_cases_load(browser: Chromium, pages: Pages) -> None:
    path = pages("large")
    assert path.stat().st_size < 20_000_000
    with browser.tab(360) as tab:
        tab.open(path)
        assert tab.messages == []
        assert fits(tab, 360)
        assert tab.value("document.querySelectorAll('#rows-table tbody tr').length") == 2000
        loaded = tab.value("performance.timing.loadEventEnd - performance.timing.navigationStart")
    assert loaded < 20_000
