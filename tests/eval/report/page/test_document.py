"""The page as a document: what is in it, that nothing hostile becomes markup, that it needs nothing else."""

import base64
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pytest

from tamis.core.errors import BadInput
from tamis.eval.report.page import Limits, page, write_page
from tamis.eval.report.report import Counts
from tamis.eval.run.journal import FILE, line_of
from tamis.eval.run.record import Record

from .sample import ATTACKS, HOSTILE, NO_DATE, STALE, Made, made

RUN = made(30)


class Document(HTMLParser):
    """What a browser would make elements and attributes of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.inside: dict[str, str] = {}
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in ("style", "script"):
            self.inside[self._open] = data
        else:
            self.words.append(data)
        self._open = ""

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def attribute(document: Document, name: str) -> list[str]:
    return [value for _, found, value in document.attributes if found == name]


def test_verdicts_come_first_and_every_count_is_there() -> None:
    document = Document(page(RUN.report, RUN.records))
    text = document.text
    assert text.index("Gates failed") < text.index("attack_success.poison < 0.1 at 95%") < text.index("Attacks Each")
    assert "Of 3 gates 1 failed, 1 passed and 1 had too little data, which is no pass." in text
    for word in ("worse", "indistinguishable", "Scored", "Unscored", "Failed", "it abstained", "no gold is known"):
        assert word in text
    assert "30 cases data hotpotqa" in text
    assert (
        text.index("Attacks Each") < text.index("Figures Every") < text.index("Cases The") < text.index("Run What was")
    )


def test_every_estimate_is_in_a_table_with_its_interval() -> None:
    cells = " ".join(_cells(page(RUN.report, RUN.records)))
    for one in RUN.report.estimates:
        if one.figure == "answer_f1":
            row = (
                f"{one.variant} {one.mean:.3f} [{one.low:.3f}, {one.high:.3f}] {one.scored} {one.unscored} {one.failed}"
            )
            assert row in cells


def _cells(text: str) -> Iterator[str]:
    for found in re.finditer(r"<t[dh][^>]*>(.*?)</t[dh]>", text, re.DOTALL):
        yield re.sub(r"<[^>]*>", "", found[1])


def test_the_same_run_gives_the_same_page_in_whatever_order_it_was_finished() -> None:
    shuffled = list(RUN.records)
    Random(5).shuffle(shuffled)
    assert page(RUN.report, shuffled) == page(RUN.report, RUN.records)


def test_hostile_text_becomes_no_element_and_no_attribute() -> None:
    hostile = made(30, hostile=HOSTILE)
    plan = {"command": HOSTILE, "versions": {HOSTILE: HOSTILE}, "sessions": [{HOSTILE: HOSTILE}], "suite": [HOSTILE]}
    mild = {"command": "x", "versions": {"x": "x"}, "sessions": [{"x": "x"}], "suite": ["x"]}
    evil = page(hostile.report, hostile.records, plan=plan, timings=hostile.report)
    # A gate's text that names a hostile figure does so in both, so that the same figures come first.
    good = made(30, hostile=" x")
    benign = page(good.report, good.records, plan=mild, timings=good.report)
    assert Document(evil).tags == Document(benign).tags
    known = {(tag, name) for tag, name, _ in Document(benign).attributes}
    assert {(tag, name) for tag, name, _ in Document(evil).attributes} == known
    assert not [name for _, name in known if name.startswith("on")]
    assert "⟦U+202E⟧" in evil
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", evil
    )
    evil.encode("utf-8")
    assert "{{ 7 * 7 }}" in evil


@pytest.mark.parametrize("hostile", ["", HOSTILE])
def test_nothing_outside_the_page_is_referred_to(hostile: str) -> None:
    run = made(12, ATTACKS[:2], hostile=hostile)
    document = Document(page(run.report, run.records))
    assert all(link.startswith("#") or link == "data:," for link in attribute(document, "href"))
    assert all(re.fullmatch(r"data:image/(jpeg|png);base64,[A-Za-z0-9+/=]+", one) for one in attribute(document, "src"))
    assert "url(" not in document.inside["style"]
    assert "@import" not in document.inside["style"]


def test_every_link_leads_somewhere_and_no_name_is_given_twice() -> None:
    document = Document(page(RUN.report, RUN.records))
    names = attribute(document, "id")
    assert [name for name, times in Counter(names).items() if times > 1] == []
    links = {link[1:] for link in attribute(document, "href") if link.startswith("#")}
    assert links - set(names) == set()
    labels = {name for value in attribute(document, "aria-labelledby") for name in value.split()}
    assert labels - set(names) == set()


def test_the_policy_allows_this_style_and_this_script_alone() -> None:
    document = Document(page(RUN.report, RUN.records))
    (policy,) = [value for value in attribute(document, "content") if "default-src" in value]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        digest = base64.b64encode(sha256(document.inside[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert attribute(document, "style") == []


def test_what_is_left_out_is_said() -> None:
    text = Document(page(RUN.report, RUN.records, limits=Limits(cases=4, rows=10))).text
    assert "The 4 cases most worth reading" in text
    assert "10 of 30 cases" in text
    assert "cases.csv" in text
    assert "journal.jsonl" in text


def test_cases_have_no_more_room_than_they_are_given() -> None:
    whole = page(RUN.report, RUN.records, limits=Limits(cases=20))
    bare = page(RUN.report, RUN.records, limits=Limits(cases=0))
    small = page(RUN.report, RUN.records, limits=Limits(cases=20, size=150_000))
    assert len(small.encode()) < len(bare.encode()) + 160_000 < len(whole.encode())
    assert "more were chosen and had no room" in small


def test_ten_thousand_cases_stay_far_below_twenty_megabytes() -> None:
    run = made(10_000, [ATTACKS[1]], passages=50)
    text = page(run.report, run.records)
    assert len(text.encode()) < 16_000_000
    assert "2,000 of 10,000 cases" in text


def test_a_run_without_attacks_gates_or_records_has_a_page() -> None:
    clean = made(10, [], gates=False)
    text = Document(page(clean.report, clean.records)).text
    assert "No gates" in text
    assert "Figures at a glance" in text
    assert 'id="attacks"' not in page(clean.report, clean.records)
    empty = replace(clean.report, estimates=(), differences=(), figures={}, counts=Counts(0, 0, 0, 10))
    text = Document(page(empty, [])).text
    assert "Unfinished run" in text
    assert "it has 0 of 10 records" in text
    assert "The journal holds no record" in text


def test_figures_of_a_case_without_a_number_are_named_together_with_the_reason() -> None:
    whole = page(RUN.report, RUN.records)
    assert "<b>unscored</b>: exposure [context] (<bdi>nothing is planted</bdi>)" in whole


def test_what_is_not_applicable_is_no_failure_and_one_line() -> None:
    run = made(10, (*ATTACKS[:1], STALE))
    whole = page(run.report, run.records)
    text = Document(whole).text
    assert "110 records, 40 not applicable, none failed" in text
    assert f"stale not applicable to any case: {NO_DATE}" in text
    (row,) = re.findall(r'<tr><th scope="row"><a href="#attack-2">.*?</tr>', whole, re.DOTALL)
    assert re.sub(r"<[^>]*>|\s+", " ", row).split("stale copies: 2")[1].split() == (
        f"not applicable to any case: {NO_DATE}".split()
    )
    assert ">failed</span>" not in whole
    assert [one.failed for one in run.report.estimates if one.variant == "stale@1"] == [10] * 8
    assert f"not applicable: {NO_DATE} ×10" in text, "the figures still count them"


def test_a_citation_is_given_in_full() -> None:
    run = made(5, (STALE,))
    assert len(STALE.source) > 300
    assert f'<td role="cell" class="wrap">{STALE.source}</td>' in page(run.report, run.records)


def test_what_has_no_clean_value_is_labelled_as_minus_its_control() -> None:
    whole = page(RUN.report, RUN.records)
    panel = re.search(r'<h3>exposure \[context\]</h3>.*?<table class="forest">(.*?)</table>', whole, re.DOTALL)
    assert panel is not None
    heads = [
        re.sub(r"<[^>]*>", "", one) for one in re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", panel[1], re.DOTALL)
    ]
    assert heads[2:5] == ["Attacked − control", "Attacked", "Control"]
    assert "poison@5 minus its control: +0." in panel[1]
    assert "minus clean" not in panel[1]
    assert whole.count('<span class="small">attacked − its control</span>') == 4


def test_the_run_is_told() -> None:
    plan = {
        "command": "tamis eval --suite robustness",
        "versions": {"numpy": "2.4.1"},
        "sessions": [{"workers": 8}],
        "seed": 7,
    }
    text = Document(page(RUN.report, RUN.records, plan=plan)).text
    for word in ("tamis eval --suite robustness", "numpy 2.4.1", "workers 8", '"seed": 7', "ab" * 32):
        assert word in re.sub(r"(numpy)(2)", r"\1 \2", text)


def test_an_iterator_of_records_is_refused() -> None:
    with pytest.raises(BadInput, match="twice"):
        page(RUN.report, iter(RUN.records))


def journal(folder: Path, run: Made) -> None:
    (folder / FILE).write_bytes(b"".join(line_of(record) for record in run.records))


def test_the_file_is_made_from_the_journal(tmp_path: Path) -> None:
    journal(tmp_path, RUN)
    (tmp_path / "run.json").write_text('{"command": "tamis eval", "versions": {}}', "utf-8")
    path = write_page(tmp_path, RUN.report)
    assert path == tmp_path / "report.html"
    first = path.read_bytes()
    assert first.decode("utf-8") == page(
        RUN.report, [Record.of(one.to_json()) for one in RUN.records], plan={"command": "tamis eval", "versions": {}}
    )
    assert write_page(tmp_path, RUN.report).read_bytes() == first
    assert sorted(file.name for file in tmp_path.iterdir()) == [FILE, "report.html", "run.json"]


def test_hostile_text_survives_the_way_through_the_journal(tmp_path: Path) -> None:
    run = made(3, ATTACKS[:1], hostile=HOSTILE)
    journal(tmp_path, run)
    assert write_page(tmp_path, run.report).read_text("utf-8") == page(run.report, run.records)


def test_a_damaged_plan_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{", "utf-8")
    with pytest.raises(BadInput, match=r"run\.json"):
        write_page(tmp_path, RUN.report)


def test_without_jinja2_the_error_says_what_to_install() -> None:
    code = (
        "import sys, tamis.eval.report.page as room\n"
        "from tamis.eval.report.report import *\n"
        "assert 'jinja2' not in sys.modules and 'numpy' not in sys.modules\n"
        "sys.modules['jinja2'] = None\n"
        "run = RunInfo('s', 't', DataInfo('d', '', 0), 1, 0.95, '0')\n"
        "try:\n    room.page(Report(run, {}, (), (), (), (), Counts(0, 0, 0)), [])\n"
        "except ImportError as error:\n    sys.stdout.write(str(error))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'tamis[eval]'" in run.stdout
