"""What kind of file a name promises, and the metadata a passage of it carries."""

import mimetypes
from pathlib import PurePosixPath
from typing import Literal

Kind = Literal["image", "pdf", "html", "markdown", "notebook", "office", "media", "text"]

_SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "image": (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"),
    "pdf": (".pdf",),
    "html": (".html", ".htm", ".xhtml", ".svg"),
    "markdown": (".md", ".markdown", ".mdx", ".mdown"),
    "notebook": (".ipynb",),
    # LlamaIndex has readers for these two, each with a package of its own.
    "office": (".docx", ".epub"),
    # Known not to be documents: saying "failed" of them would only hide real failures.
    "media": (
        *(".mp3", ".mp4", ".wav", ".ogg", ".flac", ".avi", ".mov", ".mkv", ".webm", ".m4a"),
        *(".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".tar", ".7z", ".rar", ".jar", ".whl"),
        *(".pyc", ".pyo", ".so", ".dll", ".dylib", ".exe", ".o", ".a", ".class", ".wasm"),
        *(".ttf", ".otf", ".woff", ".woff2", ".eot", ".ico", ".icns", ".psd"),
        *(
            ".safetensors",
            ".pt",
            ".pth",
            ".onnx",
            ".gguf",
            ".npy",
            ".npz",
            ".parquet",
            ".sqlite",
            ".sqlite3",
            ".pkl",
            ".pickle",
        ),
    ),
}
_KIND_OF: dict[str, Kind] = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes}

# The table built into Python, and not the machine's /etc/mime.types: the same file gets the same metadata anywhere.
_TYPES = mimetypes.MimeTypes()


def kind_of(name: str) -> Kind:
    """The kind a file's suffix promises; what no suffix tells is taken for text until its bytes say otherwise.

    >>> kind_of("photo.JPG"), kind_of("guide.md"), kind_of("Makefile"), kind_of("main.rs")
    ('image', 'markdown', 'text', 'text')
    """
    return _KIND_OF.get(PurePosixPath(name).suffix.lower(), "text")


def metadata_of(relative: str) -> dict[str, str]:
    """A file's metadata: relative path, name and type. Nothing that changes while the content does not.

    >>> metadata_of("docs/guide.md")
    {'file_path': 'docs/guide.md', 'file_name': 'guide.md', 'file_type': 'text/markdown'}
    """
    name = PurePosixPath(relative).name
    if kind_of(name) == "markdown":
        # Python 3.11's table does not have it yet.
        return {"file_path": relative, "file_name": name, "file_type": "text/markdown"}
    return {"file_path": relative, "file_name": name, "file_type": _TYPES.guess_type(name)[0] or "text/plain"}
