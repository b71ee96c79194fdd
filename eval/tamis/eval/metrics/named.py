"""A metric from its name or from what is written in a suite."""

import re
from collections.abc import Mapping
from typing import Any

from tamis.core.errors import BadSetting, UnknownComponent

from . import METRICS
from .metric import Metric

_PLANTED = re.compile(r"planted@(\d+)")


def metric_of(spec: str | Mapping[str, Any] | Metric) -> Metric:
    """The metric called "answer_f1", "planted@5" or, in ir-measures' grammar, "nDCG@10"; or with settings.

    Raises UnknownComponent for a name that is none of these, BadSetting for settings it does not take.

    >>> metric_of("P(rel=2)@5").name
    'P(rel=2)@5'
    >>> metric_of({"name": "planted", "k": 3}).name
    'planted@3'
    """
    if isinstance(spec, Mapping):
        name = spec.get("name")
        return metric_of(name) if isinstance(name, str) and len(spec) == 1 else METRICS.build(spec)
    if not isinstance(spec, str):
        return spec
    if (planted := _PLANTED.fullmatch(spec)) is not None:
        return METRICS.build({"name": "planted", "k": int(planted[1])})
    if spec in METRICS.names():
        return METRICS.build(spec)
    from .ranking import Ranking

    try:
        return Ranking(spec)
    except BadSetting as error:
        known = ", ".join(METRICS.names())
        raise UnknownComponent(
            f'no metric is called "{spec}"; known: {known}; and of ir-measures nDCG@10, AP, RR, P@5, R@10, ...'
        ) from error
