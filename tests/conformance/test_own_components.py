"""Every component that Tamis ships is held to the contract it ships for other people's."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import BaseNode, ImageNode, QueryBundle

import tamis.rerankers
from tamis.core.media import MediaPolicy
from tamis.models import SCORERS, Scorer
from tamis.rerankers import (
    POLICIES,
    AdaptiveTopK,
    CascadeReranker,
    ChorusFilter,
    DocumentOrder,
    DuplicateFilter,
    EchoFilter,
    EdgesOrder,
    ExclusionReranker,
    ExpectedF1,
    FixedK,
    FusedReranker,
    InstructionFilter,
    LargestGap,
    ListwiseReranker,
    MLLMReranker,
    RankOrder,
    Reasons,
    RecallGuarantee,
    Reranker,
    ReverseOrder,
    Threshold,
    TournamentReranker,
    ZCut,
)
from tamis.retrievers import HybridRetriever, Store, TamisEmbedding
from tamis.testing import (
    FakeEmbedder,
    FakeImageEmbedder,
    FakeReranker,
    FakeScorer,
    FixedRetriever,
    check_postprocessor,
    check_retriever,
    check_scorer,
)
from tamis.testing.pictures import png
from tamis.testing.samples import texts
from tamis.testing.stage import Role

GUARANTEE = RecallGuarantee(0.5).fit([([0.9, 0.2], [True, False]), ([0.6, 0.5], [True, True])])
POLICIES_USED: list[Any] = [ExpectedF1(), GUARANTEE, Threshold(), ZCut(), LargestGap(), FixedK(3)]
STAGES: list[tuple[BaseNodePostprocessor, Role]] = [
    (Reranker(FakeScorer()), "reranker"),
    *((AdaptiveTopK(policy), "selector") for policy in POLICIES_USED),
    (AdaptiveTopK(min_k=1, max_k=3, token_budget=200), "selector"),
    (DuplicateFilter(), "selector"),
    (ChorusFilter(), "selector"),
    (EchoFilter(), "selector"),
    (InstructionFilter(), "selector"),
    (EdgesOrder(), "orderer"),
    (RankOrder(), "orderer"),
    (ReverseOrder(), "orderer"),
    (DocumentOrder(), "orderer"),
]
# Those that need a model of their own are checked where they are tested.
STAGES_ELSEWHERE = {
    CascadeReranker,
    ExclusionReranker,
    FusedReranker,
    ListwiseReranker,
    MLLMReranker,
    Reasons,
    TournamentReranker,
}
SCORERS_ELSEWHERE = {"cached", "cross-encoder", "http", "mllm", "vllm"}
SCORERS_USED: dict[str, Callable[[float], Scorer]] = {
    "embedding": lambda delay_s: SCORERS.load("embedding")(embedder=FakeEmbedder(delay_s=delay_s)),  # type: ignore[call-arg]
    "evidence": lambda delay_s: SCORERS.load("evidence")(embedder=FakeEmbedder(delay_s=delay_s)),  # type: ignore[call-arg]
    "fake": lambda delay_s: FakeScorer(delay_s=delay_s),
}


@pytest.mark.parametrize(("stage", "role"), STAGES, ids=lambda value: value if isinstance(value, str) else repr(value))
def test_a_postprocessor_keeps_the_promise_of_its_role(stage: BaseNodePostprocessor, role: Role) -> None:
    check_postprocessor(stage, role).raise_if_failed()


def test_a_reranker_is_seen_at_slow_and_at_failing_work_too() -> None:
    report = check_postprocessor(
        Reranker(FakeScorer()),
        "reranker",
        slow=Reranker(FakeScorer(delay_s=0.2)),
        failing=Reranker(FakeScorer(error="out of memory")),
    )

    report.raise_if_failed()
    assert not [finding for finding in report.skipped if "too quick" in finding.reason]


def test_every_postprocessor_and_policy_that_is_shipped_is_checked() -> None:
    exported = [getattr(tamis.rerankers, name) for name in tamis.rerankers.__all__]
    stages = {kind for kind in exported if isinstance(kind, type) and issubclass(kind, BaseNodePostprocessor)}

    assert stages == {type(stage) for stage, _ in STAGES} | STAGES_ELSEWHERE
    assert {POLICIES.load(name) for name in POLICIES.builtin} == {type(policy) for policy in POLICIES_USED}


@pytest.mark.parametrize("name", sorted(SCORERS_USED))
def test_a_scorer_keeps_its_contract(name: str) -> None:
    make = SCORERS_USED[name]

    # The default scorer judges a passage among its candidates.
    check_scorer(make(0.0), slow=make(0.2), listwise=name == "evidence").raise_if_failed()


def test_every_scorer_that_is_shipped_is_checked() -> None:
    assert set(SCORERS.builtin) == {*SCORERS_USED, *SCORERS_ELSEWHERE}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "blue.png"
    file.write_bytes(png(0, 0, 255))
    return file


def passages() -> list[BaseNode]:
    return [found.node for found in texts()]


def pictures() -> list[BaseNode]:
    colours = {"blue": (0, 0, 255), "red": (255, 0, 0)}
    return [
        ImageNode(id_=name, image=base64.b64encode(png(*rgb)).decode(), image_mimetype="image/png")
        for name, rgb in colours.items()
    ]


@pytest.fixture
def stores(tmp_path: Path, picture: Path) -> Iterator[Callable[[float], Store]]:
    """The same passages and pictures behind an embedder that takes so long."""
    made: dict[float, Store] = {}

    def store(delay_s: float) -> Store:
        if delay_s not in made:
            embedder, media = FakeImageEmbedder(delay_s=delay_s), MediaPolicy(roots=(str(picture.parent),))
            made[delay_s] = Store.open(tmp_path / f"store-{delay_s}", embedder, create=True, media=media)
            made[delay_s].add([*passages(), *pictures()])
        return made[delay_s]

    yield store
    for each in made.values():
        each.close()


@pytest.mark.parametrize("fusion", ["rrf", "calibrated"])
def test_a_hybrid_retriever_over_a_store_keeps_its_contract(
    fusion: Any, stores: Callable[[float], Store], picture: Path
) -> None:
    finds: list[tuple[QueryBundle | str, str]] = [
        ("a river carves its bed", "text-0"),
        ("blue", "blue"),
        (QueryBundle("", image_path=str(picture)), "blue"),
    ]

    report = check_retriever(
        lambda: stores(0.0).retriever(fusion=fusion), slow=lambda: stores(0.2).retriever(fusion=fusion), finds=finds
    )

    report.raise_if_failed()
    assert [finding.assertion for finding in report.skipped] == ["score 0.0 stays 0.0"]


def test_a_hybrid_retriever_over_any_index_keeps_its_contract() -> None:
    def retriever(delay_s: float = 0.0) -> HybridRetriever:
        index = VectorStoreIndex(passages(), embed_model=TamisEmbedding(embedder=FakeEmbedder(delay_s=delay_s)))
        return HybridRetriever.from_index(index)

    finds = [("a river carves its bed", "text-0")]
    check_retriever(retriever, slow=lambda: retriever(0.2), finds=finds).raise_if_failed()


def test_the_stand_ins_keep_the_contracts_they_stand_in_for() -> None:
    check_postprocessor(FakeReranker(), "reranker").raise_if_failed()
    check_retriever(FixedRetriever(texts()), slow=FixedRetriever(texts(), delay_s=0.2)).raise_if_failed()
