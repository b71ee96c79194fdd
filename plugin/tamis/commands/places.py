"""The place of a store, as it is given on the command line."""

from pathlib import Path

from tamis.core.errors import BadSetting


def folder_of(place: str) -> Path | None:
    """The folder that a place names; None for a server.

    Raises BadSetting for no place at all, which would be the current folder, and for a URL that names no server.
    """
    if not place.strip():
        raise BadSetting("--store is empty; name a folder, or the URL of a Chroma server")
    from tamis.retrievers.place import server_of

    return None if server_of(place) else Path(place).absolute()
