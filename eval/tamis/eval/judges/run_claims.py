"""The claims of a run's answers as pairs for people to label: what corrects that run's own rates."""

from pathlib import Path
from typing import Any, NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput

from ..run.evidence import is_cut
from ..run.journal import records
from ..run.record import Record
from ..trust.claims import claims_of
from .pairs import Pair


class RunClaims(NamedTuple):
    """The pairs, and how many claims are not among them because the journal has their evidence in part only."""

    pairs: list[Pair]
    left_out: int


def claims_of_run(folder: str | Path, variant: str = "clean") -> RunClaims:
    """Every claim of the answers under one variant, with the passages that fed the answer as its evidence, unlabelled.

    Their ids are the case's and the sentence's number, their group is the case. A claim with a passage that the journal
    cut, or with images, of which it has thumbnails alone, is left out: people would judge by other evidence than the
    judge. Raises BadInput for a folder without a journal and for a run without a claim under that variant.
    """
    found: list[tuple[int, int, Pair]] = []
    left_out = 0
    seen: set[str] = set()
    for record in records(Path(folder)):
        seen.add(record.variant.key)
        if record.variant.key != variant or record.answer is None:
            continue
        claims = claims_of(record.answer)
        evidence = _fed(record)
        if evidence is None or is_cut(record.answer):
            left_out += len(claims)
            continue
        for one in claims:
            pair = Pair(f"{record.case}#{one.number}", one.text, evidence, None, record.case)
            found.append((record.number, one.number, pair))
    if not found:
        known = f"; there are {', '.join(sorted(seen))}" if seen and variant not in seen else ""
        raise BadInput(f'{folder}: no answer under "{variant}" makes a claim that can be labelled{known}')
    # The journal has them as they were finished, which is another order each time.
    return RunClaims([pair for _, _, pair in sorted(found, key=lambda one: one[:2])], left_out)


def _fed(record: Record) -> tuple[Content, ...] | None:
    """The passages that fed the answer; None where the journal has not all of them."""
    steps: list[Any] = record.evidence.get("steps") or []
    if not steps:
        return ()
    passages = steps[-1]["passages"]
    if steps[-1].get("left_out") or any(one["images"] or is_cut(one["text"]) for one in passages):
        return None
    return tuple(Content(one["text"]) for one in passages)
