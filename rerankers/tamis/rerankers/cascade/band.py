"""What a cheap scorer's log-odds say about a dear one's: a line for each query, and a band around it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput

Vector = NDArray[np.float64]

LEVELS = 65
SPREAD_KNOTS = 8
SEEN_SHARE = 0.15
"""The share of a query's candidates that is taken for asked when the tails are measured."""


@dataclass(frozen=True)
class Band:
    """Dear log-odds given cheap ones: ``(intercept + u) + (slope + v) * (cheap - centre)``, and a residual.

    ``u`` and ``v`` are a query's own departure from the line, with covariance ``(var_u, cov, var_v)``: what has been
    asked for a query tells of them (Bayesian linear regression). The residual's standard deviation is ``spread`` at
    the cheap log-odds ``at``, linear in between. ``tail`` are quantiles of standardised prediction errors: their
    first is exceeded with probability ``1 - rarest``, their last with ``rarest``, evenly in log-odds; empty: a
    Gaussian.

    The default is for scorers that nothing was fitted for, on calibrated log-odds: the same on average, and wide (a
    guess that errs on the side of asking). ``fitted`` is what makes a cascade save much.
    """

    intercept: float = 0.0
    slope: float = 1.0
    centre: float = 0.0
    query: tuple[float, float, float] = (1.0, 0.0, 0.1)
    at: tuple[float, ...] = (0.0,)
    spread: tuple[float, ...] = (1.5,)
    tail: tuple[float, ...] = ()
    rarest: float = 0.5

    @classmethod
    def exact(cls) -> "Band":
        """The band of a cheap scorer that gives the dear one's log-odds."""
        return cls(query=(0.0, 0.0, 0.0), spread=(0.0,))

    def predicted(self, cheap: Vector, known: NDArray[np.bool_], dear: Vector) -> tuple[Vector, Vector]:
        """Mean and standard deviation of the dear log-odds of all candidates of one query, shape (n,) each.

        ``dear`` counts where ``known``; both are of shape (n,), as is ``cheap``.
        """
        rows = np.stack([np.ones_like(cheap), cheap - self.centre], axis=1)
        noise = np.interp(cheap, self.at, self.spread)
        var_u, cov, var_v = self.query
        spread = np.array([[var_u, cov], [cov, var_v]])
        line = np.array([self.intercept, self.slope])
        if known.any() and var_u + var_v > 0:
            seen = rows[known]
            # The Kalman form: no inverse of a covariance that may be singular.
            cross = spread @ seen.T
            total = seen @ cross + np.diag(np.maximum(noise[known] ** 2, 1e-9))
            gain = np.linalg.solve(total, cross.T).T
            line = line + gain @ (dear[known] - seen @ line)
            spread = spread - gain @ cross.T
        variance = np.einsum("ni,ij,nj->n", rows, spread, rows) + noise**2
        return rows @ line, np.sqrt(np.maximum(variance, 0.0))

    def chances(self, bar: float, mean: Vector, deviation: Vector) -> Vector:
        """P(dear log-odds of at least ``bar``) for each mean and standard deviation, in [0, 1]."""
        if bar == -math.inf:
            return np.ones_like(mean)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(deviation > 0, (bar - mean) / deviation, np.where(mean >= bar, -math.inf, math.inf))
        return np.array([self.exceeded(float(one)) for one in z])

    def exceeded(self, z: float) -> float:
        """P(standardised prediction error of at least z). Beyond what was seen, the tail is a Gaussian's, scaled."""
        if not self.tail or math.isinf(z):
            return gaussian_tail(z)
        if z > self.tail[-1]:
            beyond = gaussian_tail(self.tail[-1])
            return self.rarest * (gaussian_tail(z) / beyond if beyond > 0 else 0.0)
        edge = math.log(1 / self.rarest - 1)
        level = float(np.interp(z, self.tail, np.linspace(edge, -edge, len(self.tail))))
        return 1 / (1 + math.exp(-level))

    def to_dict(self) -> dict[str, Any]:
        """The band as JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Band":
        """What ``to_dict`` wrote. Raises BadInput for anything else."""
        try:
            values: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
            }
            band = cls(**values)
            numbers = (band.intercept, band.slope, band.centre, band.rarest, *band.query, *band.at, *band.spread)
            if len(band.query) != 3 or len(band.at) != len(band.spread) or not band.at or band.spread[0] < 0:
                raise ValueError("its parts do not fit together")
            if not all(math.isfinite(float(one)) for one in (*numbers, *band.tail)):
                raise ValueError("a number in it is not finite")
        except (TypeError, ValueError) as error:
            raise BadInput(f"this is not a fitted band: {error}") from error
        return band


def gaussian_tail(z: float) -> float:
    """P(a standard Gaussian of at least z).

    >>> gaussian_tail(0.0)
    0.5
    """
    return 0.5 * math.erfc(z / math.sqrt(2))


def fitted(cheap: Sequence[Vector], dear: Sequence[Vector]) -> Band:
    """The band that fits pairs of log-odds, one array of shape (n_q,) for each query and scorer.

    The slope is that within queries; how queries depart from the common line is what their own lines differ by
    beyond chance (moments); the residual's spread is measured in eight quantile bins of the cheap log-odds, the tails
    on candidates behind the first 15% of each query, as predicted from those.
    """
    centre = float(np.concatenate(list(cheap)).mean())
    x = [one - centre for one in cheap]
    within = [(one - one.mean(), other - other.mean()) for one, other in zip(x, dear, strict=True)]
    squares = sum(float(one @ one) for one, _ in within)
    slope = sum(float(one @ other) for one, other in within) / squares if squares > 0 else 0.0
    offsets = [float((other - slope * one).mean()) for one, other in zip(x, dear, strict=True)]
    intercept = float(np.mean(offsets))
    residuals = [other - intercept - slope * one for one, other in zip(x, dear, strict=True)]
    query = query_spread(x, residuals)
    own = [rest - line_of(one, rest) for one, rest in zip(x, residuals, strict=True)]
    at, spread = spread_by_place(np.concatenate(list(cheap)), np.concatenate(own))
    band = Band(intercept, slope, centre, query, at, spread)
    errors = np.concatenate([errors_of(band, one, other) for one, other in zip(cheap, dear, strict=True)])
    if not len(errors):
        return band
    rarest = 1 / (len(errors) + 1)
    edge = math.log(1 / rarest - 1)
    levels = 1 / (1 + np.exp(np.linspace(edge, -edge, LEVELS)))
    return Band(intercept, slope, centre, query, at, spread, tuple(np.quantile(errors, levels).tolist()), rarest)


def line_of(x: Vector, y: Vector) -> Vector:
    """The values of the line of least squares through (x, y), shape (n,); their mean where x does not vary."""
    if len(x) < 3 or float(np.ptp(x)) == 0:
        return np.full_like(y, y.mean())
    slope, intercept = np.polyfit(x, y, 1)
    line: Vector = intercept + slope * x
    return line


def query_spread(x: Sequence[Vector], residuals: Sequence[Vector]) -> tuple[float, float, float]:
    """Covariance of the queries' own lines beyond what their residuals explain: (var_u, cov, var_v)."""
    lines, chance = [], []
    for one, rest in zip(x, residuals, strict=True):
        if len(one) < 4 or float(np.ptp(one)) == 0:
            continue
        rows = np.stack([np.ones_like(one), one], axis=1)
        inverse = np.linalg.pinv(rows.T @ rows)
        own = inverse @ rows.T @ rest
        noise = float(((rest - rows @ own) ** 2).sum()) / (len(one) - 2)
        lines.append(own)
        chance.append(noise * inverse)
    if len(lines) < 2:
        return (0.0, 0.0, 0.0)
    beyond = np.cov(np.array(lines).T) - np.mean(chance, axis=0)
    values, vectors = np.linalg.eigh(beyond)
    spread = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return float(spread[0, 0]), float(spread[0, 1]), float(spread[1, 1])


def spread_by_place(cheap: Vector, residuals: Vector) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Standard deviation of residuals in quantile bins of the cheap log-odds: the bins' means, and one for each."""
    bins = [part for part in np.array_split(np.argsort(cheap, kind="stable"), SPREAD_KNOTS) if len(part)]
    overall = float(residuals.std())
    at: list[float] = []
    spread: list[float] = []
    for part in bins:
        place = float(cheap[part].mean())
        # A bin of few pairs is drawn towards what holds everywhere.
        own = math.sqrt((float((residuals[part] ** 2).sum()) + 4 * overall**2) / (len(part) + 4))
        if at and place <= at[-1]:
            continue
        at.append(place)
        spread.append(own)
    return tuple(at), tuple(spread)


def errors_of(band: Band, cheap: Vector, dear: Vector) -> Vector:
    """Standardised errors of predicting a query's later candidates from its first ones by the cheap log-odds."""
    order = np.argsort(-cheap, kind="stable")
    known = np.zeros(len(cheap), dtype=bool)
    known[order[: max(1, round(SEEN_SHARE * len(cheap)))]] = True
    mean, deviation = band.predicted(cheap, known, dear)
    rest = ~known & (deviation > 0)
    errors: Vector = (dear[rest] - mean[rest]) / deviation[rest]
    return errors
