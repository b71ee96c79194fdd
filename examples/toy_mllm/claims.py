"""Claims: what a caption or a question says of a scene, in words, and whether it is true of one."""

from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from toy_mllm.scenes import Scene, Thing, random_scene

Kind = Literal["thing", "pair", "count", "relation", "text"]
Relation = Literal["left of", "right of", "above", "below"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NUMBERS = ("one", "two", "three", "four")

Looks = tuple[str, str]


@dataclass(frozen=True)
class Claim:
    """Two looks that are both there ("pair"), exactly so many of one look ("count"), one look somewhere left of,
    right of, above or below another ("relation"), or a sign with a word ("text")."""

    kind: Kind
    first: Looks = ("", "")
    second: Looks = ("", "")
    number: int = 0
    relation: Relation = "left of"
    word: str = ""

    def holds(self, scene: Scene) -> bool:
        """Whether it is true of the scene."""
        match self.kind:
            case "thing":
                return self.first in {thing.looks for thing in scene.things}
            case "pair":
                return {self.first, self.second} <= {thing.looks for thing in scene.things}
            case "count":
                return sum(thing.looks == self.first for thing in scene.things) == self.number
            case "text":
                return scene.sign is not None and scene.sign.word == self.word
        firsts = [thing for thing in scene.things if thing.looks == self.first]
        seconds = [thing for thing in scene.things if thing.looks == self.second]
        return any(stands(one, self.relation, other) for one in firsts for other in seconds)

    def words(self, question: bool = False) -> str:
        """The claim as a caption, or as a question for a picture of which it is true."""
        match self.kind:
            case "thing":
                said = f"a {phrase(self.first)}"
            case "pair":
                said = f"a {phrase(self.first)} and a {phrase(self.second)}"
            case "count":
                many = "" if self.number == 1 else "es" if self.first[1].endswith("s") else "s"
                said = f"{NUMBERS[self.number - 1]} {phrase(self.first)}{many}"
            case "relation":
                said = f"a {phrase(self.first)} {self.relation} a {phrase(self.second)}"
            case "text":
                said = f"a sign that says {self.word}"
        verb = "are" if self.number > 1 else "is"
        return f"where {verb} {said}" if question else said


def phrase(looks: Looks) -> str:
    """Colour and shape as two words."""
    return " ".join(looks)


def stands(one: Thing, relation: Relation, other: Thing) -> bool:
    """Whether the first thing stands so to the second: by columns or by rows alone, however far apart."""
    match relation:
        case "left of":
            return one.column < other.column
        case "right of":
            return one.column > other.column
        case "above":
            return one.row < other.row
    return one.row > other.row


def described(scene: Scene, kind: Kind, random: Random) -> Claim | None:
    """A claim of that kind about the first two things (or the sign), true of the scene; None where there is none."""
    first, second = scene.things[0], scene.things[-1 if len(scene.things) < 2 else 1]
    match kind:
        case "thing":
            claim = Claim(kind, first.looks)
        case "pair":
            if first.looks == second.looks:
                return None
            claim = Claim(kind, first.looks, second.looks)
        case "count":
            number = sum(thing.looks == first.looks for thing in scene.things)
            claim = Claim(kind, first.looks, number=number)
            if number > len(NUMBERS):
                return None
        case "relation":
            true = [relation for relation in get_args(Relation) if stands(first, relation, second)]
            if not true or first.looks == second.looks:
                return None
            claim = Claim(kind, first.looks, second.looks, relation=random.choice(true))
        case "text":
            if scene.sign is None:
                return None
            claim = Claim(kind, word=scene.sign.word)
    return claim


def scene_about(kind: Kind, random: Random) -> tuple[Scene, Claim]:
    """A random scene and a claim of that kind that is true of it."""
    while True:
        scene = random_scene(
            random,
            random.randint(1 if kind == "thing" else 2, 3 if kind == "thing" else 5),
            sign=kind == "text" or random.random() < 0.2,
        )
        if kind == "count":
            scene = repeated(scene, random.randint(1, min(len(NUMBERS), len(scene.things))))
        if claim := described(scene, kind, random):
            return scene, claim


def repeated(scene: Scene, times: int) -> Scene:
    """The scene with the first ``times`` things all looking like the first."""
    looks = scene.things[0].looks
    things = tuple(
        Thing(*(looks if at < times else thing.looks), thing.row, thing.column) for at, thing in enumerate(scene.things)
    )
    return Scene(things, scene.sign, scene.seed)


def described_in_full(scene: Scene) -> str:
    """Everything in the scene, in reading order."""
    said = [(thing.row, thing.column, phrase(thing.looks)) for thing in scene.things]
    if scene.sign:
        said.append((scene.sign.row, scene.sign.column, f"sign {scene.sign.word}"))
    return " ".join(words for *_, words in sorted(said))
