"""What can stop a whole run; what befalls one case is in its record instead."""

from tamis.core.errors import TamisError


class RunLocked(TamisError):
    """Another process is writing to the run's folder."""


class RunStopped(TamisError):
    """The journal cannot be written any further (a full disk); what was written is whole, and the run can go on."""
