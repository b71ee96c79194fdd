"""What is said of a model that cannot be loaded, whichever library was to load it."""

from tamis.core.errors import ModelUnavailable


def unavailable(what: str, error: Exception) -> ModelUnavailable:
    r"""The error to raise from ``error``, with the first line of what it says.

    >>> str(unavailable('the cross-encoder "mine"', OSError("no such folder\nTry another.")))
    'the cross-encoder "mine" cannot be loaded: no such folder'
    """
    lines = str(error).strip().splitlines()
    reason = lines[0] if lines else type(error).__name__
    # What a hub's client says of a path that leads nowhere, as it takes it for a name.
    if reason.startswith("Repo id must"):
        reason = "there is no such folder, and no hub has models of such a name"
    return ModelUnavailable(f"{what} cannot be loaded: {reason}")
