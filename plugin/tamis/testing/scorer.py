"""Holds a scorer to its contract: one finite Python float or None for each passage, whatever the company."""

import asyncio
import inspect
import json
import math
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import NamedTuple, cast

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.models.scorer import Scorer

from .assertions import Assertions, CannotTell, Unmet, listed, named
from .event_loop import must_honour_cancellation, must_not_block, must_overlap, run
from .pictures import png
from .report import ConformanceReport

Scores = list[float | None]


class Canary(NamedTuple):
    """A query, a passage that plainly answers it and one that plainly does not."""

    query: Content
    relevant: Content
    irrelevant: Content


CANARY = Canary(
    Content("how does a river carve a valley"),
    Content("A river carves a valley by wearing down its bed, grain by grain."),
    Content("The stock exchange closed early on Friday."),
)
UNSCORABLE = Content(images=(Image(data=b"these bytes are no picture"),))
PASSAGES = (
    CANARY.relevant,
    CANARY.irrelevant,
    Content("Water carries sand that cuts into rock; over ages a valley deepens."),
    Content("The river bank is a good place for a picnic."),
    Content("A glacier carves a wide valley with a flat floor."),
)

assertion: "Assertions[_Subject]" = Assertions()


@dataclass(frozen=True)
class _Subject:
    make: Callable[[], Scorer]
    slow: Callable[[], Scorer]
    canary: Canary
    passages: tuple[Content, ...]
    unscorable: Content | None
    tolerance: float
    listwise: bool

    def scores(self, passages: Sequence[Content], query: Content | None = None) -> Scores:
        return self.make().score(self.canary.query if query is None else query, list(passages))

    def both(self, passages: Sequence[Content], query: Content | None = None) -> dict[str, Scores]:
        asked = self.canary.query if query is None else query
        return {
            "score": self.make().score(asked, list(passages)),
            "ascore": run(self.make().ascore(asked, list(passages))),
        }

    def same(self, one: float | None, other: float | None) -> bool:
        if one is None or other is None:
            return one is other
        # NaN is another assertion's matter.
        return not math.isfinite(one) or not math.isfinite(other) or abs(one - other) <= self.tolerance

    def must_agree(self, seen: Sequence[float | None], expected: Sequence[float | None], what: str) -> None:
        if len(seen) != len(expected) or not all(map(self.same, seen, expected)):
            raise Unmet(f"{what}: {listed(list(seen))} instead of {listed(list(expected))}")


def check_scorer(
    scorer: Scorer | Callable[[], Scorer],
    *,
    slow: Scorer | Callable[[], Scorer] | None = None,
    canary: Canary = CANARY,
    passages: Sequence[Content] = PASSAGES,
    unscorable: Content | None = UNSCORABLE,
    tolerance: float = 1e-3,
    listwise: bool = False,
) -> ConformanceReport:
    """Makes every assertion about a scorer, or about what a factory makes, and reports on each.

    ``slow`` is the same scorer with work that takes 0.2 s or more a call: without it, blocking, overlap and
    cancellation cannot be seen where the scorer itself is quick. ``passages`` are scored for the canary's query.
    ``unscorable`` is a passage for which the scorer has nothing to go by. Scores of the same pair may differ by
    ``tolerance`` (log-odds) between batches, as floating point sums do; those of a ``listwise`` scorer may depend on
    what else is in the list, though not on its order.

    >>> from tamis.testing import FakeScorer
    >>> report = check_scorer(FakeScorer(), slow=FakeScorer(delay_s=0.2))
    >>> report.passed, report.skipped
    (True, [])
    """
    make = _factory(scorer)
    subject = _Subject(
        make=make,
        slow=make if slow is None else _factory(slow),
        canary=canary,
        passages=tuple(passages),
        unscorable=unscorable,
        tolerance=tolerance,
        listwise=listwise,
    )
    return assertion.judge(named(make), subject)


def _factory(scorer: Scorer | Callable[[], Scorer]) -> Callable[[], Scorer]:
    if callable(scorer) and (isinstance(scorer, type) or not hasattr(scorer, "score")):
        return scorer
    component = cast(Scorer, scorer)
    return lambda: component


@assertion("is a Scorer")
def _is_a_scorer(subject: _Subject) -> None:
    scorer: object = subject.make()
    for name in ("score", "ascore"):
        if not callable(getattr(scorer, name, None)):
            raise Unmet(f"{type(scorer).__name__} has no method {name}(query, passages)")
    if not inspect.iscoroutinefunction(getattr(scorer, "ascore", None)):
        raise Unmet("ascore is not declared with async def")


@assertion("one score for each passage")
def _count(subject: _Subject) -> None:
    for way, scores in subject.both(subject.passages).items():
        if len(scores) != len(subject.passages):
            raise Unmet(f"{way} gave {len(scores)} scores for {len(subject.passages)} passages")


@assertion("scores are Python floats")
def _floats(subject: _Subject) -> None:
    for way, scores in subject.both(subject.passages).items():
        if not isinstance(scores, list):
            raise Unmet(f"{way} returned a {type(scores).__name__}, not a list")
        for score in scores:
            if score is not None and type(score) is not float:
                raise Unmet(f"{way} gave {score!r}, a {type(score).__name__}")


@assertion("scores are finite")
def _finite(subject: _Subject) -> None:
    for way, scores in subject.both(subject.passages).items():
        for score in scores:
            if score is not None and not math.isfinite(score):
                raise Unmet(f"{way} gave {score!r}; what is not known is None")


@assertion("a relevant passage scores higher")
def _canary(subject: _Subject) -> None:
    query, relevant, irrelevant = subject.canary
    low, high = subject.scores([irrelevant, relevant], query)
    if low is None or high is None or not high > low:
        raise Unmet(f"{high!r} for a relevant passage, {low!r} for an irrelevant one")


@assertion("scores follow their passages")
def _equivariant(subject: _Subject) -> None:
    straight = subject.scores(subject.passages)[: len(subject.passages)]
    turned = subject.scores(subject.passages[2:] + subject.passages[:2])
    subject.must_agree(turned[: len(straight)], straight[2:] + straight[:2], "in another order they")


@assertion("a score does not depend on the batch")
def _batch_invariant(subject: _Subject) -> None:
    if subject.listwise:
        raise CannotTell("it is listwise: a score depends on what else is in the list")
    # A poor passage first: next to a better one it shows whether scores are relative.
    batch = (subject.canary.irrelevant, *subject.passages)
    alone = subject.scores(batch[:1])
    for size in (2, len(batch)):
        subject.must_agree(subject.scores(batch[:size])[:1], alone, f"one of {size} passages, not alone")


@assertion("the same call gives the same scores")
def _repeatable(subject: _Subject) -> None:
    scorer = subject.make()
    first = scorer.score(subject.canary.query, list(subject.passages))
    again = scorer.score(subject.canary.query, list(subject.passages))
    subject.must_agree(again, first, "the second call")


@assertion("score and ascore agree")
def _sync_async(subject: _Subject) -> None:
    seen = subject.both(subject.passages)
    subject.must_agree(seen["ascore"], seen["score"], "ascore")


@assertion("what cannot be scored is None")
def _unknown(subject: _Subject) -> None:
    if subject.unscorable is None:
        raise CannotTell("no unscorable passage was given")
    expected = subject.both([subject.canary.irrelevant, subject.passages[0]])
    for way, scores in subject.both([subject.unscorable, subject.passages[0]]).items():
        if scores[0] is not None:
            raise Unmet(f"{way} gave {scores[0]!r} for a passage with nothing to go by")
        # What else is in the list is another here.
        if not subject.listwise:
            subject.must_agree(scores[1:], expected[way][1:], f"{way}, for the passage after one that cannot be scored")


@assertion("no passages give no scores")
def _empty(subject: _Subject) -> None:
    for way, scores in subject.both([]).items():
        if scores != []:
            raise Unmet(f"{way} gave {scores!r} for an empty list")


@assertion("takes an empty passage")
def _empty_passage(subject: _Subject) -> None:
    _must_answer(subject, [Content(), Content(" \n"), subject.passages[0]])


@assertion("takes an empty query")
def _empty_query(subject: _Subject) -> None:
    _must_answer(subject, subject.passages[:2], Content(" "))


@assertion("takes unicode")
def _unicode(subject: _Subject) -> None:
    passages = [
        Content("河流如何侵蚀山谷"),
        Content("كيف ينحت النهر واديا"),
        Content("👩‍👩‍👧 cafe\u0301 \u200b\u2028 \x00"),
    ]
    _must_answer(subject, passages, Content("wie gräbt ein Fluß ein Tal? 河流 🏞️"))


@assertion("takes a very long passage")
def _long(subject: _Subject) -> None:
    _must_answer(subject, [Content("river valley " * 8_000), subject.passages[0]])


@assertion("takes passages with images")
def _mixed(subject: _Subject) -> None:
    picture = Image(data=png(0, 0, 255))
    mixed = [Content(images=(picture,)), Content("a blue river", (picture, picture)), subject.passages[0]]
    _must_answer(subject, mixed)


@assertion("the list of passages is not changed")
def _unmutated(subject: _Subject) -> None:
    scorer = subject.make()
    for way in ("score", "ascore"):
        handed = list(subject.passages)
        if way == "score":
            scorer.score(subject.canary.query, handed)
        else:
            run(scorer.ascore(subject.canary.query, handed))
        if handed != list(subject.passages):
            raise Unmet(f"{way} left {len(handed)} passages, or others, in the caller's list")


@assertion("calls at once do not mix")
def _separate(subject: _Subject) -> None:
    scorer = subject.make()
    lists = [subject.passages[start:] for start in range(len(subject.passages))]

    async def all_at_once() -> list[Scores]:
        return await asyncio.gather(*(scorer.ascore(subject.canary.query, list(each)) for each in lists))

    for each, seen in zip(lists, run(all_at_once()), strict=True):
        subject.must_agree(seen, run(scorer.ascore(subject.canary.query, list(each))), "one of several calls at once")


@assertion("calls at once overlap")
def _overlap(subject: _Subject) -> None:
    scorer = subject.slow()
    must_overlap(lambda: scorer.ascore(subject.canary.query, list(subject.passages)))


@assertion("the event loop is never blocked")
def _unblocked(subject: _Subject) -> None:
    scorer = subject.slow()
    must_not_block(lambda: scorer.ascore(subject.canary.query, list(subject.passages)))


@assertion("cancellation and timeouts are honoured")
def _cancellable(subject: _Subject) -> None:
    scorer = subject.slow()
    must_honour_cancellation(lambda: scorer.ascore(subject.canary.query, list(subject.passages)))


@assertion("pickles and unpickles")
def _pickles(subject: _Subject) -> None:
    scorer = subject.make()
    copy = pickle.loads(pickle.dumps(scorer))  # noqa: S301 - made on the same line
    expected = scorer.score(subject.canary.query, list(subject.passages))
    subject.must_agree(copy.score(subject.canary.query, list(subject.passages)), expected, "the unpickled copy")


@assertion("its settings are JSON")
def _json(subject: _Subject) -> None:
    scorer: object = subject.make()
    if callable(written := getattr(scorer, "settings", None)):
        settings = written()
    elif is_dataclass(scorer):
        shown = [field.name for field in fields(scorer) if field.init and field.repr]
        settings = {name: getattr(scorer, name) for name in shown}
    else:
        raise CannotTell("it has no settings() and is not a dataclass: its settings are known to itself alone")
    for name, value in settings.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise Unmet(f"{name} cannot be written down: {error}") from error


def _must_answer(subject: _Subject, passages: Sequence[Content], query: Content | None = None) -> None:
    """One float or None for each passage, on both paths."""
    for way, scores in subject.both(passages, query).items():
        if len(scores) != len(passages):
            raise Unmet(f"{way} gave {len(scores)} scores for {len(passages)} passages")
        for score in scores:
            if score is not None and not (isinstance(score, float) and math.isfinite(score)):
                raise Unmet(f"{way} gave {score!r}")
