"""What is asked of a pipeline, and what is known of the right answer."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tamis.core.content import Content


@dataclass(frozen=True)
class Document:
    """A passage of a corpus: text, images or both, with an id that is its own in the corpus.

    ``planted`` names the attack that made or changed it; None for what the corpus held before.
    """

    id: str
    content: Content
    date: datetime.date | None = None
    planted: str | None = None


@dataclass(frozen=True)
class Case:
    """One question with what is known about it.

    ``documents`` is the corpus that goes with this case; empty where the target has its own. ``relevance`` gives the
    grade of judged documents by id: 0 judged and not relevant, 1 and above relevant. ``answers`` are accepted ones,
    any of them will do. ``answerable`` is None where that is not known. ``targets`` are wrong answers that an attack
    may try to bring about. ``group`` names cases that are not independent of each other (several questions about
    one document): intervals are then taken over groups. ``extra`` is what a data set knows besides.
    """

    id: str
    query: Content
    documents: tuple[Document, ...] = ()
    relevance: Mapping[str, int] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    answerable: bool | None = None
    targets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    group: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def gold(self) -> frozenset[str]:
        """Ids of the relevant documents."""
        return frozenset(name for name, grade in self.relevance.items() if grade > 0)

    @property
    def cluster(self) -> str:
        """What this case is drawn together with: its group, or itself."""
        return self.id if self.group is None else self.group
