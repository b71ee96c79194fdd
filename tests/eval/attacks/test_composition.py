"""Attacks one after the other, attacks by their names, and a case's documents under attack."""

from random import Random
from types import MappingProxyType

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.eval.attacks import ATTACKS, Attacked, Pool, attack_of, composed, documents_of
from tamis.eval.attacks.distractors import Distractors
from tamis.eval.attacks.poison import Poison
from tamis.eval.attacks.typos import Typos
from tamis.eval.case import Case, Document

World = tuple[Case, Pool]


def test_each_part_takes_what_the_ones_before_it_left(towns: World) -> None:
    case, pool = towns
    poisoned_then_mistyped = composed([Poison(), Typos()]).apply(case, 1.0, pool, Random(0))
    mistyped_then_poisoned = composed([Typos(), Poison()]).apply(case, 1.0, pool, Random(0))
    assert poisoned_then_mistyped.query != case.query
    assert poisoned_then_mistyped.planted[0].content.text.startswith(case.query.text)
    assert not mistyped_then_poisoned.planted[0].content.text.startswith(case.query.text)
    assert mistyped_then_poisoned.planted[0].content.text.startswith(mistyped_then_poisoned.query.text)


def test_later_changes_are_made_to_what_earlier_ones_changed(towns: World) -> None:
    case, pool = towns
    spec = {"attacks": [{"name": "contradiction", "copies": False}, "interference-image"]}
    attacked = attack_of(spec).apply(case, 1.0, pool, Random(0))
    document = attacked.changed["harbour"]
    assert document is not None
    assert document.content.images
    assert attacked.targets[0] in document.content.text
    assert document.planted == "interference-image"


def test_a_level_climbs_each_parts_own_strengths(towns: World) -> None:
    case, pool = towns
    attack = attack_of({"attacks": [{"name": "poison", "strengths": [1, 2, 4]}, {"name": "denial", "strengths": [3]}]})
    assert attack.strengths == (1.0, 2.0, 3.0)
    assert [len(attack.apply(case, level, pool, Random(0)).planted) for level in (0.0, 1.0, 2.0, 3.0, 9.0)] == [
        0, 4, 5, 7, 7
    ]  # fmt: skip
    assert attack_of("poison+distractors").strengths == (1.0, 2.0, 3.0, 4.0, 5.0)


def test_what_is_realised_is_the_least_of_the_parts(towns: World) -> None:
    case, pool = towns
    attack = attack_of({"attacks": ["typos", {"name": "denial", "strengths": [10]}]})
    # Five of ten notices.
    assert attack.apply(case, 1.0, pool, Random(0)).realised == 0.5


def test_the_same_attack_twice_plants_twice_with_ids_of_their_own(towns: World) -> None:
    case, pool = towns
    attacked = composed([Distractors(), Distractors()]).apply(case, 1.0, pool, Random(0))
    first, second = attacked.planted
    assert first.content == second.content
    assert second.id == f"{first.id}-2"
    assert len(documents_of(case, attacked)) == len(case.documents) + 2


def test_one_alone_is_itself_and_none_is_refused() -> None:
    assert composed([Typos()]) == Typos()
    with pytest.raises(BadSetting, match="at least two parts"):
        composed([])
    with pytest.raises(BadSetting, match="one strength for each"):
        attack_of({"attacks": [{"name": "poison", "strengths": []}, "typos"]})


def test_attacks_are_written_by_name_and_settings() -> None:
    for name in ATTACKS.builtin:
        attack = attack_of(name)
        assert attack.name == name
        assert attack_of(ATTACKS.spec(attack)) == attack
    assert attack_of({"name": "typos+poison"}) == attack_of("typos + poison")
    with pytest.raises(UnknownComponent, match='no attack is called "prayer"; known: advertising'):
        attack_of("poison+prayer")
    with pytest.raises(BadSetting, match='"poison" does not take these settings'):
        attack_of({"name": "poison", "dose": 3})
    with pytest.raises(BadSetting, match="needs a name"):
        attack_of({"copies": True})


class TestDocumentsUnderAttack:
    CASE = Case("c", Content("?"), (Document("a", Content("A")), Document("b", Content("B"))))

    def test_changed_ones_keep_their_place_and_planted_ones_come_behind(self) -> None:
        changed = Document("a", Content("A!"), planted="x")
        new = Document("n", Content("N"), planted="x")
        attacked = Attacked(self.CASE.query, MappingProxyType({"a": changed, "b": None}), (new,))
        assert documents_of(self.CASE, attacked) == (changed, new)
        assert documents_of(self.CASE, Attacked(self.CASE.query)) == self.CASE.documents

    def test_strangers_and_doubles_are_refused(self) -> None:
        with pytest.raises(BadInput, match='no document "z"'):
            documents_of(self.CASE, Attacked(self.CASE.query, {"z": None}))
        with pytest.raises(BadInput, match='two documents with the id "a"'):
            documents_of(self.CASE, Attacked(self.CASE.query, planted=(Document("a", Content("again")),)))
