"""Which cases are shown, and what of them."""

from dataclasses import replace
from random import Random

import pytest

from tamis.core.errors import BadSetting
from tamis.eval.outcome import Failed, Scored
from tamis.eval.report.page.cases import Change, Gathered, gather
from tamis.eval.report.page.choose import Choice, Limits, Reason, choose, failures
from tamis.eval.report.page.evidence import THUMBNAIL_BYTES, thumbnail
from tamis.eval.run.record import Record
from tamis.eval.variant import Variant

from .sample import ATTACKS, NO_DATE, STALE, made, picture

RUN = made(40, ATTACKS[:2])


def gathered(records: list[Record], limits: Limits = Limits()) -> Gathered:  # noqa: B008
    failed = failures(records, limits.rows)
    return gather(RUN.report, records, choose(RUN.report, failed, limits.cases), failed, limits)


def test_every_comparison_gives_its_worst_case_before_any_gives_its_second() -> None:
    worst = {one.worst[0] for one in RUN.report.differences if one.worst}
    chosen = [choice.case for choice in choose(RUN.report, {}, len(worst))]
    assert set(chosen) == worst


def test_headline_figures_that_became_worse_come_first() -> None:
    first = choose(RUN.report, {}, 5)[0]
    assert first.why[0] == Reason("answer_f1", "poison@1", "clean")
    assert first.case == next(
        one.worst[0] for one in RUN.report.differences if (one.figure, one.variant) == ("answer_f1", "poison@1")
    )


def test_failures_have_a_quarter_of_the_places_and_what_is_left() -> None:
    failed = {f"broken-{number}": ["clean"] for number in range(50)}
    many = [choice.case.startswith("broken") for choice in choose(RUN.report, failed, 20)]
    assert (len(many), sum(many)) == (20, 5)
    no_worst = replace(RUN.report, differences=())
    assert len(choose(no_worst, failed, 20)) == 20


def test_failures_are_the_first_of_the_data_in_whatever_order_they_come() -> None:
    records = [
        Record(f"c{number}", number, variant, "", {"f": Failed("no")})
        for number in range(500)
        for variant in (Variant(), Variant("poison", 1.0))
    ]
    Random(1).shuffle(records)
    assert failures(records, 7) == {f"c{number}": ["clean", "poison@1"] for number in range(7)}


def test_a_case_that_leaves_an_attack_no_place_has_not_failed() -> None:
    run = made(6, (STALE,))
    assert failures(run.records, 10) == {}
    found = gather(run.report, run.records, [Choice(run.records[0].case)], [], Limits())
    assert {(row.failed, row.not_applicable) for row in found.rows} == {(0, 4)}
    columns = {one.variant: one for one in found.views[0].columns}
    stale = columns["stale@2"]
    assert (stale.error, stale.not_applicable, stale.values) == (None, NO_DATE, ())
    assert [(one.failed, one.not_applicable) for one in found.views[0].others] == [(False, True)] * 2


def test_a_row_without_a_clean_value_has_the_change_to_the_control() -> None:
    report = replace(RUN.report, figures={"g": RUN.report.figures["attack_success"]}, differences=(), gates=())
    values = {"poison@1": 1.0, "poison@1~control": 1.0, "poison@3": 0.75, "poison@3~control": 0.25, "poison@5": 1.0}
    records = [Record("a", 0, Variant.of(key), "a", {"g": Scored(one)}) for key, one in values.items()]
    (row,) = gather(report, records, [], [], Limits()).rows
    assert row.changes == (Change("", "+0.5", "poison@3", is_worse=True, to_control=True),)


def test_the_order_of_the_records_says_nothing() -> None:
    shuffled = list(RUN.records)
    Random(3).shuffle(shuffled)
    assert gathered(shuffled) == gathered(RUN.records)


def test_rows_are_those_shown_those_that_failed_and_the_first() -> None:
    found = gathered(RUN.records, Limits(cases=3, rows=8))
    shown = {view.case for view in found.views}
    listed = {row.case for row in found.rows}
    failed = {record.case for record in RUN.records if record.error}
    assert len(shown) == 3
    assert len(found.rows) == 8
    assert shown | failed <= listed
    assert [row.number for row in found.rows] == sorted(row.number for row in found.rows)


def test_a_row_has_the_largest_loss_and_the_variant_that_brought_it() -> None:
    info = {"f": replace(RUN.report.figures["answer_f1"]), "g": replace(RUN.report.figures["attack_success"])}
    report = replace(RUN.report, figures=info, differences=(), gates=())
    values = {"clean": (0.5, 0.0), "poison@1": (0.25, 0.5), "poison@3": (0.9, 1.0), "poison@5~control": (0.0, 9.0)}
    records = [Record("a", 0, Variant.of(key), "a", {"f": Scored(f), "g": Scored(g)}) for key, (f, g) in values.items()]
    (row,) = gather(report, records, [], [], Limits()).rows
    assert [(one.clean, one.worst, one.variant, one.is_worse) for one in row.changes] == [
        ("0.5", "−0.25", "poison@1", True),
        ("0", "+1", "poison@3", True),
    ]


def test_a_case_stands_clean_beside_what_broke_it_and_its_control() -> None:
    choice = Choice("hotpot-00001", [Reason("answer_f1", "poison@3", "clean"), Reason("", "injection@1", "")])
    (view,) = gather(RUN.report, RUN.records, [choice], [], Limits(variants=3)).views
    assert [column.variant for column in view.columns] == ["clean", "poison@3", "poison@3~control"]
    assert len(view.others) == len({record.variant.key for record in RUN.records}) - 3
    planted = [one for one in view.passages if one.planted]
    assert planted
    assert {one.passage.id for one in view.columns[0].steps[-1].passages}.isdisjoint(one.id for one in planted)
    assert view.change.startswith("answer_f1 ")
    assert view.change.endswith("under poison@3")


def test_a_text_that_an_attack_changed_is_marked_and_both_are_shown() -> None:
    def record(key: str, text: str) -> Record:
        passages = [{"id": "d1", "score": 1, "planted": None, "text": text, "images": 0, "gold": True}]
        return Record(
            "a", 0, Variant.of(key), "a", {}, evidence={"steps": [{"name": "retrieve", "passages": passages}]}
        )

    records = [record("poison@1", "in 1799"), record("clean", "in 1899")]
    (view,) = gather(RUN.report, records, [Choice("a", [Reason("", "poison@1", "")])], [], Limits()).views
    assert [(one.text, one.differs) for one in view.passages] == [("in 1899", False), ("in 1799", True)]


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"steps": None, "query": 7, "thumbnails": "x", "prompt": []},
        {"steps": [None, {"passages": [None, {"id": 3, "score": "high", "images": None}]}, {"name": "x"}]},
    ],
)
def test_evidence_of_another_shape_is_shown_as_far_as_it_goes(evidence: dict[str, object]) -> None:
    record = Record("a", 0, Variant(), "a", {}, evidence=evidence)
    (view,) = gather(RUN.report, [record], [Choice("a")], [], Limits()).views
    assert view.query == ""


@pytest.mark.parametrize(
    "written",
    [None, 3, "", "not base64!", "PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+", 'AAAA" onerror="x', "/9j/" * THUMBNAIL_BYTES],
)
def test_only_a_small_jpeg_or_png_is_a_thumbnail(written: object) -> None:
    assert thumbnail(written) is None


def test_a_jpeg_is_a_thumbnail() -> None:
    assert thumbnail(picture()) == f"data:image/jpeg;base64,{picture()}"


@pytest.mark.parametrize("settings", [{"cases": -1}, {"rows": -1}, {"size": -1}, {"variants": 0}])
def test_limits_are_checked(settings: dict[str, int]) -> None:
    with pytest.raises(BadSetting, match="limits"):
        Limits(**settings)
