"""Format templates that came with data: used only where filling one in can neither fail nor blow up."""

import re
from collections.abc import Collection
from functools import lru_cache
from string import Formatter

# A passage of a few bytes must not grow to gigabytes: so many fields, each padded to so many characters at most.
_FIELDS = 16
_WIDTH = 100


@lru_cache(maxsize=256)
def fillable(template: str, names: Collection[str], longest: int) -> bool:
    """Whether texts of these names can be filled into a template of at most ``longest`` characters.

    Only the names themselves: no attribute, no index, no field inside a format specification. Without names the text
    is taken as it is, braces and all. ``names`` must be hashable.

    >>> fillable("{key}: {value:>8}", ("key", "value"), 1000)
    True
    >>> [fillable(one, ("key", "value"), 1000) for one in ("{nope}", "{value", "{key.__class__}", "{value:>999999999}")]
    [False, False, False, False]
    """
    if len(template) > longest:
        return False
    if not names:
        return True
    try:
        fields = [field for field in Formatter().parse(template) if field[1] is not None]
        if len(fields) > _FIELDS:
            return False
        for _, name, specification, _ in fields:
            widths = re.findall(r"\d+", specification or "")
            if name not in names or "{" in (specification or "") or any(int(width) > _WIDTH for width in widths):
                return False
        template.format(**dict.fromkeys(names, ""))
    except (ValueError, LookupError, AttributeError):
        return False
    return True
