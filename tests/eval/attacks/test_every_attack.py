"""What holds for every attack and its control, on every kind of corpus."""

import re
from collections.abc import Iterator, Mapping
from random import Random, getstate
from typing import Any, get_args

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.eval.attacks import ATTACKS, Attacked, NotApplicable, Pool, attack_of, documents_of, holds_answer
from tamis.eval.attacks.answers import occurrences
from tamis.eval.attacks.attack import Attack, Changes
from tamis.eval.attacks.inert import is_inert
from tamis.eval.case import Case
from tamis.eval.variant import Variant

World = tuple[Case, Pool]
Worlds = Mapping[str, World]

SPECS: list[Mapping[str, Any]] = [
    *({"name": name} for name in ATTACKS.builtin),
    {"name": "context", "kind": "empty"},
    {"name": "contradiction", "copies": False},
    {"name": "dilution", "where": "query"},
    {"name": "distractors", "hardness": "dense"},
    {"name": "distractors", "hardness": "random"},
    {"name": "extraction", "aim": "targeted"},
    {"name": "injection", "position": "middle"},
    {"name": "injection", "position": "start"},
    {"name": "interference-image", "kind": "black", "where": "query"},
    {"name": "interference-image", "kind": "unrelated"},
    {"name": "interference-image", "kind": "white"},
    {"name": "interference-text", "where": "query"},
    {"name": "missing-modality", "modality": "text"},
    {"name": "missing-modality", "where": "query"},
    {"name": "poison", "prefix": False},
    {"name": "poison+typos"},
    {"name": "typographic", "condition": "image-only"},
    {"name": "typographic", "condition": "text-only"},
    {"attacks": [{"name": "contradiction", "copies": False}, "mismatched-pairs", "poison", "poison"]},
]
TAKES_AWAY = {"context-empty"}
"""Attacks that leave nothing where a document was; no other does."""
LEAVES_ALONE = {"silenced", "context", "context-empty"}
"""Attacks whose control is the case as it is: of a context that decides nothing there is no harmless kind."""
ASKS_FOR_WHAT_IT_PLANTS = {"extraction", "extraction-targeted"}
"""Attacks whose harm is in the question: their control plants the same, and asks what the case asks."""


@pytest.fixture(params=SPECS, ids=lambda spec: attack_of(spec).name)
def attack(request: pytest.FixtureRequest) -> Attack:
    return attack_of(request.param)


def made(attack: Attack, world: World, strength: float) -> tuple[Attacked, Attacked]:
    """The attack and its control, from the same random state."""
    case, pool = world
    return attack.apply(case, strength, pool, Random(7)), attack.control(case, strength, pool, Random(7))


def everywhere(attack: Attack, worlds: Worlds, strength: float) -> Iterator[tuple[Case, Attacked, Attacked]]:
    """A case, its attack and its control, for each of the worlds where there is something to attack: at least one."""
    count, reasons = 0, list[str]()
    for world in worlds.values():
        try:
            attacked, control = made(attack, world, strength)
        except NotApplicable as reason:
            reasons.append(str(reason))
            continue
        count += 1
        yield world[0], attacked, control
    assert count, f"it can be made nowhere: {reasons}"
    assert min(map(len, reasons), default=99) > 20, "a reason is a sentence"


def strongest(attack: Attack) -> float:
    return attack.strengths[-1]


def test_its_metadata_are_complete(attack: Attack) -> None:
    assert re.fullmatch(r"[a-z]+(?:[-+][a-z]+)*", attack.name)
    assert attack.goal.endswith(".")
    assert re.search(r"\b(19|20)\d\d, [A-Z]", attack.source), "a source names authors, year and title"
    assert attack.changes
    assert attack.changes <= set(get_args(Changes))
    assert list(attack.strengths) == sorted(set(attack.strengths))
    assert attack.strengths[0] > 0
    assert attack.unit
    for control in (False, True):
        variant = Variant(attack.name, strongest(attack), control)
        assert Variant.of(variant.key) == variant


def test_it_changes_only_what_it_says_and_something_of_it(attack: Attack, worlds: Worlds) -> None:
    for case, attacked, control in everywhere(attack, worlds, strongest(attack)):
        for one in (attacked, control):
            touched = {"query": one.query != case.query, "documents": bool(one.changed), "planted": bool(one.planted)}
            assert {name for name, is_touched in touched.items() if is_touched} <= attack.changes
            assert set(one.changed) <= {document.id for document in case.documents}
            assert {document.planted for document in one.planted} <= set(attack.name.split("+"))
        for id, document in attacked.changed.items():
            if attack.name in TAKES_AWAY:
                assert document is None
                continue
            assert document is not None
            assert document.id == id
            assert document.planted in attack.name.split("+")
        assert (attacked.query, documents_of(case, attacked)) != (case.query, case.documents)
        assert attacked.realised > 0


def test_strength_zero_changes_nothing(attack: Attack, worlds: Worlds) -> None:
    for case, attacked, control in everywhere(attack, worlds, 0.0):
        for one in (attacked, control):
            assert one.query == case.query
            assert not one.changed
            assert not one.planted
            assert one.realised == 0


def test_it_is_pure_and_seeded(attack: Attack, worlds: Worlds) -> None:
    before, global_state = repr(worlds), getstate()
    first = list(everywhere(attack, worlds, strongest(attack)))
    assert repr(worlds) == before, "nothing may be mutated"
    assert getstate() == global_state, "the global generator is nobody's"
    anew = {name: (case, Pool(pool.documents)) for name, (case, pool) in worlds.items()}
    for _, pool in anew.values():
        pool.near("something else that is asked in between", 3)
    assert list(everywhere(attack, anew, strongest(attack))) == first


def test_more_strength_plants_what_less_plants_and_more(attack: Attack, worlds: Worlds) -> None:
    """From the same random state: points of one curve then differ by the strength and not by luck."""
    if "+" in attack.name or attack.changes != {"planted"}:
        return
    little, much = (list(everywhere(attack, worlds, strength)) for strength in (attack.strengths[0], strongest(attack)))
    for (_, weak, _), (_, strong, _) in zip(little, much, strict=True):
        assert strong.planted[: len(weak.planted)] == weak.planted
        assert (strong.targets, strong.canaries) == (weak.targets, weak.canaries)


def test_its_control_has_the_same_places_and_length(attack: Attack, worlds: Worlds) -> None:
    for case, attacked, control in everywhere(attack, worlds, strongest(attack)):
        if attack.name in LEAVES_ALONE:
            assert (control.query, documents_of(case, control)) == (case.query, case.documents)
            assert control.realised == attacked.realised
            continue
        if attack.name in ASKS_FOR_WHAT_IT_PLANTS:
            assert (control.query, control.planted) == (case.query, attacked.planted)
            assert set(attacked.canaries) <= set(control.canaries)
            continue
        assert len(attacked.planted) == len(control.planted)
        assert attacked.targets == control.targets
        assert attacked.canaries == control.canaries
        if attack.name.startswith("missing-modality"):
            # The control takes it from other documents, or from none.
            assert len(control.changed) <= len(attacked.changed)
            continue
        assert set(attacked.changed) == set(control.changed)
        pairs = [(attacked.query, control.query)]
        pairs += [(a.content, b.content) for a, b in zip(attacked.planted, control.planted, strict=True)]
        pairs += [(content(attacked, id), content(control, id)) for id in attacked.changed]
        for harmful, harmless in pairs:
            assert len(harmful.images) == len(harmless.images)
            assert abs(len(harmful.text) - len(harmless.text)) <= max(20, 0.1 * len(harmful.text))


def test_its_control_shows_neither_target_nor_canary(attack: Attack, worlds: Worlds) -> None:
    if attack.name in ASKS_FOR_WHAT_IT_PLANTS:
        return
    for _, _, control in everywhere(attack, worlds, strongest(attack)):
        for document in control.planted:
            assert not holds_answer(document.content.text, [*control.targets, *control.canaries])


def test_it_is_inert_and_brings_no_accepted_answer(attack: Attack, worlds: Worlds) -> None:
    for case, attacked, control in everywhere(attack, worlds, strongest(attack)):
        had = {document.id: occurrences(document.content.text, case.answers) for document in case.documents}
        for one in (attacked, control):
            texts: dict[str | None, str] = {
                None: one.query.text,
                **{document.id: document.content.text for document in one.planted},
            }
            texts |= {id: content(one, id).text for id in kept(one)}
            assert all(map(is_inert, texts.values()))
            if one is attacked:
                for id, text in texts.items():
                    assert len(occurrences(text, case.answers)) <= len(had.get(id or "", []))


def test_what_it_plants_has_an_id_of_its_own_that_tells_nothing(attack: Attack, worlds: Worlds) -> None:
    taken = {document.id for _, pool in worlds.values() for document in pool.documents}
    for case, attacked, control in everywhere(attack, worlds, strongest(attack)):
        for one in (attacked, control):
            ids = [document.id for document in one.planted]
            assert len(set(ids)) == len(ids)
            assert not set(ids) & (taken | {document.id for document in case.documents})
            assert not any(word in id for id in ids for word in re.split(r"[-+]", attack.name))


def test_its_images_decode_and_are_small(attack: Attack, worlds: Worlds) -> None:
    policy = MediaPolicy(max_bytes=500_000, max_pixels=1_200_000)
    for _, *both in everywhere(attack, worlds, strongest(attack)):
        for one in both:
            contents = [one.query, *(content(one, id) for id in kept(one)), *(one.content for one in one.planted)]
            for image in {image for shown in contents for image in shown.images}:
                policy.open(image)


@pytest.mark.parametrize("strength", [-1.0, float("nan"), float("inf"), 1.5])
def test_a_strength_that_means_nothing_is_refused(attack: Attack, worlds: Worlds, strength: float) -> None:
    refused = 0
    for case, pool in worlds.values():
        try:
            attack.apply(case, strength, pool, Random(7))
        except BadSetting:
            refused += 1
        except NotApplicable:
            continue
        else:
            pytest.fail(f"{strength} was accepted")
    assert refused


def test_which_attack_works_on_which_corpus(worlds: Worlds) -> None:
    can = {name: {attack for attack in ATTACKS.builtin if works(attack, world)} for name, world in worlds.items()}
    of_images = {"interference-text", "mismatched-pairs", "missing-modality"}
    of_people = {"group-swap", "silenced"}
    assert set(ATTACKS.builtin) - can["text"] == of_images | of_people
    # No caption holds the answer, none has a date, each has its image already, and few are about something else.
    assert set(ATTACKS.builtin) - can["captioned images"] == {
        *of_people, "context", "contradiction", "interference-image", "stale",
    }  # fmt: skip
    assert can["images alone"] == {
        "advertising", "context", "denial", "extraction", "image-injection", "injection", "interference-text", "poison",
    }  # fmt: skip
    assert set(ATTACKS.builtin) - can["a newspaper"] == of_people
    assert of_people <= can["two people"]
    assert can["a drawn request"] == {
        "advertising", "denial", "extraction", "image-injection", "injection", "typographic",
    }  # fmt: skip
    assert set(ATTACKS.builtin) - can["the target's corpus"] == {
        *of_images, *of_people, "context", "dilution", "interference-image",
    }  # fmt: skip


def works(name: str, world: World) -> bool:
    try:
        made(attack_of(name), world, strongest(attack_of(name)))
    except NotApplicable:
        return False
    return True


def kept(attacked: Attacked) -> list[str]:
    """The changed documents that are still there."""
    return [id for id, document in attacked.changed.items() if document is not None]


def content(attacked: Attacked, id: str) -> Content:
    document = attacked.changed[id]
    assert document is not None
    return document.content
