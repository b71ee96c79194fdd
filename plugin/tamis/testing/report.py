"""What a conformance check found: one named finding for each assertion."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tamis.core.errors import TamisError

Status = Literal["passed", "failed", "skipped"]


class ConformanceError(TamisError, AssertionError):
    """A component does not keep its contract. The message lists every failed assertion with the reason."""


class Finding(NamedTuple):
    """One assertion about one component; ``reason`` says why it failed or was skipped."""

    assertion: str
    status: Status
    reason: str = ""


@dataclass(frozen=True)
class ConformanceReport:
    """All findings about one component, in the order of the assertions.

    >>> report = ConformanceReport("MyRetriever", (Finding("is a retriever", "failed", "it is an int"),))
    >>> report.passed, report.failures
    (False, [Finding(assertion='is a retriever', status='failed', reason='it is an int')])
    >>> report.raise_if_failed()
    Traceback (most recent call last):
    tamis.testing.report.ConformanceError: MyRetriever fails 1 of 1 assertions:
      - is a retriever: it is an int
    """

    component: str
    findings: tuple[Finding, ...]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __getitem__(self, assertion: str) -> Finding:
        """The finding of that name. Raises KeyError."""
        for finding in self.findings:
            if finding.assertion == assertion:
                return finding
        raise KeyError(assertion)

    @property
    def failures(self) -> list[Finding]:
        """The findings that failed."""
        return [finding for finding in self.findings if finding.status == "failed"]

    @property
    def skipped(self) -> list[Finding]:
        """The findings that could not or need not be made, each with its reason."""
        return [finding for finding in self.findings if finding.status == "skipped"]

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    def raise_if_failed(self) -> None:
        """Raises ConformanceError listing every failed assertion with its reason."""
        if failures := self.failures:
            lines = "".join(f"\n  - {finding.assertion}: {finding.reason}" for finding in failures)
            raise ConformanceError(f"{self.component} fails {len(failures)} of {len(self.findings)} assertions:{lines}")

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the component, whether it passed, and every finding."""
        return {
            "component": self.component,
            "passed": self.passed,
            "findings": [finding._asdict() for finding in self.findings],
        }
