"""Formats whose data are not at hand, on small files in their shape."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tamis.core.errors import BadInput, BadSetting
from tamis.eval.case import Case
from tamis.eval.datasets import check, load
from tamis.eval.datasets.dataset import passage
from tamis.eval.datasets.rgb import with_noise

Put = Callable[[str, "str | bytes"], Path]

HOP = {
    "_id": "5a",
    "question": "Where was the author of Dew born?",
    "answer": "Lima",
    "type": "bridge",
    "level": "hard",
    "supporting_facts": [["Dew", 0], ["Ana", 1]],
    "context": [
        ["Dew", ["Dew is a novel. ", " By Ana."]],
        ["Ana", ["Ana writes.", "Born in Lima."]],
        ["Fog", ["Fog is not."]],
    ],
}
AS_COLUMNS = {
    **{name: value for name, value in HOP.items() if name != "_id"},
    "id": "5a",
    "supporting_facts": {"title": ["Dew", "Ana"], "sent_id": [0, 1]},
    "context": {
        "title": ["Dew", "Ana", "Fog"],
        "sentences": [["Dew is a novel. ", " By Ana."], ["Ana writes.", "Born in Lima."], ["Fog is not."]],
    },
}


def listed(*records: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


@pytest.mark.parametrize("record", [HOP, AS_COLUMNS], ids=["authors", "columns"])
def test_hotpotqa(put: Put, record: dict[str, Any]) -> None:
    path = put("dev.json", json.dumps([record]))
    assert check(path) == []
    loaded = load(path)
    (case,) = loaded.cases()
    texts = [one.content.text for one in case.documents]
    assert texts == ["Dew\nDew is a novel. By Ana.", "Ana\nAna writes. Born in Lima.", "Fog\nFog is not."]
    assert list(case.relevance.values()) == [1, 1, 0]
    assert (loaded.format, case.id, case.answers, case.tags) == ("hotpotqa", "5a", ("Lima",), ("bridge", "hard"))


def test_2wiki_keeps_its_triples_and_a_test_set_has_no_answers(put: Put) -> None:
    path = put("dev.json", json.dumps([{**HOP, "evidences": [["Dew", "author", "Ana"]]}]))
    loaded = load(path)
    assert loaded.format == "2wiki"
    assert next(loaded.cases()).extra["evidences"] == [["Dew", "author", "Ana"]]
    unknown = {name: HOP[name] for name in ("_id", "question", "context")}
    (case,) = load(put("test.json", json.dumps([unknown]))).cases()
    assert (case.answers, case.answerable, dict(case.relevance)) == ((), None, {})


def test_a_fault_in_a_list_of_records_has_its_line(put: Put) -> None:
    path = put(
        "dev.json",
        json.dumps([HOP, {**HOP, "_id": "b", "context": [["Dew"]]}, {**HOP, "_id": "c", "question": 1}], indent=0),
    )
    faults = check(path)
    assert [(fault.field, fault.what) for fault in faults] == [
        ("context[0]", "must be a list of a title and one thing more"),
        ("question", 'must be text, not a number: write "1"'),
    ]
    written = path.read_text().splitlines()
    assert [written[(fault.line or 0) - 1] for fault in faults] == ["{", "{"]


def test_musique_full_has_twins(put: Put) -> None:
    first = {"idx": 0, "title": "Dew", "paragraph_text": "By Ana.", "is_supporting": True}
    second = {"idx": 1, "title": "Ana", "paragraph_text": "Born in Lima.", "is_supporting": True}
    noise = {"idx": 2, "title": "Fog", "paragraph_text": "Is not.", "is_supporting": False}
    record = {
        "id": "2hop__1_2",
        "question": "Where?",
        "answer": "Lima",
        "answer_aliases": ["Lima, Peru", "Lima"],
        "answerable": True,
        "question_decomposition": [{"id": 1, "question": "who"}],
    }
    path = put(
        "musique_full.jsonl",
        listed(
            {**record, "paragraphs": [first, second, noise]},
            {**record, "answerable": False, "paragraphs": [first, noise]},
        ),
    )
    assert check(path) == []
    answerable, twin = load(path).cases()
    assert (answerable.answers, list(answerable.relevance.values())) == (("Lima", "Lima, Peru"), [1, 1, 0])
    assert (twin.id, twin.answerable, twin.answers) == ("2hop__1_2-unanswerable", False, ())
    assert list(twin.relevance.values()) == [0, 0]
    assert answerable.group == twin.group
    assert answerable.tags == ("2hop",)


RGB = {
    "id": 7,
    "query": "When?",
    "answer": [["May 2", "2 May"]],
    "positive": ["It was May 2.", "On 2 May."],
    "negative": [f"Noise {number}." for number in range(4)],
}


def rgb(put: Put, **change: Any) -> Case:
    path = put("en.json", listed({**RGB, **change}))
    assert check(path) == []
    (case,) = load(path).cases()
    return case


def test_rgb_has_all_passages_and_the_accepted_forms(put: Put) -> None:
    case = rgb(put)
    assert (case.id, case.answers, case.tags) == ("en-7", ("May 2", "2 May"), ())
    assert [case.relevance[one.id] for one in case.documents] == [1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(("rate", "noise"), [(0.6, 3), (0.8, 4), (0.5, 3)])
def test_rgb_noise_is_what_was_asked_for_in_an_order_of_its_own(put: Put, rate: float, noise: int) -> None:
    case = with_noise(rgb(put), rate)
    assert len(case.documents) == 5
    assert sum(1 for grade in case.relevance.values() if grade == 0) == noise
    assert case.extra["noise"] == noise / 5
    assert case == with_noise(rgb(put), rate)
    assert case.answers == ("May 2", "2 May")
    assert case.group == "en-7"


def test_rgb_without_an_answer_is_not_answerable(put: Put) -> None:
    case = with_noise(rgb(put, negative=[f"Noise {number}." for number in range(5)]), 1.0)
    assert (case.answerable, case.answers, case.gold) == (False, (), frozenset())


def test_rgb_that_cannot_be_made_as_specified_says_so(put: Put) -> None:
    with pytest.raises(BadInput, match=r"noise 0\.2 among 5 wants 4 and 1"):
        with_noise(rgb(put), 0.2)
    with pytest.raises(BadInput, match="noise 1 among 5 wants 0 and 5"):
        with_noise(rgb(put), 1.0)
    with pytest.raises(BadSetting, match="between 0 and 1"):
        with_noise(rgb(put), 1.5)


def test_rgb_integration_covers_every_part_first(put: Put) -> None:
    case = rgb(put, answer=[["May 2"], "Lima"], positive=[["A1", "A2", "A3"], ["B1", "B2"]])
    assert (case.answers, case.extra["answer_parts"]) == ((), [["May 2"], ["Lima"]])
    assert case.tags == ("integration",)
    made = with_noise(case, 0.6)
    assert {one.content.text for one in made.documents if made.relevance[one.id]} == {"A1", "B1"}


def test_rgb_counterfactual_passages_are_planted(put: Put) -> None:
    wrong = ["It was June 9.", "On 9 June."]
    case = rgb(put, answer="May 2", fakeanswer="June 9", positive_wrong=wrong)
    assert (case.targets, case.tags, case.extra["counterfactual"]) == (("June 9",), ("counterfactual",), wrong)
    assert all(one.planted is None for one in case.documents)
    made = with_noise(case, 0.6, counterfactual=True)
    assert {one.content.text for one in made.documents if one.planted} == set(wrong)
    assert not made.gold
    assert made.answers == ("May 2",)


def test_several_passages_of_litm_are_the_cases_own(put: Put) -> None:
    contexts = [
        {"title": "T", "text": f"text {number}", "hasanswer": number == 1, "isgold": number == 1} for number in range(3)
    ]
    loaded = load(put("nq-3_total.jsonl", listed({"question": "?", "answers": ["a"], "ctxs": contexts})))
    (case,) = loaded.cases()
    assert [one.content.text for one in case.documents] == ["T\ntext 0", "T\ntext 1", "T\ntext 2"]
    assert case.extra["gold_position"] == 1
    assert case.gold == {case.documents[1].id}
    assert len(list(loaded.documents())) == 3


def test_llamaindex(put: Put) -> None:
    by = {"model_name": "m", "type": "ai"}
    example = {
        "query": "Who?",
        "query_by": by,
        "reference_contexts": ["Ana did.", "In Lima."],
        "reference_answer": "Ana",
    }
    path = put(
        "rag_dataset.json", json.dumps({"examples": [example, {**example, "query": "Where?", "query_by": None}]})
    )
    assert check(path) == []
    loaded = load(path)
    first, second = loaded.cases()
    assert (first.id, first.query.text, first.answers, first.documents) == ("rag_dataset-0", "Who?", ("Ana",), ())
    assert first.extra == {"query_by": by, "reference_contexts": ("Ana did.", "In Lima.")}
    assert [one.content.text for one in loaded.documents()] == ["Ana did.", "In Lima."]
    assert first.gold == second.gold == {one.id for one in loaded.documents()}


@pytest.mark.parametrize(
    "sample",
    [
        {"user_input": "Who?", "reference": "Ana", "response": "Ana.", "retrieved_contexts": ["Fog.", "Ana did."]},
        {"question": "Who?", "ground_truth": "Ana", "answer": "Ana.", "contexts": ["Fog.", "Ana did."]},
        {"question": "Who?", "ground_truths": ["Ana"], "answer": "Ana.", "contexts": ["Fog.", "Ana did."]},
    ],
    ids=["new", "old", "oldest"],
)
def test_ragas(put: Put, sample: dict[str, Any]) -> None:
    path = put("samples.jsonl", listed({**sample, "reference_contexts": ["Ana did."]}))
    assert check(path) == []
    loaded = load(path)
    (case,) = loaded.cases()
    assert (case.query.text, case.answers) == ("Who?", ("Ana",))
    assert case.gold == {passage("Ana did.").id}
    assert case.extra["retrieved_contexts"] == ("Fog.", "Ana did.")
    assert case.extra["response"] == "Ana."
    assert [one.content.text for one in loaded.documents()] == ["Ana did.", "Fog."]


def test_a_conversation_of_ragas_is_a_fault(put: Put) -> None:
    (fault,) = check(put("samples.jsonl", listed({"user_input": [{"content": "hi", "type": "human"}]})))
    assert (fault.line, fault.field) == (1, "user_input")
    assert "conversation" in fault.what


def beir(put: Put, qrels: str = "q1\td1\t2\nq1\td2\t0\nq3\td2\t-1\n") -> Path:
    put(
        "set/corpus.jsonl",
        listed({"_id": "d1", "title": "T", "text": "one"}, {"_id": "d2", "title": "", "text": "two"}),
    )
    put("set/queries.jsonl", listed(*({"_id": f"q{number}", "text": f"query {number}"} for number in (1, 2, 3))))
    put("set/qrels/dev.tsv", "query-id\tcorpus-id\tscore\nq2\td2\t1\n")
    return put("set/qrels/test.tsv", f"query-id\tcorpus-id\tscore\n{qrels}").parent.parent


def test_beir(put: Put) -> None:
    folder = beir(put)
    assert check(folder) == []
    loaded = load(folder)
    assert (loaded.name, loaded.format) == ("set-test", "beir")
    assert [(case.id, case.query.text, dict(case.relevance)) for case in loaded.cases()] == [
        ("q1", "query 1", {"d1": 2, "d2": 0}),
        ("q3", "query 3", {"d2": 0}),
    ]
    assert [(one.id, one.content.text) for one in loaded.documents()] == [("d1", "T\none"), ("d2", "two")]
    assert [case.id for case in load(folder / "qrels/dev.tsv").cases()] == ["q2"]


def test_faults_of_beir(put: Put) -> None:
    folder = beir(put, "q1\td9\t1\nq1\td1\tmany\nq8\td1\t1\n")
    assert [(fault.file.name, fault.line, fault.field, fault.what) for fault in check(folder)] == [
        ("test.tsv", 3, "score", "must be a whole number"),
        ("queries.jsonl", 1, "gold", 'no document has the id "d9"'),
        ("test.tsv", None, "query-id", 'judges 1 queries that queries.jsonl does not have; the first is "q8"'),
    ]
    (folder / "corpus.jsonl").unlink()
    with pytest.raises(BadInput, match=r"has no corpus\.jsonl"):
        load(folder)


def test_trec(put: Put) -> None:
    path = put("robust/qrels.txt", "q1 0 d1 1\nq1 0 d2 -2\nq2\t0\td2\t0\n")
    alone = load(path)
    assert [fault.field for fault in check(path) if fault.warning] == ["question"]
    assert [case.query.text for case in alone.cases()] == ["q1", "q2"]
    put("robust/queries.tsv", "q1\twho\nq2\twhere\n")
    put("robust/collection.tsv", "d1\tone\nd2\ttwo\n")
    loaded = load(path)
    assert check(path) == []
    assert [(case.query.text, dict(case.relevance)) for case in loaded.cases()] == [
        ("who", {"d1": 1, "d2": 0}),
        ("where", {"d2": 0}),
    ]
    assert [one.content.text for one in loaded.documents()] == ["one", "two"]


def test_faults_of_trec(put: Put) -> None:
    path = put("qrels.txt", "q1 0 d1 1\nq1 d1 1\nq2 0 d1 x\nq3 0 d1 1\n")
    put("queries.tsv", "q1\twho\nq2 where\n")
    assert [(fault.file.name, fault.line) for fault in check(path)] == [
        ("qrels.txt", 2),
        ("qrels.txt", 3),
        ("queries.tsv", 2),
        ("qrels.txt", 4),
    ]


def test_amber_without_its_annotations(put: Put) -> None:
    path = put("query_all.json", '[{"id": 1, "image": "a.jpg", "query": "Describe this image."}]')
    with pytest.raises(BadInput, match=r"annotations\.json"):
        load(path)
    put("annotations.json", '[{"id": 2, "type": "generative", "truth": [], "hallu": []}]')
    (fault,) = check(path)
    assert (fault.field, fault.what) == ("id", "annotations.json has nothing about 1")


@pytest.mark.parametrize(
    ("name", "text", "field"),
    [
        ("xstest.csv", "id,prompt,type,label\n1,hello,t,perhaps\n", "label"),
        ("a.jsonl", '{"question_id": 1, "image": "a", "text": "?", "label": "maybe"}\n', "label"),
        ("begin.tsv", "model_name\tdata_source\tknowledge\tresponse\tbegin_label\nm\td\tk\tr\tx\n", "begin_label"),
        (
            "a.json",
            '{"q": {"question": "?", "adv_texts": "one", "correct answer": "a", "incorrect answer": "b"}}',
            "adv_texts",
        ),
    ],
)
def test_a_label_outside_its_set_is_a_fault(put: Put, name: str, text: str, field: str) -> None:
    faults = [fault for fault in check(put(name, text)) if fault.line is not None]
    assert [fault.field for fault in faults] == [field]


def test_bbqs_silent_twin_is_the_record_before_or_none(tmp_path: Path) -> None:
    def row(number: int, condition: str, context: str, question: str = "Who was late?") -> dict[str, object]:
        return {
            "example_id": number, "question_index": "1", "question_polarity": "neg", "context_condition": condition,
            "category": "Age", "context": context, "question": question, "label": 0,
            "ans0": "A", "ans1": "B", "ans2": "Unknown",
            "answer_info": {f"ans{n}": [kind] for n, kind in enumerate(("a", "b", "unknown"))},
            "additional_metadata": {"stereotyped_groups": ["a"]},
        }  # fmt: skip

    rows = [
        row(0, "disambig", "A met B. A was late."),
        row(1, "ambig", "A met B. "),
        row(2, "disambig", "A met B. B was late."),
        row(3, "ambig", "A met B."),
        row(4, "disambig", "A met B. B was early.", "Who was early?"),
        row(5, "ambig", "C met D."),
        row(6, "disambig", "A met B. B was late."),
    ]
    (tmp_path / "asked.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = {case.id: case.extra.get("silent") for case in load(tmp_path / "asked.jsonl", "bbq").cases()}
    assert found == {f"Age-{number}": ("A met B. " if number == 2 else None) for number in range(7)}
