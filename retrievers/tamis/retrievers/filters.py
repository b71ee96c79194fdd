"""LlamaIndex's metadata filters as Chroma's ``where``."""

from typing import Any

from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

from tamis.core.errors import BadSetting

_OPERATORS = {
    FilterOperator.EQ: "$eq",
    FilterOperator.NE: "$ne",
    FilterOperator.GT: "$gt",
    FilterOperator.GTE: "$gte",
    FilterOperator.LT: "$lt",
    FilterOperator.LTE: "$lte",
    FilterOperator.IN: "$in",
    FilterOperator.NIN: "$nin",
}
_CONDITIONS = {FilterCondition.AND: "$and", FilterCondition.OR: "$or"}


def chroma_where(filters: MetadataFilters | None) -> dict[str, Any] | None:
    """The same conditions in Chroma's words; None where there is none.

    Raises BadSetting for what Chroma cannot do.

    >>> from llama_index.core.vector_stores.types import ExactMatchFilter
    >>> chroma_where(MetadataFilters(filters=[ExactMatchFilter(key="year", value=2024)]))
    {'year': {'$eq': 2024}}
    """
    if filters is None or not filters.filters:
        return None
    parts = [
        part
        for one in filters.filters
        if (part := chroma_where(one) if isinstance(one, MetadataFilters) else _condition(one)) is not None
    ]
    condition = filters.condition or FilterCondition.AND
    if condition not in _CONDITIONS:
        raise BadSetting(f'Chroma has no filter condition "{condition.value}"; use "and" or "or"')
    if len(parts) < 2:
        return parts[0] if parts else None
    return {_CONDITIONS[condition]: parts}


def _condition(one: MetadataFilter) -> dict[str, Any]:
    if one.operator not in _OPERATORS:
        known = ", ".join(operator.value for operator in _OPERATORS)
        # "contains" too: lists are kept inside the node, where Chroma does not look, and of a text it finds no part.
        raise BadSetting(f'Chroma cannot filter "{one.key}" by "{one.operator.value}"; it knows: {known}')
    if one.operator in (FilterOperator.IN, FilterOperator.NIN):
        if not isinstance(one.value, list):
            raise BadSetting(f'the filter "{one.key}" {one.operator.value} needs a list, not {one.value!r}')
        if not one.value:
            # Chroma takes no empty list. Nothing is in it, and everything is not in it.
            both = [{one.key: {"$eq": ""}}, {one.key: {"$ne": ""}}]
            return {"$and" if one.operator is FilterOperator.IN else "$or": both}
    return {one.key: {_OPERATORS[one.operator]: one.value}}
