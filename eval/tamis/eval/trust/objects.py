"""The objects that a description of a picture names, by a list of words."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from ..attacks.answers import tokens


@dataclass(frozen=True)
class Vocabulary:
    """Which words stand for which object. A word may be several words long; plurals of the last one are known too."""

    words: tuple[tuple[str, str], ...]
    """Pairs of what is written and the object it stands for."""

    @classmethod
    def of(cls, objects: Mapping[str, Iterable[str]]) -> "Vocabulary":
        """A vocabulary from objects and the other words for each.

        >>> Vocabulary.of({"person": ["man"]}).mentions("Two men and a woman.")
        ['person']
        """
        return cls(tuple((word, name) for name, others in objects.items() for word in (name, *others)))

    def mentions(self, text: str) -> list[str]:
        """The objects that a text names, in order, as often as it does; of words that overlap the longest counts.

        >>> Vocabulary.of({"hot dog": [], "dog": ["puppy"]}).mentions("Hot dogs for two dogs and a puppy")
        ['hot dog', 'dog', 'dog']
        """
        forms, longest = _forms(self)
        words = [one.text for one in tokens(text)]
        found, place = [], 0
        while place < len(words):
            for length in range(min(longest, len(words) - place), 0, -1):
                if (name := forms.get(" ".join(words[place : place + length]))) is not None:
                    if name:
                        found.append(name)
                    place += length
                    break
            else:
                place += 1
        return found


_IRREGULAR = {
    "man": "men",
    "woman": "women",
    "child": "children",
    "person": "people",
    "mouse": "mice",
    "knife": "knives",
}
_IRREGULAR |= {"leaf": "leaves", "shelf": "shelves", "foot": "feet", "sheep": "sheep", "calf": "calves"}


def plural(word: str) -> str:
    """The plural of an English noun, by rule.

    >>> [plural(word) for word in ("bus", "puppy", "boy", "knife", "policeman", "wine glass")]
    ['buses', 'puppies', 'boys', 'knives', 'policemen', 'wine glasses']
    """
    *before, last = word.split(" ")
    for one, many in _IRREGULAR.items():
        if last == one or (one == "man" and last.endswith("man") and last != "human"):
            changed = last[: len(last) - len(one)] + many
            break
    else:
        if last.endswith(("s", "x", "z", "ch", "sh")):
            changed = f"{last}es"
        elif last.endswith("y") and last[-2:-1] not in "aeiou":
            changed = f"{last[:-1]}ies"
        else:
            changed = f"{last}s"
    return " ".join([*before, changed])


@lru_cache(maxsize=1)
def coco_objects() -> Vocabulary:
    """The 80 objects of COCO with common other words for them. Our own list: CHAIR's is another, so numbers differ."""
    return Vocabulary.of(json.loads((files("tamis.eval.trust") / "coco_objects.json").read_text("utf-8")))


@lru_cache(maxsize=64)
def _forms(vocabulary: Vocabulary) -> tuple[dict[str, str], int]:
    """Objects by every form of every word, "" for what only looks like one, and the words of the longest form."""
    found: dict[str, str] = {}
    for word, name in vocabulary.words:
        for form in (word, plural(word)):
            found.setdefault(" ".join(one.text for one in tokens(form)), "" if name.startswith("-") else name)
    return found, max((len(form.split()) for form in found), default=0)
