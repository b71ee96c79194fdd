"""What a clean run leaves open: no hit in n trials is a bound, not a zero."""

from typing import Literal

from tamis.core.errors import BadInput, BadSetting

from .arithmetic import checked_confidence

Prior = Literal["none", "uniform"]


def residual_risk(n: int, confidence: float = 0.95, *, prior: Prior = "none") -> float:
    """The rate that may still be there after no hit in ``n`` independent trials; one-sided, in (0, 1].

    Exact by default, ``1 - (1 - confidence) ** (1 / n)``, which is 1 for no trial. With a uniform prior it is what a
    Bayesian who held every rate for as likely would say, ``1 - (1 - confidence) ** (1 / (n + 1))``.

    >>> round(residual_risk(59), 4), round(residual_risk(59, prior="uniform"), 4)
    (0.0495, 0.0487)
    """
    checked_confidence(confidence)
    if n < 0:
        raise BadInput(f"there cannot be {n} trials")
    if prior not in ("none", "uniform"):
        raise BadSetting(f'the prior is "none" or "uniform", not "{prior}"')
    trials = n + (prior == "uniform")
    return float(1 - (1 - confidence) ** (1 / trials)) if trials else 1.0
