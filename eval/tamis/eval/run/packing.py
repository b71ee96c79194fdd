"""Evidence as the journal has it: a passage that stands in several steps is written once."""

from collections.abc import Mapping
from typing import Any, TypeGuard


def packed(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The evidence with one list of all its passages, and in each step their places and scores.

    A pipeline hands the same passages from step to step, so that most of a record would be repetition. Evidence of
    another shape than ``tamis.eval.run.evidence`` gives stays as it is.

    >>> passage = {"id": "d1", "score": 0.5, "text": "a red bus"}
    >>> packed({"steps": [{"name": "dense", "passages": [passage]}, {"name": "best", "passages": [passage]}]})["steps"]
    [{'name': 'dense', 'passages': [[0, 0.5]]}, {'name': 'best', 'passages': [[0, 0.5]]}]
    """
    steps = evidence.get("steps")
    if "passages" in evidence or not _are_steps(steps):
        return dict(evidence)
    places: dict[tuple[tuple[str, Any], ...], int] = {}
    written = []
    for step in steps:
        rows = []
        for passage in step["passages"]:
            about = tuple((name, one) for name, one in passage.items() if name != "score")
            rows.append([places.setdefault(about, len(places)), passage["score"]])
        written.append({**step, "passages": rows})
    return {**evidence, "steps": written, "passages": [dict(about) for about in places]}


def unpacked(written: Mapping[str, Any]) -> dict[str, Any]:
    """What ``packed`` was given. Texts are shared between the steps, and so cost no more memory than in the journal.

    >>> evidence = {"steps": [{"name": "dense", "passages": [{"id": "d1", "text": "a red bus", "score": 0.5}]}]}
    >>> unpacked(packed(evidence)) == evidence
    True
    """
    passages = written.get("passages")
    if passages is None:
        return dict(written)
    evidence = {name: one for name, one in written.items() if name != "passages"}
    evidence["steps"] = [
        {**step, "passages": [{**passages[at], "score": score} for at, score in step["passages"]]}
        for step in written["steps"]
    ]
    return evidence


def _are_steps(steps: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    """Whether these are steps with passages that can be told apart: all they say but the score is plain values."""
    return isinstance(steps, list) and all(
        isinstance(step, Mapping)
        and isinstance(step.get("passages"), list)
        and all(
            isinstance(passage, Mapping)
            and "score" in passage
            and not any(isinstance(one, dict | list) for one in passage.values())
            for passage in step["passages"]
        )
        for step in steps
    )
