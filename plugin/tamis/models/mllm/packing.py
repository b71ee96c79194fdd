"""Rows into batches: those of like length together, padded tokens under a budget."""

from collections.abc import Sequence
from typing import NamedTuple


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


def packed(lengths: Sequence[Length], budget: int, waste: float) -> list[list[int]]:
    """The rows' numbers in batches, longest first.

    The padded size of a batch (see ``size``) stays within ``budget``, but for a row that is longer by itself; of the
    tokens that are computed at most the share ``waste``, in [0, 1], is padding.

    >>> packed([Length(10, 0), Length(100, 0), Length(11, 0), Length(95, 0)], budget=200, waste=0.2)
    [[1, 3], [2, 0]]
    >>> packed([Length(10, 0), Length(100, 0)], budget=50, waste=1.0)
    [[1], [0]]
    """
    batches: list[list[int]] = []
    current: list[int] = []
    newest = past = real = 0
    for row in sorted(range(len(lengths)), key=lambda row: lengths[row], reverse=True):
        length = lengths[row]
        count = len(current) + 1
        wide = max(newest, length.new)
        deep = max(past, length.past)
        padding = 1 - (real + length.new) / (count * wide)
        if current and (size(count, wide, deep) > budget or padding > waste):
            batches.append(current)
            current, count, wide, deep, real = [], 1, length.new, length.past, 0
        current.append(row)
        newest, past, real = wide, deep, real + length.new
    if current:
        batches.append(current)
    return batches
