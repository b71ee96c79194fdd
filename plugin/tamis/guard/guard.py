"""Guard: what an answer is held to, sentence by sentence, and what happens to a sentence that does not hold."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any, Literal, get_args

from tamis.core.errors import BadSetting
from tamis.models.judge import Judge
from tamis.models.screen import Screen

Mode = Literal["regenerate", "cut", "mark"]
OnUnknown = Literal["pass", "cut"]


@dataclass(frozen=True)
class Guard:
    """The settings of a guard, checked when made. ``GuardedQueryEngine`` and ``GuardedSynthesizer`` do the work.

    ``judge`` says whether the passages support a sentence: a Judge, its name or table, two of these for the two-checker
    rule (a verdict only where both agree), None to check no support. From P(supported) = ``supported_at`` on a
    sentence passes. ``screen`` says whether a query, a passage or a sentence is harmful: a Screen, its name, its file
    or its table, None to screen nothing; its own threshold decides.

    ``mode`` is what happens at the first sentence that is unsupported or harmful. "regenerate": the model stops and
    takes the answer up again from before that sentence, at most ``tries`` times an answer, then as "cut". "cut": the
    model stops and the answer ends with ``notice``. "mark": the answer goes on, an unsupported sentence is followed by
    ``mark``, a harmful one is replaced by it.

    ``on_unknown`` is what happens where a judge or a screen has no verdict, fails, or takes longer than ``deadline_s``
    seconds for what it is given at once: "pass" as if nothing were wrong, "cut" as if something were. ``passages`` is
    the number of passages that a regenerating model is shown, the likeliest to bear on the sentence. ``refusal`` is the
    answer to a harmful query. ``{reason}`` in ``notice`` and ``mark`` is filled in.

    Raises BadSetting for a setting outside what it may be, UnknownComponent for a name that is none.

    >>> Guard(judge="exact", mode="cut").judge.name
    'exact'
    """

    judge: Any = "agreed"
    screen: Any = None
    mode: Mode = "regenerate"
    on_unknown: OnUnknown = "pass"
    supported_at: float = 0.5
    tries: int = 2
    passages: int = 6
    deadline_s: float | None = None
    refusal: str = "This question is not answered: it was screened out as harmful."
    notice: str = "[The answer ends here: {reason}.]"
    mark: str = "[{reason}]"

    def __post_init__(self) -> None:
        self._check()
        object.__setattr__(self, "judge", judge_of(self.judge))
        object.__setattr__(self, "screen", screen_of(self.screen))

    def with_settings(self, settings: Mapping[str, Any]) -> "Guard":
        """A copy with some settings replaced. Raises BadSetting for one that does not exist."""
        return replace(self, **_known(settings))

    def _check(self) -> None:
        for name, known in (("mode", get_args(Mode)), ("on_unknown", get_args(OnUnknown))):
            if getattr(self, name) not in known:
                raise BadSetting(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(known)}")
        if not _is_number(self.supported_at) or not 0 < self.supported_at <= 1:
            raise BadSetting(f"supported_at is {self.supported_at!r}; it must be a probability above 0, at most 1")
        for name, least in (("tries", 0), ("passages", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise BadSetting(f"{name} is {value!r}; it must be a whole number, at least {least}")
        if self.deadline_s is not None and (not _is_number(self.deadline_s) or self.deadline_s <= 0):
            raise BadSetting(f"deadline_s is {self.deadline_s!r}; it must be a number of seconds above 0, or None")
        for name in ("refusal", "notice", "mark"):
            if not isinstance(getattr(self, name), str):
                raise BadSetting(f"{name} is {getattr(self, name)!r}; it must be a text")


def guard_of(spec: "Guard | Mapping[str, Any] | bool | None") -> Guard | None:
    """A guard as it is, from a mapping of settings, or with the default settings for True; None for None and False.

    >>> guard_of({"judge": "exact", "mode": "mark"}).mode
    'mark'
    """
    if spec is None or spec is False:
        return None
    if isinstance(spec, Guard):
        return spec
    if spec is True:
        return Guard()
    if isinstance(spec, Mapping):
        return Guard(**_known(spec))
    raise BadSetting(f"guard is {spec!r}; it must be True, a mapping of settings or a Guard")


def judge_of(spec: Any) -> Judge | None:
    """A judge from its name, its table, two of these (the two-checker rule), or as it is; None for None."""
    if spec is None:
        return None
    from tamis.models.judges import JUDGES, Agreed

    if isinstance(spec, Sequence) and not isinstance(spec, str):
        if len(spec) != 2:
            raise BadSetting(f"judge has {len(spec)} judges; it must be one, or two that must agree")
        return Agreed(*spec)
    judge = JUDGES.build(spec)
    if isinstance(judge, type) or not isinstance(judge, Judge):
        raise BadSetting(f"judge is {spec!r}, which is no judge: it needs a name and a method judge(claims, evidence)")
    return judge


def screen_of(spec: Any) -> Screen | None:
    """A screen from its name, its file, its table, or as it is; None for None."""
    if spec is None:
        return None
    from tamis.models import screens

    screen: Any = screens.screen_of(spec)
    if isinstance(screen, type) or not isinstance(screen, Screen):
        raise BadSetting(f"screen is {spec!r}, which is no screen: it needs a name, a threshold and screen(contents)")
    # NumPy's numbers too.
    if not isinstance(screen.threshold, Real) or not math.isfinite(screen.threshold):
        raise BadSetting(f"the threshold of the screen {screen.name} is {screen.threshold!r}; it must be a probability")
    return screen


def _known(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    known = [one.name for one in fields(Guard)]
    if unknown := sorted(set(settings) - set(known)):
        raise BadSetting(f"a guard has no setting {unknown[0]!r}; known: {', '.join(known)}")
    return settings


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
