"""The claims of an answer: its sentences that say something that evidence could bear out or not."""

import re
from typing import NamedTuple

from tamis.models.lexical import tokenize
from tamis.models.refusal import answer_class
from tamis.models.sentences import Span, sentences

from .citations import marks, without_marks

# Said of the speaker's own mind: no evidence bears it out.
_SUBJECTIVE = re.compile(
    r"^\W*(?:(?:i|we)(?:'d| would)? (?:think|feel|hope|love|like|prefer|enjoy|wish|guess|wonder|agree|disagree)\b"
    r"|(?:i|we)(?:'m| am|'re| are) (?:sorry|glad|happy|sure|afraid|here)\b|in my (?:opinion|view)\b|personally\b"
    r"|thanks?\b|thank you\b|you(?:'re| are) welcome\b|let me know\b|feel free\b|hello\b|hi\b|sure\W*$|of course\W*$)",
    re.IGNORECASE,
)


class Claim(NamedTuple):
    """One sentence of an answer: its number from 1 among all sentences, its place, its text without citation marks.

    ``cited`` are the numbers of its citation marks, in order, each once.
    """

    number: int
    span: Span
    text: str
    cited: tuple[int, ...]


def claims_of(answer: str) -> list[Claim]:
    """The sentences of an answer that claim something, in order.

    Questions, refusals, courtesies, opinions that are marked as such, and sentences without a word that bears meaning
    claim nothing.

    >>> [claim.text for claim in claims_of("I think so. Paris is old [1][2]. Why? It has 2 million people.")]
    ['Paris is old.', 'It has 2 million people.']
    >>> claims_of("Paris is old [1][2].")[0].cited
    (1, 2)
    """
    found = []
    for number, span in enumerate(sentences(answer), start=1):
        sentence = answer[span.begin : span.end]
        text = without_marks(sentence)
        if is_claim(text):
            found.append(Claim(number, span, text, tuple(dict.fromkeys(marks(sentence)))))
    return found


def is_claim(sentence: str) -> bool:
    """Whether a sentence says something that could be true or not.

    >>> is_claim("It rained in 1990."), is_claim("What else?"), is_claim("I cannot answer this question.")
    (True, False, False)
    """
    if sentence.rstrip("\"'”’)] ").endswith(("?", "？")) or _SUBJECTIVE.match(sentence):
        return False
    return answer_class(sentence) in ("answered", "partly refused") and bool(tokenize(sentence))
