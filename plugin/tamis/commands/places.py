"""The place of a store, as it is given on the command line."""

from pathlib import Path

from tamis.core.errors import BadSetting


def checked_place(place: str) -> str:
    """The place as it is. Raises BadSetting for none at all, which would be the current folder."""
    if not place.strip():
        raise BadSetting("--store is empty; name a folder, or the URL of a Chroma server")
    return place


def folder_of(place: str) -> Path | None:
    """The folder that a place names; None for a server. Raises BadSetting for a URL that names no server."""
    from tamis.retrievers.place import server_of

    return None if server_of(place) else Path(place).absolute()
