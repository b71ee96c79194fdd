"""What can stop a whole run; what befalls one case is in its record instead."""

from pathlib import Path

from tamis.core.errors import TamisError


class RunLocked(TamisError):
    """Another process is writing to the run's folder."""


class RunStopped(TamisError):
    """The journal cannot be written any further (a full disk); what was written is whole, and the run can go on."""


class ReportNotWritten(TamisError):
    """The run has its records, and a file of its report cannot be written (a full disk): it can be made again."""

    @classmethod
    def of(cls, folder: Path, error: OSError) -> "ReportNotWritten":
        """What to say of a file of the report in this folder that the system refused."""
        return cls(
            f"{error.filename2 or error.filename or folder}: the report cannot be written "
            f"({error.strerror or error}); the records are safe in {folder}: make it again by `tamis report {folder}`"
        )
