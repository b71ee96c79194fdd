"""What every judge looks at before it judges: whether there is a claim, whether there is evidence it can read."""

from collections.abc import Sequence

from tamis.core.content import Content
from tamis.core.errors import BadInput

from ..judge import Verdict

EMPTY_CLAIM = "the claim is empty"
NO_EVIDENCE = "there is no evidence"
NO_TEXT = "the evidence has images only, and this judge reads text"
OTHER_SCRIPT = "the claim is in another script than the evidence"

# First and last letter of ranges; each number is one script, or several that are read together.
_SCRIPTS = (
    (0x0041, 0x024F, "latin"), (0x1E00, 0x1EFF, "latin"), (0x0370, 0x03FF, "greek"), (0x0400, 0x052F, "cyrillic"),
    (0x0530, 0x058F, "armenian"), (0x0590, 0x05FF, "hebrew"), (0x0600, 0x077F, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x0980, 0x09FF, "bengali"), (0x0B80, 0x0BFF, "tamil"), (0x0E00, 0x0E7F, "thai"), (0x10A0, 0x10FF, "georgian"),
    (0x1100, 0x11FF, "hangul"), (0xAC00, 0xD7AF, "hangul"), (0x3040, 0x30FF, "han"), (0x3400, 0x9FFF, "han"),
)  # fmt: skip
_READ = 2_000


def checked_pairs(claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> None:
    """Raises BadInput unless there is evidence (perhaps none) for each claim."""
    if isinstance(claims, str) or len(claims) != len(evidence):
        raise BadInput(f"{len(claims)} claims need as many lists of evidence; given: {len(evidence)}")


def texts_of(passages: Sequence[Content]) -> tuple[str, ...]:
    """The texts of the evidence, without those that are blank."""
    return tuple(passage.text for passage in passages if passage.text.strip())


def unreadable(claim: str, passages: Sequence[Content]) -> Verdict | None:
    """Why a judge that reads text has no verdict; None where it may have one.

    >>> unreadable("", [Content("a")]).reason
    'the claim is empty'
    """
    if not claim.strip():
        return Verdict(None, EMPTY_CLAIM)
    if not any(passages):
        return Verdict(None, NO_EVIDENCE)
    texts = texts_of(passages)
    if not texts:
        return Verdict(None, NO_TEXT)
    claimed = scripts_of(claim)
    known = frozenset(script for text in texts for script in scripts_of(text))
    return Verdict(None, OTHER_SCRIPT) if claimed and known and not claimed & known else None


def scripts_of(text: str) -> frozenset[str]:
    """The scripts that a text's beginning is written in, those of at least a fifth of its letters.

    >>> sorted(scripts_of("Это Москва"))
    ['cyrillic']
    """
    counts: dict[str, int] = {}
    for character in text[:_READ]:
        if character.isalpha():
            script = "latin" if character.isascii() else _script(ord(character))
            counts[script] = counts.get(script, 0) + 1
    total = sum(counts.values())
    return frozenset(script for script, count in counts.items() if count * 5 >= total)


def _script(code: int) -> str:
    return next((name for first, last, name in _SCRIPTS if first <= code <= last), "other")
