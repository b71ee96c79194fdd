"""Metadata filters of a store: as LlamaIndex's own store reads them, or refused by name."""

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

from tamis.core.errors import BadInput, BadSetting
from tamis.retrievers import HybridRetriever, Store
from tamis.testing import FakeEmbedder


def nodes() -> list[TextNode]:
    return [
        TextNode(
            id_=f"n{year}", text=f"a red bus of {year}", metadata={"tags": ["a"], **({"year": year} if year else {})}
        )
        for year in range(5)
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.open(tmp_path_factory.mktemp("store"), FakeEmbedder(), create=True)
    store.add(nodes())
    return store


def where(operator: str, value: object, key: str = "year") -> MetadataFilter:
    return MetadataFilter(key=key, operator=FilterOperator(operator), value=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("condition", [FilterCondition.AND, FilterCondition.OR])
@pytest.mark.parametrize(
    "conditions",
    [
        [where("in", [])],
        [where("nin", [])],
        [where("in", []), where(">", 2)],
        [where("nin", []), where(">", 2)],
        [where("in", [1, 2]), where("nin", [2])],
        [where("in", [], key="nowhere"), where("nin", [], key="nowhere")],
    ],
)
def test_lists_filter_as_in_llamaindex_s_own_store(
    store: Store, condition: FilterCondition, conditions: list[MetadataFilter]
) -> None:
    filters = MetadataFilters(filters=list(conditions), condition=condition)
    index = VectorStoreIndex(nodes(), embed_model=store.embed_model)
    found, expected = (
        [one.node.node_id for one in retriever.retrieve("red bus")]
        for retriever in (store.retriever(filters=filters), HybridRetriever.from_index(index, filters=filters))
    )
    assert found == expected


@pytest.mark.parametrize(
    ("condition", "error", "named"),
    [
        (where("contains", "a", key="tags"), BadSetting, '"tags" by "contains"'),
        (where("in", "abc"), BadSetting, '"year" in needs a list'),
        (where("==", None), BadInput, "Chroma does not take this"),
    ],
)
def test_what_chroma_cannot_do_is_refused_by_name(
    store: Store, condition: MetadataFilter, error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=named):
        store.retriever(filters=MetadataFilters(filters=[condition])).retrieve("red bus")
