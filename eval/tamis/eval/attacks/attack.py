"""The seam for attacks: what one does to a case, and what a harmless change of the same size would be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal, Protocol

from tamis.core.content import Content
from tamis.core.errors import TamisError

from ..case import Case, Document
from .material import Material

Changes = Literal["query", "documents", "planted"]


class NotApplicable(TamisError):
    """An attack that cannot be made on this case as specified, and why (no answer to contradict, no image, ...)."""


@dataclass(frozen=True)
class Attacked:
    """A case as an attack leaves it.

    ``changed`` maps ids of the case's own documents to what stands in their place, None where they are taken away.
    ``planted`` are documents that are added to the corpus, each with the attack's name in ``planted``. An answer that
    holds one of ``targets`` (wrong answers) or ``canaries`` (meaningless marks) shows that the attack succeeded.
    ``realised`` is the strength that was reached: less where the material did not allow for more, more where what is
    asked for is less than one.
    """

    query: Content
    changed: Mapping[str, Document | None] = field(default_factory=dict)
    planted: tuple[Document, ...] = ()
    targets: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()
    realised: float = 0.0


class Attack(Protocol):
    """One way to make a pipeline fail, by what its user or its corpus may hold.

    ``name`` is lower case with hyphens. ``goal`` says in one sentence what it tries to bring about, ``source`` the
    paper with authors and year. ``changes`` is all that it may touch. ``strengths`` are tried by default, weakest
    first. ``unit`` says what a strength counts ("planted passages", "share of pairs"). Payloads are inert: canaries
    are meaningless words, and no link leads anywhere.

    Both methods are pure: the same case, strength, material and random state give the same result.
    """

    @property
    def name(self) -> str: ...

    @property
    def goal(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def changes(self) -> frozenset[Changes]: ...

    @property
    def strengths(self) -> tuple[float, ...]: ...

    @property
    def unit(self) -> str: ...

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case under attack. Raises NotApplicable where it cannot be made as specified."""
        ...

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """A change of the same kind and size that does no harm. Raises NotApplicable."""
        ...
