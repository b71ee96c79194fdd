"""Named assertions about one kind of component, each judged by itself."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tamis.core.errors import TamisError

from .report import ConformanceReport, Finding

S = TypeVar("S")


class Unmet(TamisError):
    """An assertion does not hold; the message says what was seen instead."""


class CannotTell(TamisError):
    """An assertion was not made; the message says why, and what would make it possible."""


@dataclass(frozen=True)
class Assertions(Generic[S]):
    """An ordered table of assertions about a subject; the first is what the others build on.

    A check returns when its assertion holds, raises CannotTell where it cannot be made, and anything else,
    most often Unmet, where it fails.
    """

    checks: dict[str, Callable[[S], None]] = field(default_factory=dict)

    def __call__(self, name: str) -> Callable[[Callable[[S], None]], Callable[[S], None]]:
        """Adds a check to the table under the assertion's name."""

        def add(check: Callable[[S], None]) -> Callable[[S], None]:
            if name in self.checks:
                raise Unmet(f'two assertions are called "{name}"')
            self.checks[name] = check
            return check

        return add

    def names(self) -> list[str]:
        """The assertions' names in the order they are made."""
        return list(self.checks)

    def judge(self, component: str, subject: S) -> ConformanceReport:
        """Makes every assertion about the subject. Where an event loop is running, in a thread of its own."""
        findings: list[Finding] = []

        def make() -> None:
            for name, check in self.checks.items():
                if findings and findings[0].status == "failed":
                    findings.append(Finding(name, "skipped", f"not so: {findings[0].assertion}"))
                else:
                    findings.append(_made(name, check, subject))

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            make()
        else:
            thread = threading.Thread(target=make)
            thread.start()
            thread.join()
        return ConformanceReport(component, tuple(findings))


def _made(name: str, check: Callable[[S], None], subject: S) -> Finding:
    try:
        check(subject)
    except CannotTell as reason:
        return Finding(name, "skipped", str(reason))
    except Unmet as reason:
        return Finding(name, "failed", str(reason))
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it raises is the finding
        return Finding(name, "failed", f"it raised {described(error)}")
    return Finding(name, "passed")


def named(make: Callable[[], object]) -> str:
    """The class of what a factory makes, or the factory's own name where it makes nothing."""
    try:
        return type(make()).__name__
    except Exception:  # noqa: BLE001 - the first assertion meets the same error and reports it
        return str(getattr(make, "__name__", type(make).__name__))


def described(error: BaseException) -> str:
    """An error on one line, at most 200 characters of its message."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message[:200]}" if message else type(error).__name__


def listed(items: Sequence[object], most: int = 6) -> str:
    """A sequence as one short line.

    >>> listed([1, 2, 3], most=2)
    '[1, 2, ... 3 in all]'
    """
    shown = ", ".join(repr(item) for item in items[:most])
    return f"[{shown}]" if len(items) <= most else f"[{shown}, ... {len(items)} in all]"
