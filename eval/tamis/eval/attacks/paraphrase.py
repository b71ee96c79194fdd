"""The same question in other words, by rule."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from tamis.core.content import Content

from ..case import Case
from .attack import Attacked, Changes, NotApplicable
from .material import Material
from .strength import whole
from .wordings import filled, wordings

_SHORT = {
    "what is": "what's", "where is": "where's", "who is": "who's", "how is": "how's", "that is": "that's",
    "it is": "it's", "do not": "don't", "does not": "doesn't", "did not": "didn't", "is not": "isn't",
    "are not": "aren't", "was not": "wasn't", "cannot": "can't", "could not": "couldn't", "would not": "wouldn't",
    "i am": "i'm", "you are": "you're", "they are": "they're", "we are": "we're", "there is": "there's",
}  # fmt: skip
_LONG = {short: long for long, short in _SHORT.items()}
_TIME_OR_PLACE = re.compile(
    r"^(?P<head>\S.*\S) (?P<tail>(?:in|on|at|during|since|before|after|from) (?:the )?(?:\d[\w-]*|[A-Z][\w'-]*)"
    r"(?: (?:\d[\w-]*|[A-Z][\w'-]*))*)(?P<mark>[?.!]?)$"
)


@dataclass(frozen=True)
class Paraphrase:
    """Rewrites an English question lightly: a polite frame, contractions, a time or place moved to the front.

    Query variation after Penha et al. 2022. Each rule is used once at most, in random order; a question to which fewer
    apply is rewritten less. The control puts the question in a plain frame of about the same length.
    """

    name: ClassVar[str] = "paraphrase"
    goal: ClassVar[str] = "Have a question misunderstood that is put in another way."
    source: ClassVar[str] = (
        "Penha et al. 2022, Evaluating the Robustness of Retrieval Pipelines with Query Variation Generators"
    )
    changes: ClassVar[frozenset[Changes]] = frozenset({"query"})
    strengths: ClassVar[tuple[float, ...]] = (1.0, 2.0)
    unit: ClassVar[str] = "rewritings"

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case with its query rewritten. Raises NotApplicable for a query without Latin letters."""
        text, used = self._rewritten(case, strength, rng)
        return Attacked(Content(text, case.query.images), realised=float(used))

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The query in a frame that changes nothing, about as long as the rewritten one. Raises NotApplicable."""
        text, used = self._rewritten(case, strength, rng)
        if not used:
            return Attacked(case.query)
        frames = [filled(wording, {"query": case.query.text.strip()}) for wording in wordings("frames-neutral")]
        plain = min(frames, key=lambda frame: abs(len(frame) - len(text)))
        return Attacked(Content(plain, case.query.images), realised=float(used))

    def _rewritten(self, case: Case, strength: float, rng: Random) -> tuple[str, int]:
        text, count = case.query.text, whole(strength, self.unit)
        if not re.search("[A-Za-z]", text):
            raise NotApplicable("the query has no Latin letters; the rules are those of English")
        # The frame comes last: within it the others would not find the question's end.
        frame = rng.choice(wordings("frames"))
        rules: list[Callable[[str], str]] = [_contracted, _reordered]
        rng.shuffle(rules)
        applicable = [rule for rule in rules if rule(text) != text]
        # Drawn over all rules, the frame among them.
        place = rng.randrange(len(applicable) + 1)
        order: list[Callable[[str], str] | None] = [*applicable[:place], None, *applicable[place:]]
        chosen = order[:count]
        used = 0
        for rule in chosen:
            if rule is not None and (changed := rule(text)) != text:
                text, used = changed, used + 1
        if None in chosen:
            text, used = filled(frame, {"query": text.strip()}), used + 1
        return text, used


def _contracted(text: str) -> str:
    """Contractions written out, or words contracted where there is none.

    >>> _contracted("What's new?"), _contracted("What is new?")
    ('What is new?', "What's new?")
    """
    out = _replaced(text.replace("’", "'"), _LONG)
    return out if out != text.replace("’", "'") else _replaced(text, _SHORT)


def _replaced(text: str, by: dict[str, str]) -> str:
    pattern = "|".join(re.escape(one) for one in sorted(by, key=len, reverse=True))

    def other(found: re.Match[str]) -> str:
        word = by[found[0].lower()]
        return word[0].upper() + word[1:] if found[0][0].isupper() else word

    return re.sub(rf"\b(?:{pattern})\b", other, text, flags=re.IGNORECASE)


def _reordered(text: str) -> str:
    """A time or place at the end of the question moved to its front.

    >>> _reordered("Who won the cup in 1990?")
    'In 1990, who won the cup?'
    """
    if (found := _TIME_OR_PLACE.match(text.strip())) is None:
        return text
    head, tail = found["head"], found["tail"]
    first = re.split(r"\W", head, maxsplit=1)[0]
    if first.lower() in ("who", "what", "when", "where", "which", "why", "how", "whose", "whom"):
        head = head[0].lower() + head[1:]
    return f"{tail[0].upper()}{tail[1:]}, {head}{found['mark']}"
