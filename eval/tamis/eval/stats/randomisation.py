"""The paired randomisation test: how often a coin for each item would make as large a difference as was seen."""

import math
from collections.abc import Hashable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .arithmetic import by_cluster, pairs, scaled, special

SAMPLES = 9_999
"""Coins are tossed so many times where neither counting all outcomes nor approximating them will do."""

_COUNTED = 12  # 2^12 outcomes are counted one by one
_TOSSED_BELOW = 100  # from so many items on, the saddlepoint is closer than tossing
_ALIKE = 30  # as many equal differences would scatter like these: below it, a few decide
_FINEST = 60  # differences that are multiples of 1/60 or coarser lie on a grid
_GRID = 200_000  # numbers in the longest grid
_WIDE = 900  # numbers beyond 2 to this power lie on none, and would not bear to be multiplied

Numbers = NDArray[np.float64]


def paired_p_value(
    a: Sequence[float], b: Sequence[float], *, seed: int = 0, clusters: Sequence[Hashable] | None = None
) -> float:
    """The two-sided p-value of Fisher's randomisation test (1935) for the mean of ``a - b`` on the same items.

    Under no difference the two results of an item could have stood the other way round. ``clusters`` names items that
    belong together and are turned round together. In (0, 1]; 1 where nothing differs.

    Exact where the differences lie on a grid (rates, precision at k: for rates it is ``exact_mcnemar``) and for up to
    12 of them that are not 0. Else 9,999 seeded tosses, and from 100 on no tosses but the saddlepoint approximation
    (Robinson 1982); where a few are far larger than the rest, all outcomes of those with the rest as a normal number.
    Raises BadInput for values that are not finite and for sides of different length.

    >>> paired_p_value([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0])
    0.0625
    >>> paired_p_value([0.3, 0.5], [0.3, 0.5])
    1.0
    """
    sides, exponent = scaled(np.concatenate(pairs(a, b)))
    gaps, _ = by_cluster(sides[: len(a)] - sides[len(a) :], clusters)
    # What rounding leaves of a difference of nothing is nothing.
    gaps = gaps[np.abs(gaps) > 1e-12]
    if not len(gaps):
        return 1.0
    # Powers and products of very small differences would be 0, those of very large ones infinite.
    sizes, seen = np.abs(gaps), abs(math.fsum(gaps))
    if abs(exponent) < _WIDE and (steps := _on_grid(np.ldexp(sizes, exponent))) is not None:
        return _on_steps(steps, round(abs(float(np.dot(steps, np.sign(gaps))))))
    if len(sizes) <= _COUNTED:
        return _share(np.einsum("ij,j->i", _all_signs(len(sizes)), sizes), seen)
    if len(sizes) < _TOSSED_BELOW:
        tossed = np.einsum("ij,j->i", _tossed(len(sizes), seed), sizes)
        return (1 + _share(tossed, seen) * SAMPLES) / (1 + SAMPLES)
    squares = sizes**2
    if float(squares.sum()) ** 2 < _ALIKE * float((squares**2).sum()):
        return _few_dominate(np.sort(sizes)[::-1], seen)
    return _saddlepoint(sizes, seen)


def _share(sums: Numbers, seen: float) -> float:
    """The share that is as far from 0 as what was seen, give or take rounding."""
    return float((np.abs(sums) >= seen * (1 - 1e-9)).mean())


def _on_grid(sizes: Numbers) -> Numbers | None:
    """The sizes as whole numbers of steps, None where they share no step that is coarse enough."""
    distinct = np.unique(sizes)
    if len(distinct) > _FINEST:
        return None
    for parts in range(1, _FINEST + 1):
        whole = np.rint(distinct * parts)
        if (np.abs(distinct * parts - whole) < 1e-6).all() and (whole > 0).all():
            steps: Numbers = np.rint(sizes * parts)
            return steps / math.gcd(*whole.astype(int).tolist()) if steps.sum() < _GRID else None
    return None


def _on_steps(steps: Numbers, seen: int) -> float:
    """Exact (to 1e-12): the distribution of a sum of signed whole numbers, from its characteristic function."""
    total = int(steps.sum())
    if total == len(steps):  # all are 1
        return min(1.0, 2 * float(special.bdtr((total - seen) // 2, total, 0.5)))
    # The sum is the total less twice the sum of those that a coin turned round, which is one of 0..total.
    angles = np.pi * np.arange(total + 1) / (total + 1)
    character = np.exp(1j * angles * total)
    for step, count in zip(*np.unique(steps, return_counts=True), strict=True):
        character *= np.cos(step * angles) ** int(count)
    chances = np.fft.fft(character).real / (total + 1)
    far = np.abs(total - 2 * np.arange(total + 1)) >= seen
    # No outcome is rarer than all coins alike; rounding could say so.
    return min(1.0, max(float(chances[far].sum()), 2.0 ** (1 - min(len(steps), 1000))))


def _all_signs(count: int) -> Numbers:
    """Every outcome of so many coins, of shape (2^count, count)."""
    bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    return (2 * bits - 1).astype(np.float64)


@lru_cache(maxsize=_TOSSED_BELOW)
def _tossed(count: int, seed: int) -> NDArray[np.int8]:
    """Coins as signs, of shape (samples, count)."""
    signs: NDArray[np.int8] = np.random.default_rng((seed, count)).integers(2, size=(SAMPLES, count), dtype=np.int8)
    return 2 * signs - 1


def _few_dominate(falling: Numbers, seen: float) -> float:
    """All outcomes of the largest sizes, each with the others taken as normal."""
    largest, others = falling[:_COUNTED], falling[_COUNTED:]
    if seen >= falling.sum() * (1 - 1e-9):
        return max(2.0 ** (1 - len(falling)), 5e-324)
    sums = np.einsum("ij,j->i", _all_signs(_COUNTED), largest)
    deviation = math.sqrt(float((others**2).sum()))
    tails = special.ndtr((sums - seen) / deviation) + special.ndtr((-sums - seen) / deviation)
    return min(1.0, max(float(tails.mean()), 5e-324))


def _saddlepoint(sizes: Numbers, seen: float) -> float:
    """Both tails of a sum of signed sizes beyond what was seen (Lugannani and Rice 1980)."""
    if seen >= sizes.sum() * (1 - 1e-9):
        return max(2.0 ** (1 - len(sizes)), 5e-324)
    if seen**2 < 1e-12 * float((sizes**2).sum()):
        return 1.0
    tilt = seen / float((sizes**2).sum())
    low, high = 0.0, math.inf
    for _ in range(200):
        slope = float((sizes * np.tanh(tilt * sizes)).sum()) - seen
        low, high = (tilt, high) if slope < 0 else (low, tilt)
        bend = float((sizes**2 / np.cosh(np.minimum(tilt * sizes, 300)) ** 2).sum())
        following = tilt - slope / bend if bend > 0 else math.inf
        if not low < following < high:
            following = (low + high) / 2 if math.isfinite(high) else 2 * tilt
        if abs(following - tilt) <= 1e-12 * tilt:
            break
        tilt = following
    scaled = tilt * sizes
    cumulant = float((np.logaddexp(scaled, -scaled) - math.log(2)).sum())
    curvature = float((sizes**2 / np.cosh(np.minimum(scaled, 300)) ** 2).sum())
    root = math.sqrt(max(0.0, 2 * (tilt * seen - cumulant)))
    slope = tilt * math.sqrt(curvature)
    if root < 1e-4:
        return 1.0
    density = math.exp(-(root**2) / 2) / math.sqrt(2 * math.pi)
    tail = float(special.ndtr(-root)) + density * (1 / slope - 1 / root)
    return min(1.0, max(2 * tail, 5e-324))
