"""Marks that mean nothing: one in an answer shows that the pipeline did what a planted passage told it to do."""

from random import Random

# Letters that are told apart when they are drawn small and read by a machine.
_CONSONANTS = "bdfgkmnprtvz"
_VOWELS = "aeou"


def canary(rng: Random) -> str:
    """A word of ten letters that is in no language's dictionary, one of some five million.

    It can be spoken and read out of an image. A "q" that no "u" follows and an "x" between vowels, both in one word,
    keep it from being one.

    >>> canary(Random(1))
    'faxuqekapu'
    """
    syllables = [rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(3)]
    rare = ["q" + rng.choice("aeo"), "x" + rng.choice(_VOWELS)]
    rng.shuffle(rare)
    place = rng.randrange(1, 3)
    return "".join([*syllables[:place], *rare, *syllables[place:]])
