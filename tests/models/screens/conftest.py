"""Examples whose harmful side is told by made-up words: nothing here offends anybody."""

import random

import pytest

from tamis.core.content import Content
from tamis.models.screens import Example, Trained, train_screen

BAD = ["zorblat", "quendle", "vashtig", "morfunk"]
GOOD = ["garden", "bread", "river", "music", "station", "winter", "paper", "window"]
NEUTRAL = ["the", "a", "how", "do", "i", "make", "for", "my", "with", "this", "about", "today"]


def made(count: int, seed: int = 0) -> list[Example]:
    """So many examples of each label; harmful ones have a made-up word among ordinary ones."""
    rng = random.Random(seed)
    examples = []
    for _ in range(count):
        for is_harmful in (False, True):
            words = rng.choices(NEUTRAL, k=6) + rng.choices(GOOD, k=1 if is_harmful else 2)
            category = None
            if is_harmful:
                bad = rng.choice(BAD)
                words += [bad, rng.choice(BAD)]
                category = "first kind" if bad in BAD[:2] else "second kind"
            rng.shuffle(words)
            examples.append(Example(Content(" ".join(words) + "."), is_harmful, category))
    return examples


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    return made(150)


@pytest.fixture(scope="session")
def trained(examples: list[Example]) -> Trained:
    return train_screen(examples, "ss3")
