"""A model that cannot be loaded: what is said of it, whichever library was to load it, and that it is tried once."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TypeVar

from tamis.core.errors import ModelUnavailable

E = TypeVar("E", bound=Exception)


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


def again(error: E) -> E:
    """A new error that says the same, to be raised in place of one that is kept.

    Every raise of one object makes its traceback longer, and with the frames in there lives all that callers held.
    """
    kind = type(error)
    # Not by its constructor, which may take other arguments than it keeps.
    made = kind.__new__(kind, *error.args)
    made.__dict__.update({name: list(value) if name == "__notes__" else value for name, value in vars(error).items()})
    return made


@contextmanager
def tried_once(
    known: MutableMapping[str, Any], kinds: tuple[type[Exception], ...] = (ModelUnavailable,)
) -> Iterator[None]:
    """Around loading a model: what it fails with is kept in ``known`` under "failed" and told again the next time.

    A name that no hub knows takes half a minute to fail, and would again in every call. ``kinds`` are the errors that
    are kept; of what caused one the text is kept, as a note.
    """
    if (failed := known.get("failed")) is not None:
        raise again(failed) from None
    try:
        yield
    except kinds as error:
        kept = known["failed"] = again(error)
        if (cause := error.__cause__) is not None:
            kept.add_note(f"caused by {type(cause).__name__}: {cause}")
        raise
