"""What a reranker, a selector and an orderer each promise."""

from collections import Counter

from . import samples
from .assertions import Assertions, Unmet, listed
from .scored_nodes import ids, must_be_best_first
from .stage import Stage

assertion: Assertions[Stage] = Assertions()


@assertion("keeps the set of nodes")
def _keeps(stage: Stage) -> None:
    stage.only("reranker", "orderer")
    for way, found in stage.both().items():
        if sorted(ids(found)) != sorted(ids(stage.nodes)):
            raise Unmet(f"{way} made {listed(ids(found))} of {listed(ids(stage.nodes))}")


@assertion("adds no node")
def _adds_none(stage: Stage) -> None:
    stage.only("selector")
    for nodes in (stage.sample(), samples.same_ids(), samples.kinds()):
        for way, found in stage.both(nodes).items():
            if added := Counter(ids(found)) - Counter(ids(nodes)):
                raise Unmet(f"{way} added {listed(sorted(added))}")


@assertion("gives every node a score")
def _scores(stage: Stage) -> None:
    stage.only("reranker")
    for way, found in stage.both().items():
        if without := [each.node.node_id for each in found if each.score is None]:
            raise Unmet(f"{way} left {listed(without)} without one")


@assertion("best first")
def _best_first(stage: Stage) -> None:
    stage.only("reranker")
    # Worst first goes in, so that doing nothing does not do.
    for nodes in (stage.sample(), stage.sample()[::-1], samples.kinds()):
        for way, found in stage.both(nodes).items():
            must_be_best_first(found, way)


@assertion("keeps scores as they are")
def _keeps_scores(stage: Stage) -> None:
    stage.only("selector", "orderer")
    for nodes in (stage.sample(), samples.twins()):
        scores = {each.node.node_id: each.score for each in nodes}
        for way, found in stage.both(nodes).items():
            for each in found:
                if each.score != scores.get(each.node.node_id):
                    raise Unmet(f"{way} made {each.score} of {each.node.node_id}'s {scores.get(each.node.node_id)}")


@assertion("keeps the order")
def _keeps_order(stage: Stage) -> None:
    stage.only("selector")
    place = {id_: number for number, id_ in enumerate(ids(stage.nodes))}
    for way, found in stage.both().items():
        places = [place.get(id_, -1) for id_ in ids(found)]
        if places != sorted(places):
            raise Unmet(f"{way} made {listed(ids(found))} of {listed(ids(stage.nodes))}")


@assertion("goes by the order it is given")
def _goes_by_order(stage: Stage) -> None:
    stage.only("orderer")
    turned = stage.sample()
    for each, other in zip(turned, stage.nodes[::-1], strict=True):
        each.score = other.score
    expected = stage.both()
    for way, found in stage.both(turned).items():
        if ids(found) != ids(expected[way]):
            raise Unmet(f"{way} puts the same nodes in the same order elsewhere when their scores are others")


@assertion("ties are stable")
def _ties(stage: Stage) -> None:
    twins = samples.twins()
    seen = stage.both(twins)
    if stage.role == "orderer":
        # An orderer may turn ties round, but by their places, not by their ids and not by chance.
        others = samples.twins("another")[::-1]
        here, there = ids(twins), ids(others)
        for way, found in stage.both(others).items():
            if [there.index(id_) for id_ in ids(found)] != [here.index(id_) for id_ in ids(seen[way])]:
                raise Unmet(f"{way} puts nodes alike in all but their ids in places that depend on the ids")
        return
    for way, found in seen.items():
        by_score: dict[float | None, list[str]] = {}
        for each in found:
            by_score.setdefault(each.score, []).append(each.node.node_id)
        for score, repeated in by_score.items():
            tied = list(dict.fromkeys(repeated))
            if tied != [id_ for id_ in ids(twins) if id_ in tied]:
                raise Unmet(f"{way} put nodes with the same score {score} in the order {listed(tied)}")
