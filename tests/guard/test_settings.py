"""A guard's settings: by keyword, as a table, in a tamis.toml, in harden(); what is wrong is refused by name."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Settings, VectorStoreIndex, get_response_synthesizer
from llama_index.core.indices.query.query_transform.base import IdentityQueryTransform
from llama_index.core.query_engine import RetrieverQueryEngine, TransformQueryEngine
from llama_index.core.schema import TextNode

from tamis.config import TABLES, PipelineConfig
from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.guard import Guard, GuardedQueryEngine, GuardedSynthesizer, guard_of
from tamis.models.evidence import EvidenceScorer
from tamis.pipeline import harden
from tamis.retrievers import TamisEmbedding
from tamis.testing import FakeEmbedder

from .stand_ins import ALSO, BAD, GOOD, PASSAGES, FakeJudge, FakeScreen, ScriptedLLM, engine, guard


@pytest.mark.parametrize(
    ("settings", "error", "named"),
    [
        ({"mode": "ignore"}, BadSetting, "'ignore'.*regenerate, cut, mark"),
        ({"on_unknown": "maybe"}, BadSetting, "'maybe'.*pass, cut"),
        ({"supported_at": 0}, BadSetting, "supported_at is 0"),
        ({"supported_at": 1.5}, BadSetting, "1.5"),
        ({"supported_at": float("nan")}, BadSetting, "nan"),
        ({"supported_at": True}, BadSetting, "True"),
        ({"tries": -1}, BadSetting, "tries is -1"),
        ({"tries": 1.5}, BadSetting, "tries is 1.5"),
        ({"passages": 0}, BadSetting, "passages is 0"),
        ({"deadline_s": 0}, BadSetting, "deadline_s is 0"),
        ({"deadline_s": "soon"}, BadSetting, "'soon'"),
        ({"notice": None}, BadSetting, "notice is None"),
        ({"judge": "nobody"}, UnknownComponent, "nobody.*known: .*agreed"),
        ({"judge": 7}, BadSetting, "judge is 7"),
        ({"judge": FakeJudge}, BadSetting, "no judge"),
        ({"judge": ("exact",)}, BadSetting, "1 judges"),
        ({"judge": ("exact", "exact")}, BadSetting, "exact"),
        ({"screen": "nobody"}, UnknownComponent, "nobody"),
        ({"screen": 7}, BadSetting, "screen is 7"),
        ({"screen": "missing.json"}, BadInput, r"missing\.json"),
    ],
)
def test_a_setting_outside_what_it_may_be_is_refused_by_name(
    settings: dict[str, Any], error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=named):
        Guard(**{"judge": "exact", **settings})


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(BadSetting, match=r"'jugde'; known: judge, screen, mode"):
        guard_of({"jugde": "exact"})
    with pytest.raises(BadSetting, match="'tires'"):
        Guard(judge="exact").with_settings({"tires": 3})
    with pytest.raises(BadSetting, match="guard is 'yes'"):
        guard_of("yes")  # type: ignore[arg-type]


def test_a_guard_can_be_given_in_every_way() -> None:
    one = guard()
    assert guard_of(one) is one
    assert guard_of(None) is None
    assert guard_of(False) is None
    made = guard_of(True)
    assert made is not None
    assert made.judge.name == "agreement&coverage"
    table = guard_of({"judge": {"name": "agreed", "a": "number", "b": "exact"}, "mode": "mark"})
    assert table is not None
    assert (table.judge.name, table.mode) == ("number&exact", "mark")
    assert Guard(judge=["number", "exact"]).judge.name == "number&exact"
    assert guard(tries=7).with_settings({"mode": "mark"}) == guard(tries=7, judge=one.judge, mode="mark")


def test_a_threshold_of_ones_own_decides() -> None:
    for supported_at, text in ((0.9, GOOD), (0.95, "[The answer ends")):
        settings = guard(supported_at=supported_at)
        assert str(GuardedQueryEngine(engine(ScriptedLLM(GOOD)), settings).query("?")).startswith(text)


def test_regenerating_needs_a_model() -> None:
    class Answers(TransformQueryEngine):
        """Keeps no model where one would be found."""

    stock = Answers(engine(ScriptedLLM(GOOD)), IdentityQueryTransform())
    with pytest.raises(BadSetting, match='"regenerate" needs a language model, and the Answers shows none'):
        GuardedQueryEngine(stock, guard(mode="regenerate"))
    assert str(GuardedQueryEngine(stock, guard()).query("?")) == GOOD


@pytest.mark.parametrize("wrong", [None, False])
def test_a_guard_of_nothing_is_refused(wrong: Any) -> None:
    stock = engine(ScriptedLLM(GOOD))
    with pytest.raises(BadSetting, match="needs one"):
        GuardedQueryEngine(stock, wrong)
    with pytest.raises(BadSetting, match="needs one"):
        GuardedSynthesizer(stock._response_synthesizer, wrong)


def test_something_else_than_an_engine_is_refused() -> None:
    with pytest.raises(BadSetting, match="not a str"):
        GuardedQueryEngine("engine", guard())  # type: ignore[arg-type]
    with pytest.raises(BadSetting, match="not a str"):
        GuardedSynthesizer("engine", guard())  # type: ignore[arg-type]


# harden() and tamis.toml


@pytest.fixture
def index() -> VectorStoreIndex:
    nodes = [TextNode(id_=f"n{at}", text=text) for at, text in enumerate(PASSAGES)]
    return VectorStoreIndex(nodes, embed_model=TamisEmbedding(embedder=FakeEmbedder()))


def hardened(index: VectorStoreIndex, llm: ScriptedLLM, *config: Path, **settings: Any) -> RetrieverQueryEngine:
    return harden(index, *config, scorer=EvidenceScorer(embedder=FakeEmbedder()), min_k=1, llm=llm, **settings)


@pytest.mark.parametrize("given", [guard(), {"judge": FakeJudge(), "mode": "cut"}])
def test_harden_guards_what_it_answers(index: VectorStoreIndex, given: Any) -> None:
    made = hardened(index, ScriptedLLM(f"{GOOD} {BAD}", f"{GOOD} {BAD}"), guard=given)
    assert type(made) is RetrieverQueryEngine
    response = made.query("Is the bus red?")
    assert str(response) == f"{GOOD} [The answer ends here: the next sentence is not supported by the sources.]"
    assert response.source_nodes[0].node.node_id == "n0"
    assert str(asyncio.run(made.aquery("Is the bus red?"))) == str(response)


def test_harden_without_a_guard_is_as_it_was(index: VectorStoreIndex) -> None:
    for none in ({}, {"guard": None}, {"guard": False}):
        assert str(hardened(index, ScriptedLLM(f"{GOOD} {BAD}"), **none).query("Is the bus red?")) == f"{GOOD} {BAD}"


def test_harden_without_any_model_still_gives_the_passages(
    index: VectorStoreIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "_llm", None)
    made = harden(index, scorer=EvidenceScorer(embedder=FakeEmbedder()), min_k=1, guard=guard(screen=FakeScreen()))
    response = made.query("Is the bus red?")
    assert (str(response), response.source_nodes[0].node.node_id) == ("None", "n0")


def test_harden_guards_a_synthesizer_of_ones_own(index: VectorStoreIndex) -> None:
    own = get_response_synthesizer(llm=ScriptedLLM(f"{GOOD} {BAD}", ALSO), streaming=True)
    made = harden(
        index,
        scorer=EvidenceScorer(embedder=FakeEmbedder()),
        min_k=1,
        response_synthesizer=own,
        guard=guard(mode="regenerate"),
    )
    assert str(made.query("Is the bus red?")) == f"{GOOD} {ALSO}"


def test_a_guards_settings_come_from_a_toml_and_keywords_win(index: VectorStoreIndex, tmp_path: Path) -> None:
    path = tmp_path / "tamis.toml"
    path.write_text('[guard]\njudge = ["exact", "number"]\nmode = "cut"\non_unknown = "cut"\nnotice = "(cut)"\n')
    config = PipelineConfig.load(path)
    assert config.guard == {"judge": ["exact", "number"], "mode": "cut", "on_unknown": "cut", "notice": "(cut)"}
    assert str(hardened(index, ScriptedLLM(GOOD), path).query("Is the bus red?")) == "(cut)"
    assert str(hardened(index, ScriptedLLM(GOOD), path, guard=None).query("Is the bus red?")) == GOOD


def test_an_empty_table_is_the_guard_as_it_comes(tmp_path: Path) -> None:
    (tmp_path / "tamis.toml").write_text("[guard]\n")
    assert guard_of(PipelineConfig.load(tmp_path / "tamis.toml").guard) == Guard()


@pytest.mark.parametrize("written", ['screen = "harm.json"', 'screen = {file = "harm.json"}'])
def test_a_screens_file_is_found_beside_the_toml(tmp_path: Path, written: str) -> None:
    (tmp_path / "tamis.toml").write_text(f"[guard]\n{written}\n")
    settings = PipelineConfig.load(tmp_path / "tamis.toml").guard
    found = settings["screen"]
    assert (found if isinstance(found, str) else found["file"]) == str(tmp_path / "harm.json")


def test_a_setting_that_a_guard_has_not_is_refused_in_a_toml(tmp_path: Path) -> None:
    (tmp_path / "tamis.toml").write_text("[guard]\nmoed = 1\n")
    with pytest.raises(BadSetting, match=r"'moed'.*mode"):
        PipelineConfig.load(tmp_path / "tamis.toml")


def test_the_table_of_a_toml_has_every_setting_of_a_guard() -> None:
    from dataclasses import fields

    assert set(TABLES["guard"]) == {one.name for one in fields(Guard)}
