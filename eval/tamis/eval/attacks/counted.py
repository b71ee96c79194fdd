"""What attacks share whose strength counts whole things and whose control is the same thing without the harm."""

from random import Random
from typing import ClassVar

from ..case import Case
from .attack import Attacked
from .material import Material
from .strength import whole


class Counted:
    """Applies an attack and its control by one method that is told whether to do harm."""

    unit: ClassVar[str]

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case under attack. Raises NotApplicable where it cannot be made on this case."""
        return self._made(case, whole(strength, self.unit), material, rng, is_harmful=True)

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The same with what does no harm. Raises NotApplicable."""
        return self._made(case, whole(strength, self.unit), material, rng, is_harmful=False)

    def _made(self, case: Case, count: int, material: Material, rng: Random, *, is_harmful: bool) -> Attacked:
        raise NotImplementedError
