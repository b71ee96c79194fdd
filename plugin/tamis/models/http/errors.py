"""What can go wrong with a server: each error names the URL, the dialect and what came back, never a secret."""

from tamis.core.errors import ScorerError

_SHOWN = 160


class HttpScorerError(ScorerError):
    """A server gave no score."""


class NoEndpoint(HttpScorerError):
    """No server answered: unreachable, failing, too slow, or resting after failures."""


class RequestRefused(HttpScorerError):
    """A server answered that the request itself is wrong (HTTP 4xx): repeating it would change nothing."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class BadAnswer(HttpScorerError):
    """A server of the right dialect sent something that cannot be used: broken JSON, numbers missing or not finite."""


class WrongDialect(BadAnswer):
    """A server answered something that the dialect does not know: another server, another path, another product."""


def shortened(text: str) -> str:
    """A text as one line of at most 160 characters.

    >>> shortened("a\\n  b")
    'a b'
    """
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
