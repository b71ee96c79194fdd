"""How far labels agree beyond chance: of two judges, or of any number."""

from collections import Counter
from collections.abc import Hashable, Sequence

from tamis.core.errors import BadInput


def cohen_kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> float | None:
    """Cohen's kappa (1960) of two labels for each item: 1 for full agreement, 0 for chance; at least -1.

    None where chance alone agrees always (one label everywhere). Raises BadInput for no items or different lengths.

    >>> cohen_kappa(["yes", "yes", "no", "no"], ["yes", "no", "no", "no"])
    0.5
    """
    if len(a) != len(b) or not a:
        raise BadInput(f"kappa needs as many labels on both sides, and at least one, not {len(a)} and {len(b)}")
    n = len(a)
    observed = sum(x == y for x, y in zip(a, b, strict=True)) / n
    of_a, of_b = Counter(a), Counter(b)
    chance = sum(of_a[label] * of_b[label] for label in of_a) / n**2
    return None if chance == 1 else (observed - chance) / (1 - chance)


def krippendorff_alpha(units: Sequence[Sequence[Hashable | None]]) -> float | None:
    """Krippendorff's alpha (1980) for nominal labels: 1 for full agreement, 0 for chance, below 0 for less.

    ``units[i]`` holds the labels of item i, one by each who judged it, None where somebody did not. Items with a single
    label say nothing and are left out. None where nothing can be said: no item with two labels, or one label for all.

    >>> round(krippendorff_alpha([["a", "a"], ["a", "b"], ["b", "b"], ["b", None]]), 3)
    0.444
    """
    labelled = [[label for label in unit if label is not None] for unit in units]
    paired = [unit for unit in labelled if len(unit) > 1]
    totals = Counter(label for unit in paired for label in unit)
    n = sum(totals.values())
    if len(totals) < 2:
        return None
    apart = sum(
        (len(unit) ** 2 - sum(count**2 for count in Counter(unit).values())) / (len(unit) - 1) for unit in paired
    )
    expected = (n**2 - sum(count**2 for count in totals.values())) / (n - 1)
    return 1 - apart / expected
