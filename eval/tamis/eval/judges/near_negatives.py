"""Near-negatives: claims that differ from a supported one in one thing, and are no longer supported."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Literal, NamedTuple, get_args

from tamis.core.errors import BadSetting

from ..attacks.attack import NotApplicable
from . import swap_claims, swap_facts, swap_words
from .swapped import Known, Swapped

Kind = Literal["number", "date", "entity", "negation", "relation", "attribute", "other answer", "overlap"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_MAKERS: Mapping[str, Callable[[str, Known, Random], Swapped]] = {
    "number": swap_facts.number,
    "date": swap_facts.date,
    "entity": swap_facts.entity,
    "negation": swap_words.negation,
    "relation": swap_words.relation,
    "attribute": swap_words.attribute,
    "other answer": swap_claims.other_answer,
    "overlap": swap_claims.overlap,
}


class NearNegative(NamedTuple):
    """A claim that the evidence no longer supports; ``was`` and ``became`` say what differs."""

    kind: Kind
    claim: str
    was: str
    became: str


def near_negative(
    kind: Kind, claim: str, evidence: Sequence[str], rng: Random, *, others: Sequence[str] = ()
) -> NearNegative:
    """The twin of a supported claim, swapped in one thing; the same arguments and random state give the same one.

    ``number``, ``date``, ``entity``: one of the claim's becomes another that the evidence does not have. ``negation``:
    a "not" is put in, or taken out. ``relation``: two names change places, or a word of relation becomes its opposite.
    ``attribute``: a colour, nationality, occupation or the like becomes another. ``other answer``: a claim that is true
    of other evidence. ``overlap``: words of the evidence, joined as it does not join them. ``others`` are supported
    claims of other evidence, where names and other answers are taken from.

    Raises NotApplicable, with the reason, where it cannot be made. Rules are not readers: a few twins are still true
    (two names may change places in "A married B"), the same few for every judge.

    >>> near_negative("number", "It has 3 wheels.", ["The car has 3 wheels."], Random(1)).claim
    'It has 6 wheels.'
    """
    if kind not in _MAKERS:
        raise BadSetting(f'no near-negative is called "{kind}"; known: {", ".join(KINDS)}')
    if not claim.strip():
        raise NotApplicable("the claim is empty")
    made = _MAKERS[kind](claim, Known.of(evidence, others), rng)
    return NearNegative(kind, made.claim, made.was, made.became)


def near_negatives(
    claim: str,
    evidence: Sequence[str],
    *,
    seed: int | str = 0,
    others: Sequence[str] = (),
    kinds: Sequence[Kind] = KINDS,
) -> Iterator[tuple[Kind, NearNegative | NotApplicable]]:
    """Every kind of twin that can be made of a claim, and for the others why it cannot."""
    for kind in kinds:
        try:
            yield kind, near_negative(kind, claim, evidence, Random(f"{seed}:{kind}:{claim}"), others=others)
        except NotApplicable as reason:
            yield kind, reason
