"""The absolute floor that relative policies need: a good neighbour's neighbour is not yet relevant."""

import math

from tamis.core.errors import BadSetting


def checked_floor(floor: float | None) -> None:
    """Raises BadSetting for a floor that is neither None nor a finite number."""
    if floor is None:
        return
    if isinstance(floor, bool) or not isinstance(floor, (int, float)) or not math.isfinite(floor):
        raise BadSetting(f"the floor is {floor!r}; it must be a finite number, or None for no floor")
