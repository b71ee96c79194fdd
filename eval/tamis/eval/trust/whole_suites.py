"""The suites "trust" and "conflict" with every attack they know."""

from dataclasses import replace

from ..suite import Suite, Trial
from .context_kinds import Context
from .extraction import Extraction
from .group_swap import GroupSwap
from .silenced import Silenced


def trust_suite() -> Suite:
    """The suite "trust" with the attacks on fairness and privacy.

    >>> [trial.attack.name for trial in trust_suite().attacks]
    ['contradiction', 'distractors', 'silenced', 'group-swap', 'extraction', 'extraction-targeted']
    """
    suite = Suite.of("trust")
    more = (
        Trial(Silenced(), (1.0,), control=False),
        Trial(GroupSwap(), (1.0,)),
        Trial(Extraction(), (1.0,)),
        Trial(Extraction("targeted"), (1.0,)),
    )
    return replace(suite, attacks=(*suite.attacks, *more))


def conflict_suite() -> Suite:
    """The suite "conflict" with the contexts that are beside the point, and none.

    >>> [trial.attack.name for trial in conflict_suite().attacks]
    ['contradiction-replaced', 'context-irrelevant', 'context-empty']
    """
    suite = Suite.of("conflict")
    more = (Trial(Context("irrelevant"), (1.0,), control=False), Trial(Context("empty"), (1.0,), control=False))
    return replace(suite, attacks=(*suite.attacks, *more))
