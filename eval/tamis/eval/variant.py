"""Under what conditions a case is run: clean, or under an attack of some strength, or under that attack's control."""

import re
from dataclasses import dataclass

from tamis.core.errors import BadInput

_KEY = re.compile(r"(?P<attack>[a-z0-9][a-z0-9_+-]*)@(?P<strength>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?P<control>~control)?")

_LARGEST = 1e15


@dataclass(frozen=True, slots=True, order=True)
class Variant:
    """``attack`` is its name, "" for clean; ``control`` has the attack's size and none of its harm.

    >>> Variant("poison", 5.0).key
    'poison@5'
    >>> Variant.of("poison@5~control").control
    True
    """

    attack: str = ""
    strength: float = 0.0
    control: bool = False

    @property
    def key(self) -> str:
        """The variant as one word: "clean", "poison@5", "poison@5~control"."""
        if not self.attack:
            return "clean"
        return f"{self.attack}@{_written(self.strength)}{'~control' if self.control else ''}"

    @classmethod
    def of(cls, key: str) -> "Variant":
        """The variant that has this key. Raises BadInput for anything else."""
        if key == "clean":
            return cls()
        if (found := _KEY.fullmatch(key)) is None:
            raise BadInput(f'"{key}" is not the key of a variant: clean, attack@strength or attack@strength~control')
        return cls(found["attack"], float(found["strength"]), found["control"] is not None)


def _written(strength: float) -> str:
    """A strength in six digits, and a large one in all that it has.

    >>> _written(5.0), _written(1_000_001.0)
    ('5', '1000001')
    """
    short = f"{strength:g}"
    return f"{strength:.0f}" if "e+" in short and abs(strength) < _LARGEST else short


CLEAN = Variant()
