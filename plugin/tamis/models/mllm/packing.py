"""Rows into batches: those of like length together, padded tokens under a budget, and as few starts as pay."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Length(NamedTuple):
    """How long a row is: tokens to compute, and tokens of its past that are there already."""

    new: int
    past: int


def size(rows: int, new: int, past: int) -> int:
    """What a batch counts as: every padded token that is computed, and a quarter of every one that is there already.

    A token's keys and values take up less than what is computed on the way to them.

    >>> size(rows=2, new=10, past=100)
    70
    """
    return rows * (new + (past + 3) // 4)


def packed(lengths: Sequence[Length], budget: int, overhead: int) -> list[list[int]]:
    """The rows' numbers in batches, longest first, so that the whole costs least.

    A batch costs its padded size (see ``size``) and ``overhead``: what starting one takes, in tokens. Its size stays
    within ``budget``, but for a row that is longer by itself. Of all ways to cut the rows, sorted by length, into
    batches the cheapest is taken: O(rows x rows a batch).

    >>> packed([Length(10, 0), Length(100, 0), Length(11, 0), Length(95, 0)], budget=400, overhead=10)
    [[1, 3], [2, 0]]
    >>> packed([Length(10, 0), Length(100, 0), Length(11, 0), Length(95, 0)], budget=400, overhead=200)
    [[1, 3, 2, 0]]
    >>> packed([Length(10, 0), Length(100, 0)], budget=50, overhead=1000)
    [[1], [0]]
    """
    order = sorted(range(len(lengths)), key=lambda row: lengths[row], reverse=True)
    new = np.array([lengths[row].new for row in order], dtype=np.int64)
    past = np.array([lengths[row].past for row in order], dtype=np.int64)
    least = np.zeros(len(order) + 1)
    begins = np.zeros(len(order) + 1, dtype=np.int64)
    for end in range(1, len(order) + 1):
        # The last row of a batch is its shortest: more rows than this do not fit beside it.
        first = max(0, end - max(1, budget // max(1, int(new[end - 1]))))
        rows = np.arange(1, end - first + 1)
        deep = np.maximum.accumulate(past[first:end][::-1])
        sizes = rows * (new[first:end][::-1] + (deep + 3) // 4)
        costs = least[first:end][::-1] + sizes + overhead
        costs[1:][sizes[1:] > budget] = np.inf
        taken = int(np.argmin(costs)) + 1
        least[end], begins[end] = costs[taken - 1], end - taken
    batches: list[list[int]] = []
    end = len(order)
    while end:
        batches.append(order[int(begins[end]) : end])
        end = int(begins[end])
    return batches[::-1]
