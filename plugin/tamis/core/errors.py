"""The errors of Tamis: every one names the value that was wrong and what to do about it."""


class TamisError(Exception):
    """Anything Tamis raises on purpose."""


class MissingExtra(TamisError, ImportError):
    """A feature needs packages that are not installed.

    >>> str(MissingExtra("reading text in images", extra="ocr"))
    "reading text in images needs an extra: pip install 'tamis[ocr]'"
    """

    def __init__(self, feature: str, *, extra: str) -> None:
        super().__init__(f"{feature} needs an extra: pip install 'tamis[{extra}]'")
        self.extra = extra


class BadSetting(TamisError, ValueError):
    """A setting is outside what it may be; checked once, when set."""


class BadInput(TamisError, ValueError):
    """A file, a line or a value handed over for work cannot be used."""


class ModelUnavailable(BadInput):
    """A model cannot be loaded: there is none of that name, it cannot be fetched, or its files cannot be used."""


class UnknownComponent(TamisError, LookupError):
    """No component of that name is built in or installed."""


class NotFitted(TamisError):
    """A policy or calibrator was asked to work before it was fitted."""


BROKEN_SETUP = (BadSetting, MissingExtra, ModelUnavailable, NotFitted, UnknownComponent)
"""What no other batch and no other query would be spared: raised where any other error of one item is recorded."""


class ScorerError(TamisError):
    """A scorer broke its contract: a wrong number of scores, or none at all."""


class MediaError(TamisError):
    """An image could not be used. The message names its source."""


class MediaRefused(MediaError):
    """The application's MediaPolicy does not allow this path or URL."""


class MediaTooLarge(MediaError):
    """More bytes or pixels than the MediaPolicy allows; found before decoding."""


class MediaBroken(MediaError):
    """Missing, truncated, or not the image that it says it is."""


class StoreError(TamisError):
    """A store of passages cannot be used."""


class StoreMissing(StoreError):
    """There is no store at that place."""


class StoreLocked(StoreError):
    """Another process is writing to the store."""


class EmbedderMismatch(StoreError):
    """The store was made with another embedder; its vectors mean something else."""


def text_of(error: BaseException) -> str:
    """What an error says of itself, and that it cannot where its own text fails.

    >>> text_of(ValueError("no such index"))
    'no such index'
    """
    try:
        return str(error)
    except Exception as own:  # noqa: BLE001 - an error is written down whatever its class makes of that
        return f"(its text cannot be shown: {type(own).__name__})"
