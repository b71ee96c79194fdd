"""Contradiction, stale copies, dilution and wrong answers, worked out by hand."""

import gzip
import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.eval.attacks import NotApplicable, Pool, attack_of, documents_of, holds_answer
from tamis.eval.attacks.contradiction import Contradiction
from tamis.eval.attacks.dilution import Dilution
from tamis.eval.attacks.sentences import sentences
from tamis.eval.attacks.stale import Stale
from tamis.eval.attacks.wrong import other_detail, similar, wrong_answer
from tamis.eval.case import Case, Document

World = tuple[Case, Pool]

BIRTH = Document("birth", Content("Ida Nordahl was born in 1850. IDA NORDAHL died in Sundvik."), date(2024, 2, 29))
OTHER = Document("other", Content("The keeper was Nordahl."), date(2019, 5, 1))
ELSE = Document("else", Content("A mill grinds flour."))


@pytest.fixture
def case() -> Case:
    return Case(
        "c",
        Content("Who kept the light?"),
        documents=(BIRTH, OTHER, ELSE),
        relevance={"birth": 1},
        answers=("Ida Nordahl", "Nordahl"),
        targets=("Carl Winge",),
    )


class TestContradiction:
    def test_copies_of_the_evidence_say_the_wrong_thing_everywhere(self, case: Case) -> None:
        attacked = Contradiction().apply(case, 1.0, Pool([]), Random(0))
        (copy,) = attacked.planted
        assert copy.content.text == "Carl Winge was born in 1850. Carl Winge died in Sundvik."
        assert copy.date == BIRTH.date
        assert attacked.targets == ("Carl Winge",)
        assert documents_of(case, attacked)[:3] == case.documents

    def test_replaced_evidence_leaves_the_answer_nowhere(self, case: Case) -> None:
        attacked = Contradiction(copies=False).apply(case, 1.0, Pool([]), Random(0))
        now = documents_of(case, attacked)
        assert [document.content.text for document in now] == [
            "Carl Winge was born in 1850. Carl Winge died in Sundvik.",
            "The keeper was Carl Winge.",
            "A mill grinds flour.",
        ]
        assert [document.planted for document in now] == ["contradiction-replaced", "contradiction-replaced", None]

    def test_half_of_the_evidence_is_half_of_it(self, case: Case) -> None:
        attacked = Contradiction(copies=False).apply(case, 0.5, Pool([]), Random(0))
        assert (len(attacked.changed), attacked.realised) == (1, 0.5)
        with pytest.raises(NotApplicable, match=r"0\.2 of 2 passages"):
            Contradiction(copies=False).apply(case, 0.2, Pool([]), Random(0))

    def test_the_relevant_documents_may_be_the_pools(self, case: Case) -> None:
        attacked = Contradiction().apply(replace(case, documents=()), 1.0, Pool([ELSE, BIRTH]), Random(0))
        assert [document.content.text[:10] for document in attacked.planted] == ["Carl Winge"]
        with pytest.raises(NotApplicable, match="no documents of its own"):
            Contradiction(copies=False).apply(replace(case, documents=()), 1.0, Pool([BIRTH]), Random(0))

    def test_the_control_keeps_the_answer_and_changes_something_else(self, case: Case) -> None:
        control = Contradiction().control(case, 1.0, Pool([ELSE]), Random(0))
        (copy,) = control.planted
        assert holds_answer(copy.content.text, ["Ida Nordahl"])
        assert copy.content.text != BIRTH.content.text
        assert not holds_answer(copy.content.text, ["Carl Winge"])

    def test_yes_stands_in_no_passage(self, case: Case) -> None:
        with pytest.raises(NotApplicable, match="could stand in a passage"):
            Contradiction().apply(replace(case, answers=("Yes",)), 1.0, Pool([]), Random(0))


class TestStale:
    def test_copies_are_older_each_time_and_say_so(self, case: Case) -> None:
        attacked = Stale().apply(case, 2.0, Pool([]), Random(0))
        assert [document.date for document in attacked.planted] == [date(2019, 2, 28), date(2014, 2, 28)]
        assert [document.content.text for document in attacked.planted] == [
            "As of 2019-02-28: Carl Winge was born in 1850. Carl Winge died in Sundvik.",
            "As of 2014-02-28: Carl Winge was born in 1850. Carl Winge died in Sundvik.",
        ]
        control = Stale().control(case, 1.0, Pool([]), Random(0))
        assert control.planted[0].content.text == f"As of 2019-02-28: {BIRTH.content.text}"

    def test_a_copy_before_the_calendar_is_not_made(self, case: Case) -> None:
        attacked = Stale(years=1500).apply(case, 3.0, Pool([]), Random(0))
        assert attacked.realised == len(attacked.planted) == 1

    def test_a_stamp_that_is_the_answer_is_not_written(self, case: Case) -> None:
        born = replace(case, answers=("2019", "1850"))
        with pytest.raises(NotApplicable, match="no older copy"):
            Stale().apply(born, 1.0, Pool([]), Random(0))

    def test_without_a_date_nothing_is_older(self, case: Case) -> None:
        undated = replace(case, documents=(replace(BIRTH, date=None), OTHER, ELSE))
        with pytest.raises(NotApplicable, match="has a date"):
            Stale().apply(undated, 1.0, Pool([]), Random(0))
        with pytest.raises(BadSetting, match="at least 1 year"):
            Stale(years=0)


class TestDilution:
    POOL = Pool(
        [
            Document("g", Content("The lighthouse was white.")),
            Document("a", Content("A lighthouse has a lamp. Its lamp is red. Whales sing.")),
            Document("b", Content("The lighthouse keeper was Ida. Its white lamp shone.")),
            Document("c", Content("Bread rises in the oven. Apples fall in autumn. Wool is warm in winter.")),
        ]
    )
    CASE = Case(
        "d",
        Content("Which colour had the lighthouse?"),
        documents=(POOL.documents[0], POOL.documents[1]),
        relevance={"g": 1},
        answers=("Ida", "red"),
    )

    def test_sentences_in_the_band_without_an_answer_are_appended_to_the_relevant_document(self) -> None:
        attacked = Dilution(low=0.05, high=0.95).apply(self.CASE, 9.0, self.POOL, Random(0))
        assert set(attacked.changed) == {"g"}
        added = text_of(attacked.changed["g"]).removeprefix("The lighthouse was white. ")
        # "Whales sing." shares no word; the other two of documents a and b hold an answer.
        assert sorted(sentences(added)) == ["A lighthouse has a lamp.", "Its white lamp shone."]
        assert attacked.realised == 2.0

    def test_all_lie_in_the_band(self) -> None:
        topic = "The lighthouse was white."
        like = dict(
            zip(
                ("A lighthouse has a lamp.", "Its white lamp shone."),
                self.POOL.similarity(topic, ["A lighthouse has a lamp.", "Its white lamp shone."]),
                strict=True,
            )
        )
        low, high = sorted(like.values())
        only = Dilution(low=(low + high) / 2, high=0.99).apply(self.CASE, 9.0, self.POOL, Random(0))
        best = max(like, key=lambda one: like[one])
        assert text_of(only.changed["g"]) == f"{topic} {best}"
        with pytest.raises(NotApplicable, match=r"similarity in \[0.98, 0.99\]"):
            Dilution(low=0.98, high=0.99).apply(self.CASE, 9.0, self.POOL, Random(0))

    def test_the_control_is_as_long_and_on_something_else(self) -> None:
        control = Dilution(low=0.05).control(self.CASE, 1.0, self.POOL, Random(0))
        assert text_of(control.changed["g"]).startswith("The lighthouse was white. ")
        assert not holds_answer(text_of(control.changed["g"]), self.CASE.answers)

    def test_a_query_is_diluted_where_there_are_no_documents(self) -> None:
        case = replace(self.CASE, documents=())
        attacked = attack_of({"name": "dilution", "where": "query", "low": 0.01}).apply(case, 1.0, self.POOL, Random(0))
        assert attacked.query.text.startswith("Which colour had the lighthouse? ")
        with pytest.raises(NotApplicable, match='where = "query"'):
            Dilution().apply(case, 1.0, self.POOL, Random(0))

    @pytest.mark.parametrize("settings", [{"low": 0.5, "high": 0.5}, {"high": 2.0}, {"where": "answer"}])
    def test_settings_are_checked(self, settings: dict[str, object]) -> None:
        with pytest.raises(BadSetting):
            attack_of({"name": "dilution", **settings})

    def test_on_real_passages_the_default_band_has_sentences_and_no_answer(self, data: Path) -> None:
        case, pool = real(data, 200)
        attacked, control = (getattr(Dilution(), how)(case, 3.0, pool, Random(0)) for how in ("apply", "control"))
        (id,) = case.gold
        added, other = (text_of(one.changed[id])[len(text_of(pool.get(id))) :] for one in (attacked, control))
        assert not holds_answer(added, case.answers)
        assert abs(len(added) - len(other)) <= 12
        near = pool.similarity(text_of(pool.get(id)), [added, other])
        assert near[0] > 2 * near[1]


def real(data: Path, count: int) -> World:
    """The first question of the set with its passage, and as many passages to draw from."""
    with gzip.open(data / "litm" / "nq-open-oracle.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(next(lines)) for _ in range(count)]
    documents = [Document(str(i), Content(row["ctxs"][0]["text"])) for i, row in enumerate(rows)]
    first = rows[0]
    case = Case("0", Content(first["question"]), (documents[0],), {"0": 1}, tuple(first["answers"]))
    return case, Pool(documents)


def text_of(document: Document | None) -> str:
    assert document is not None
    return document.content.text


class TestWrongAnswers:
    @pytest.mark.parametrize(
        ("right", "form"),
        [
            ("yes", "no"),
            ("No", "Yes"),
            ("true", "false"),
            ("1838", r"(?!1838)1[89]\d\d"),
            ("7", r"(?!7)[1-9]"),
            ("1,200 people", r"(?!1,200)\d,\d{3} people"),
            ("$2.50", r"\$(?!2\.50)\d\.\d\d"),
            ("February 2", r"(?!February)[A-Z][a-z]+ (?!2$)\d\d?"),
            ("may 5, 2018", r"(?!may)[a-z]+ (?!5,)\d\d?, (?!2018)20\d\d|[a-z]+ \d\d?, 19\d\d"),
            ("the 007 agent", r"the (?!007)\d{3} agent"),
        ],
    )
    def test_another_of_the_same_form_is_made(self, right: str, form: str) -> None:
        for seed in range(20):
            made = similar(right, [], [right], Random(seed))
            assert made is not None
            assert re.fullmatch(form, made), made
            assert not holds_answer(made, [right])

    def test_a_name_is_taken_from_the_texts_and_of_as_many_words(self) -> None:
        texts = ["The captain was Greta Holm. Sundvik honours the harbour. Holm's ferry met Jo Ann Berg in Oslo."]
        assert {similar("Ida Nordahl", texts, ["Ida Nordahl"], Random(seed)) for seed in range(20)} == {"Greta Holm"}
        assert {similar("Rome", texts, ["Rome"], Random(seed)) for seed in range(40)} == {"Oslo"}
        # Where there is none of as many words, those that come closest in number.
        closest = {similar("Ida Nordahl", texts, ["Holm"], Random(seed)) for seed in range(40)}
        assert closest == {"Jo Ann Berg", "Oslo"}
        assert similar("Ida Nordahl", ["nothing here"], [], Random(0)) is None

    def test_a_phrase_is_taken_from_the_texts(self) -> None:
        assert similar("whale oil", ["The lamp burns olive oil."], ["whale oil"], Random(0)) in (
            "burns olive",
            "olive oil",
        )

    def test_a_name_in_the_question_is_not_the_wrong_answer(self, towns: World) -> None:
        case, pool = towns
        assert all(wrong_answer(case, pool, Random(seed)) not in ("Sundvik", "Ida Nordahl") for seed in range(30))

    def test_targets_that_cannot_be_told_apart_are_passed_over(self, case: Case) -> None:
        targets = ("nordahl", "Captain Ida Nordahl", "Ida", "", "Winge")
        assert wrong_answer(replace(case, targets=targets), Pool([]), Random(0)) == "Winge"

    def test_where_the_pool_has_none_it_is_said(self, case: Case) -> None:
        with pytest.raises(NotApplicable, match="give the case targets"):
            wrong_answer(replace(case, targets=()), Pool([ELSE]), Random(0))

    @given(st.integers())
    def test_another_detail_leaves_what_is_to_be_kept(self, seed: int) -> None:
        text = "Ida Nordahl was born in 1850 near Oslo. She met Greta Holm in 1871."
        changed = other_detail(text, ["Ida Nordahl"], ["We saw Carl Winge in Bergen."], Random(seed))
        assert changed != text
        assert holds_answer(changed, ["Ida Nordahl"])
        assert other_detail("it rains", ["it"], [], Random(seed)) == "it rains"
