"""Scenes: coloured shapes and a sign on a grid, drawn with Pillow, and every change of exactly one attribute."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from random import Random
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Attribute = Literal["colour", "shape", "count", "relation", "text"]

SIDE = 64
GRID = 4
CELL = SIDE // GRID
MEAN, DEVIATION = 0.92, 0.25
"""Of pixels in [0, 1]: what the image processor takes off and divides by, which makes the ground about zero."""

COLOURS = {
    "red": (214, 40, 40),
    "green": (36, 150, 60),
    "blue": (40, 80, 220),
    "yellow": (240, 200, 20),
    "purple": (140, 50, 170),
}
SHAPES = ("circle", "square", "triangle", "cross")
WORDS = ("sun", "bus", "cat", "map", "tea", "owl", "key", "ice", "fog", "jam", "van", "zip")
MOST_THINGS = 6


class Thing(NamedTuple):
    """A shape in a colour, in the cell of that row (0 is the top) and column (0 is the left)."""

    colour: str
    shape: str
    row: int
    column: int

    @property
    def looks(self) -> tuple[str, str]:
        """Colour and shape: what two things may have in common."""
        return self.colour, self.shape


class Sign(NamedTuple):
    """A word on a white board that covers a cell and the one right of it."""

    word: str
    row: int
    column: int


@dataclass(frozen=True)
class Scene:
    """Things in cells of their own, perhaps a sign. ``seed`` moves things by a pixel and adds noise."""

    things: tuple[Thing, ...]
    sign: Sign | None
    seed: int

    def taken(self) -> set[tuple[int, int]]:
        """The cells that something stands in."""
        cells = {(thing.row, thing.column) for thing in self.things}
        if self.sign:
            cells |= {(self.sign.row, self.sign.column), (self.sign.row, self.sign.column + 1)}
        return cells

    def pixels(self) -> NDArray[np.uint8]:
        """The picture, of shape (64, 64, 3)."""
        random = Random(self.seed)
        image = Image.new("RGB", (SIDE, SIDE), (236, 236, 230))
        draw = ImageDraw.Draw(image)
        for thing in self.things:
            draw_thing(draw, thing, random.randint(-1, 1), random.randint(-1, 1))
        if self.sign:
            left, top = self.sign.column * CELL, self.sign.row * CELL
            draw.rectangle((left + 2, top + 2, left + 2 * CELL - 3, top + CELL - 3), fill="white", outline="black")
            draw.text((left + 7, top + 2), self.sign.word, fill="black", font=FONT)
        noise = np.random.default_rng(self.seed).integers(-8, 9, (SIDE, SIDE, 3))
        pixels: NDArray[np.uint8] = np.clip(np.asarray(image, dtype=np.int16) + noise, 0, 255).astype(np.uint8)
        return pixels

    def png(self) -> bytes:
        """The picture as a file's bytes."""
        written = BytesIO()
        Image.fromarray(self.pixels()).save(written, "PNG")
        return written.getvalue()


# A bitmap font inside Pillow: the same pixels with every version and on every machine.
FONT = ImageFont.load_default_imagefont()


def draw_thing(draw: ImageDraw.ImageDraw, thing: Thing, right: int, down: int) -> None:
    """Draws one thing about its cell's middle, moved by that many pixels."""
    x, y = thing.column * CELL + CELL // 2 + right, thing.row * CELL + CELL // 2 + down
    colour, r = COLOURS[thing.colour], 6
    match thing.shape:
        case "circle":
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
        case "square":
            draw.rectangle((x - r + 1, y - r + 1, x + r - 1, y + r - 1), fill=colour)
        case "triangle":
            draw.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=colour)
        case _:
            draw.rectangle((x - 2, y - r, x + 2, y + r), fill=colour)
            draw.rectangle((x - r, y - 2, x + r, y + 2), fill=colour)


def free_cells(scene: Scene) -> list[tuple[int, int]]:
    """The cells that nothing stands in."""
    taken = scene.taken()
    return [(row, column) for row in range(GRID) for column in range(GRID) if (row, column) not in taken]


def random_scene(random: Random, things: int, sign: bool) -> Scene:
    """A scene with that many things at random places, and a sign where one is wanted."""
    board = Sign(random.choice(WORDS), random.randrange(GRID), random.randrange(GRID - 1)) if sign else None
    scene = Scene((), board, random.getrandbits(32))
    for row, column in random.sample(free_cells(scene), things):
        thing = Thing(random.choice(list(COLOURS)), random.choice(SHAPES), row, column)
        scene = replace(scene, things=(*scene.things, thing))
    return scene


def changes(scene: Scene, random: Random) -> Iterator[tuple[Attribute, Scene]]:
    """Every scene that differs from this one in exactly one attribute of one thing (or of two that change places).

    Things keep their number in the row; what is added or taken away is at its end, behind the first two.
    """
    for at, thing in enumerate(scene.things):
        for colour in COLOURS:
            if colour != thing.colour:
                yield "colour", with_thing(scene, at, thing._replace(colour=colour), random)
        for shape in SHAPES:
            if shape != thing.shape:
                yield "shape", with_thing(scene, at, thing._replace(shape=shape), random)
        for other in range(at):
            places = scene.things[other][2:], thing[2:]
            swapped = with_thing(scene, at, Thing(*thing.looks, *places[0]), random)
            yield "relation", with_thing(swapped, other, Thing(*scene.things[other].looks, *places[1]), random)
    for at in range(2, len(scene.things)):
        yield "count", replace(scene, things=scene.things[:at] + scene.things[at + 1 :], seed=random.getrandbits(32))
    free = free_cells(scene)
    if free and len(scene.things) < MOST_THINGS:
        for looks in {thing.looks: None for thing in scene.things}:
            row, column = random.choice(free)
            yield (
                "count",
                replace(scene, things=(*scene.things, Thing(*looks, row, column)), seed=random.getrandbits(32)),
            )
    if scene.sign:
        for word in WORDS:
            if word != scene.sign.word:
                yield "text", replace(scene, sign=scene.sign._replace(word=word), seed=random.getrandbits(32))


def with_thing(scene: Scene, at: int, thing: Thing, random: Random) -> Scene:
    """The scene with another thing at that number, drawn anew."""
    things = (*scene.things[:at], thing, *scene.things[at + 1 :])
    return replace(scene, things=things, seed=random.getrandbits(32))
