"""The steps of a trace by name, and what a metric says of each."""

from collections.abc import Callable, Mapping

from ..outcome import Outcome, Unscored
from ..trace import Passage, Trace
from .metric import at_step

CONTEXT = "context"
"""The last step under the name that it has in every pipeline: what fed the answer."""

NO_STEPS = Unscored("the target shows no steps")


def steps_of(trace: Trace) -> dict[str, tuple[Passage, ...]]:
    """The passages after each step, by its name in order, and the last once more as "context"; empty without steps.

    A name that came before gets a number, and so does a step that is called "context" and is not the last.

    >>> from tamis.eval.trace import Step
    >>> list(steps_of(Trace(steps=(Step("retrieve", ()), Step("Reranker", ()), Step("Reranker", ())))))
    ['retrieve', 'Reranker', 'Reranker#2', 'context']
    """
    found: dict[str, tuple[Passage, ...]] = {}
    for place, step in enumerate(trace.steps):
        is_last = place == len(trace.steps) - 1
        name, number = step.name, 2
        while name in found or (name == CONTEXT and not is_last):
            name, number = f"{step.name}#{number}", number + 1
        found[name] = step.passages
    if trace.steps:
        found[CONTEXT] = trace.context
    return found


def at_each_step(name: str, trace: Trace, judge: Callable[[tuple[Passage, ...]], Outcome]) -> Mapping[str, Outcome]:
    """A metric's figure at each step; where no step is known, an unscored one for the context."""
    steps = steps_of(trace)
    if not steps:
        return {at_step(name, CONTEXT): NO_STEPS}
    known: dict[int, Outcome] = {}
    for passages in steps.values():
        if id(passages) not in known:
            known[id(passages)] = judge(passages)
    return {at_step(name, step): known[id(passages)] for step, passages in steps.items()}
