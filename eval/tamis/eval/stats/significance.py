"""Whether a difference of rates is more than chance, and what is left of that when many were looked at."""

from collections.abc import Sequence

from tamis.core.errors import BadInput

from .arithmetic import special


def exact_mcnemar(a: Sequence[bool], b: Sequence[bool]) -> float:
    """The two-sided exact p-value of McNemar's test (1947): ``a[i]`` and ``b[i]`` are two results on the same item.

    Only items on which both differ count: under no difference, each goes either way like a coin. In (0, 1]; 1 where no
    item differs. Raises BadInput when the two differ in length.

    >>> exact_mcnemar([True] * 5 + [False], [False] * 5 + [False])
    0.0625
    """
    if len(a) != len(b):
        raise BadInput(f"a paired test needs as many values on both sides, not {len(a)} and {len(b)}")
    only_a = sum(1 for x, y in zip(a, b, strict=True) if x and not y)
    only_b = sum(1 for x, y in zip(a, b, strict=True) if y and not x)
    return min(1.0, 2 * float(special.bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def one_sided_mcnemar(only_a: int, only_b: int) -> float:
    """The exact p-value of McNemar's test (1947) for more on the side of ``a`` than chance brings; in (0, 1].

    ``only_a`` and ``only_b`` count the items on which the two results differ, by the one that has it.

    >>> one_sided_mcnemar(5, 0), one_sided_mcnemar(0, 0)
    (0.03125, 1.0)
    """
    if only_a < 0 or only_b < 0:
        raise BadInput(f"there cannot be {only_a} and {only_b} items")
    return float(special.bdtr(only_b, only_a + only_b, 0.5))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (1979), in the order given: below 0.05 in any of them is then a 5% chance in all.

    A family is what is looked at together to find something: one figure under all attacks, say. Raises BadInput for
    what is no probability.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    for p in p_values:
        if not 0 <= p <= 1:
            raise BadInput(f"a p-value lies in [0, 1], not {p}")
    # statsmodels has it too, and collects the garbage of the whole process at every call.
    adjusted, largest = [0.0] * len(p_values), 0.0
    for place, which in enumerate(sorted(range(len(p_values)), key=lambda which: p_values[which])):
        largest = max(largest, (len(p_values) - place) * float(p_values[which]))
        adjusted[which] = min(1.0, largest)
    return adjusted
