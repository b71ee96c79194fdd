"""ChorusFilter: passages that say the same thing in other words are one voice, and one of them is heard."""

from collections.abc import Sequence

from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import Field

from tamis.models.echoes import is_echo
from tamis.nodes import content_of

from ..stage import Stage
from ..stand_ins import StandInsEvent, collapsed
from .words import content_words

dispatcher = get_dispatcher(__name__)


class ChorusEvent(StandInsEvent):
    """Which passages stood for which, as pairs of node ids: the one kept, and the one dropped for it."""

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisChorusEvent"


class ChorusFilter(Stage):
    """Keeps the first of each chorus, the same object with its score, and drops the rest.

    Put it where passages come best first. Two passages sing together when both hold the query word for word (an echo:
    at least four fifths of a query of four words or more, in one piece), or when they share ``threshold`` of their
    words that matter (Jaccard similarity in (0, 1], function words and the query's own words aside). Those that are
    joined through others are one chorus too. A chorus counts as one from ``least`` passages on, so that two sources
    that agree still count as two.

    A low threshold hears more choirs and takes honest passages on one subject for one (on the documentation of
    Python's library, whose methods are described in like words, 0.3 lost 0.07 of what answers, 0.7 less than 0.01).

    Only the first ``depth`` are compared, None for all: what stands far below does not reach the model anyway.

    A poisoner has to plant several passages to outvote the honest ones, each written for the question and for one
    answer (PoisonedRAG, Zou et al. 2024: the question itself, then the claim). Whether they are right is not judged:
    one goes on, and finds itself among other sources.

    Which stood for which is told in a ChorusEvent. Raises BadSetting for a threshold outside (0, 1] or less than two
    voices.
    """

    threshold: float = Field(default=0.7, gt=0, le=1)
    least: int = Field(default=3, ge=2, strict=True)
    depth: int | None = Field(default=24, ge=2, strict=True)

    def __init__(
        self,
        threshold: float = 0.7,
        least: int = 3,
        depth: int | None = 24,
        *,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(threshold=threshold, least=least, depth=depth, callback_manager=callback_manager)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = query_bundle.query_str if query_bundle is not None else ""
        texts = [content_of(node).text for node in nodes[: self.depth]]
        stand_ins = choruses(texts, query, self.threshold, self.least)
        stand_ins += [None] * (len(nodes) - len(texts))
        kept, dropped = collapsed(nodes, stand_ins)
        dispatcher.event(ChorusEvent(n_given=len(nodes), n_kept=len(kept), dropped=dropped))
        return kept


def choruses(texts: Sequence[str], query: str, threshold: float, least: int) -> list[int | None]:
    """For each text the place of the first of its chorus, or None where it is that, or sings alone.

    >>> claims = ["The bus of Ulm is green today.", "Today, the green bus of Ulm.", "Green today: the bus of Ulm!"]
    >>> choruses([*claims, "Ulm has a minster."], "what colour is it?", 0.3, 3)
    [None, 0, 0, None]
    """
    asked = content_words(query)
    words = [content_words(text) - asked for text in texts]
    echoes = [is_echo(text, query) for text in texts]
    first = list(range(len(texts)))
    for at in range(len(texts)):
        for other in range(at):
            if first[other] == first[at]:
                continue
            if (echoes[at] and echoes[other]) or _similarity(words[at], words[other]) >= threshold:
                mine, theirs = sorted((first[at], first[other]))
                first = [mine if one == theirs else one for one in first]
    return [None if begin == at or first.count(begin) < least else begin for at, begin in enumerate(first)]


def _similarity(left: frozenset[str], right: frozenset[str]) -> float:
    common = len(left & right)
    return common / (len(left) + len(right) - common) if common else 0.0
