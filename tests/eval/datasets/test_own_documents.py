"""Cases that share a corpus, each with documents of its own: what they are, and that attacks then change them."""

import pickle
from pathlib import Path

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.eval import evaluate
from tamis.eval.case import Case, Document
from tamis.eval.datasets.own_documents import OwnDocuments
from tamis.eval.run.data import Cases
from tamis.eval.run.plan import Plan
from tamis.eval.suite import Suite
from tamis.eval.target import Request

CORPUS = [
    Document("mill", Content("The mill of Oakford was built in 1874.")),
    Document("bridge", Content("The bridge of Oakford was built by masons.")),
    Document("copy", Content("Somebody else says 1874 of the mill too.")),
    Document("tower", Content("The tower of Sundvik was built of stone.")),
    Document("sea", Content("Whales sing.")),
]
ASKED = Case("c", Content("When was the mill of Oakford built?"), relevance={"mill": 1}, answers=("1874",))
HAS = Case("own", Content("What sings?"), (CORPUS[4],), {"sea": 1}, answers=("Whales",))
LOST = Case("lost", Content("Who?"), relevance={"elsewhere": 1})


def test_a_case_gets_what_answers_it_and_near_ones_that_do_not() -> None:
    data = OwnDocuments(Cases([ASKED, HAS, LOST], CORPUS, name="towns"), 2)
    first, second = data.cases()
    assert {one.id for one in first.documents} == {"mill", "bridge", "tower"}
    assert second == HAS
    assert list(data.cases()) == [first, second], "a fresh stream, the same order"
    assert (data.name, data.digest()) == ("towns", Cases([ASKED, HAS, LOST], CORPUS).digest())
    assert list(data.documents()) == CORPUS
    assert list(pickle.loads(pickle.dumps(data)).cases()) == [first, second]  # noqa: S301


def test_how_many_others_is_part_of_the_plan(tmp_path: Path) -> None:
    async def answer(request: Request) -> str:
        return " ".join(one.content.text for one in request.documents or ())

    data = Cases([ASKED], CORPUS)
    run = evaluate(answer, data, "conflict", own_documents=2, out=tmp_path / "run")
    assert run.report.estimate("answer_contained").mean == 1.0
    assert run.report.estimate("answer_contained", "contradiction-replaced@1").mean == 0.0
    assert run.report.estimate("abstained", "context-empty@1").mean == 1.0
    with pytest.raises(BadInput, match=r"data\.format is .*with 2 other"):
        evaluate(answer, data, "conflict", own_documents=1, out=tmp_path / "run", resume=True)
    assert Plan.read(tmp_path / "run").data.cases == 1


@pytest.mark.parametrize("others", [-1, True, 1.5])
def test_a_number_of_others_that_is_none_is_refused(others: int) -> None:
    with pytest.raises(BadSetting, match="0 or more"):
        OwnDocuments(Cases([ASKED], CORPUS), others)


def test_without_a_corpus_it_says_so() -> None:
    suite = Suite.of({"name": "small", "metrics": ["answered"]})
    with pytest.raises(BadInput, match="no corpus of which a case could be given documents"):
        evaluate(lambda question: "x", [ASKED], suite, own_documents=2)
    assert list(OwnDocuments(Cases([HAS]), 2).cases()) == [HAS]
