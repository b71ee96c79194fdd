"""Objects that a description of a picture makes up: CHAIR (Rohrbach et al. 2018) and AMBER (Wang et al. 2023)."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple


class Described(NamedTuple):
    """One description: the objects it names, as often as it does, and those that are in the picture."""

    mentions: Sequence[str]
    present: Set[str]


class Chair(NamedTuple):
    """CHAIR_i over mentions and CHAIR_s over descriptions, in [0, 1], lower is better; None where there is nothing.

    ``silent`` counts descriptions that name no object: they are no proof of anything, and in CHAIR_s they count as
    descriptions without a made-up one, as in the paper.
    """

    chair_i: float | None
    chair_s: float | None
    silent: int


def chair(descriptions: Iterable[Described]) -> Chair:
    """CHAIR_i = made-up mentions / mentions; CHAIR_s = descriptions with a made-up one / descriptions.

    >>> chair([Described(["dog", "cat", "dog"], {"dog"}), Described(["bus"], {"bus"})])
    Chair(chair_i=0.25, chair_s=0.5, silent=0)
    """
    counts = [(len(one.mentions), sum(name not in one.present for name in one.mentions)) for one in descriptions]
    mentions = sum(named for named, _ in counts)
    made_up = sum(wrong for _, wrong in counts)
    return Chair(
        made_up / mentions if mentions else None,
        sum(wrong > 0 for _, wrong in counts) / len(counts) if counts else None,
        sum(named == 0 for named, _ in counts),
    )


class Generative(NamedTuple):
    """AMBER's four of one description, in [0, 1]; None where nothing was named."""

    chair: float | None
    cover: float | None
    hal: bool | None
    cog: float | None


def generative(
    named: Iterable[str],
    truth: Set[str],
    often_made_up: Set[str],
    relation: Mapping[str, Sequence[str]],
    safe: Set[str] = frozenset(),
) -> Generative:
    """AMBER's scores of the objects that one description names.

    A name counts for an annotated object that it is, or that ``relation`` says it may stand for; ``safe`` ones are
    never made up. CHAIR = 1 - named ∩ truth / named, Cover = truth ∩ named / truth, Hal = CHAIR > 0, Cog = named ∩
    often_made_up / named. AMBER itself also takes words for the same that lie near in vectors; here only lists do.

    >>> generative(["dog", "man", "kite"], {"dog", "person"}, {"kite"}, {"person": ["man"]})
    Generative(chair=0.3333333333333333, cover=1.0, hal=True, cog=0.3333333333333333)
    """

    def stands_for(name: str, objects: Set[str]) -> Set[str]:
        return {one for one in objects if one == name or name in relation.get(one, ())}

    covered = {name: stands_for(name, truth) for name in dict.fromkeys(named)}
    names = [name for name in covered if covered[name] or name not in safe]
    if not names:
        return Generative(None, 0.0 if truth else None, None, None)
    made_up = [name for name in names if not covered[name]]
    cognitive = [name for name in made_up if stands_for(name, often_made_up)]
    found = set().union(*covered.values())
    return Generative(
        len(made_up) / len(names),
        len(found) / len(truth) if truth else None,
        bool(made_up),
        len(cognitive) / len(names),
    )


def amber_score(chair_percent: float, f1_percent: float) -> float:
    """AMBER = (100 - CHAIR + F1) / 2, all in percent; higher is better.

    >>> amber_score(4.6, 87.4)
    91.4
    """
    return (100 - chair_percent + f1_percent) / 2
