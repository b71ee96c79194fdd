"""What can go wrong with a target: each error names the target and what came of it, never a key or a body."""

from tamis.core.errors import TamisError


class TargetError(TamisError):
    """A target gave no trace."""


class BadReply(TargetError):
    """A target gave something that cannot be used: nothing at all, too much, or something of the wrong form."""


class TargetRefused(TargetError):
    """An endpoint does not take the request, and to repeat it would change nothing. ``status`` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TargetUnavailable(TargetError):
    """An endpoint could not be reached, failed or asked for patience: the same request may succeed later.

    ``retry_after_s`` is how long it asked to wait, None where it did not say.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
