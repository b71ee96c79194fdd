import asyncio
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core.indices import VectorStoreIndex
from llama_index.core.schema import TextNode

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.eval.target import Request
from tamis.eval.targets import FactoryTarget, FunctionTarget, HttpTarget, LlamaIndexTarget, target_of
from tamis.retrievers import TamisEmbedding
from tamis.testing import FixedRetriever

APP = """
from types import SimpleNamespace

URL = "https://example.org/ask?key=k3y"
number = 7
text = "not a target"

def answer(question: str) -> str:
    return question[::-1]

def engine():
    return answer

async def made():
    return answer

def factory(documents):
    return lambda question: " ".join(one.id for one in documents)

rag = SimpleNamespace(pipeline=answer)

class Pipeline:
    def __call__(self, question):
        return "x"
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    name = f"app_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(APP)
    (tmp_path / f"{name}_broken.py").write_text("raise RuntimeError('no database')")
    (tmp_path / f"{name}_needs.py").write_text("import nowhere_to_be_found")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one != ""])
    yield name
    for one in [one for one in sys.modules if one.startswith(name)]:
        del sys.modules[one]


def text(target: object, question: str = "abc") -> str:
    trace = asyncio.run(target.run(Request("c", Content(question))))  # type: ignore[attr-defined]
    return trace.answer.text  # type: ignore[no-any-return]


def test_a_name_is_imported_from_the_current_folder(app: str) -> None:
    target = target_of(f"{app}:answer")
    assert target.name == f"{app}:answer"
    assert text(target) == "cba"
    assert text(target_of(f"{app}:rag.pipeline", name="mine")) == "cba"
    # A function without a parameter makes the target.
    assert text(target_of(f"{app}:engine")) == "cba"


def test_a_factory_is_called_with_the_documents(app: str) -> None:
    from tamis.eval.case import Document

    target = target_of(f"{app}:factory", factory=True, documents=[Document("d1", Content("x"))])
    assert isinstance(target, FactoryTarget)
    assert text(target) == "d1"
    with pytest.raises(BadSetting, match="a int is not"):
        target_of(f"{app}:number", factory=True)


def test_a_url_is_an_endpoint_and_its_name_shows_no_key(app: str) -> None:
    for target in (target_of("https://example.org/ask?key=k3y"), target_of(f"{app}:URL")):
        assert isinstance(target, HttpTarget)
    assert target_of("HTTPS://me:k3y@example.org/ask", takes=["images"]).name == "https://example.org/ask"
    assert target_of("https://example.org/", takes=["images"]).takes == {"images"}


def test_llama_index_objects_functions_and_targets() -> None:
    retriever = FixedRetriever([TextNode(text="x")])
    assert isinstance(target_of(retriever), LlamaIndexTarget)
    target = target_of(lambda question: "x")
    assert isinstance(target, FunctionTarget)
    assert target_of(target) is target


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("engine", "write MODULE:ATTRIBUTE"),
        (":engine", "write MODULE:ATTRIBUTE"),
        ("nowhere_at_all:engine", 'no module "nowhere_at_all"'),
        ("APP:anwser", 'no attribute "anwser"; did you mean answer'),
        ("APP:rag.missing", r'rag" has no attribute "missing"'),
        ("APP_broken:x", "failed: RuntimeError: no database"),
        ("APP_needs:x", "needs a module that is not installed: nowhere_to_be_found"),
    ],
)
def test_a_name_that_leads_nowhere_says_where_it_ended(app: str, spec: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        target_of(spec.replace("APP", app))


def test_what_can_be_no_target_is_named(app: str) -> None:
    with pytest.raises(BadSetting, match="a int can be no target"):
        target_of(f"{app}:number")
    with pytest.raises(BadSetting, match="no URL"):
        target_of(f"{app}:text")
    with pytest.raises(BadSetting, match="class Pipeline cannot be"):
        target_of(f"{app}:Pipeline")
    with pytest.raises(BadSetting, match="asynchronous"):
        target_of(f"{app}:made")
    index = VectorStoreIndex([TextNode(text="x")], embed_model=TamisEmbedding(embedder="fake"))
    with pytest.raises(BadSetting, match=r"VectorStoreIndex is no .*as_query_engine"):
        target_of(index)
