"""Checks a scorer's settings when they are set, and keeps what is secret out of everything that is written."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tamis.core.errors import BadSetting

from .dialects import Dialect

HIDDEN = "***"
_SECRET_NAME = re.compile(r"key|token|secret|passw|sig|credential|auth", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")
_SHORTEST_SECRET = 4


def checked_urls(url: str | Sequence[str]) -> tuple[str, ...]:
    """One URL or several as a tuple. Raises BadSetting for what is none, and for one that carries a secret."""
    urls = (url,) if isinstance(url, str) else tuple(url)
    if not urls:
        raise BadSetting("url is empty; name at least one server, such as http://127.0.0.1:8000/v1")
    for each in urls:
        if not isinstance(each, str):
            raise BadSetting(f"url must be text, not {each!r}")
        try:
            parts = urlsplit(each)
            _ = parts.port
        except ValueError as error:
            raise BadSetting(f"a url is not valid: {error}") from None
        if "@" in parts.netloc or any(_SECRET_NAME.search(name) for name, _ in parse_qsl(parts.query)):
            host = parts.hostname or "the server"
            raise BadSetting(f"the url of {host} carries a secret; put it into api_key, api_key_env or headers")
        if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f\\]", each):
            raise BadSetting(f"the url {each!r} is not one; it must be like http://127.0.0.1:8000/v1")
        _checked_host(each)
        if parts.fragment:
            raise BadSetting(f'the url {each!r} has a fragment ("#..."), which is never sent; leave it out')
    if len(set(urls)) < len(urls):
        raise BadSetting(f"a url is named twice: {', '.join(urls)}")
    return urls


def _checked_host(url: str) -> None:
    import httpx

    try:
        _ = httpx.URL(url).host
    except (httpx.InvalidURL, UnicodeError) as error:
        raise BadSetting(f"the url {url!r} is not one: {error}") from None


def checked_secret(value: str | None, name: str) -> None:
    """Raises BadSetting for what cannot be sent in a header; the value is not shown."""
    if value is not None and not (isinstance(value, str) and _HEADER_VALUE.fullmatch(value)):
        raise BadSetting(f"{name} must be printable ASCII text with no line break and no space at its ends")


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """A copy. Raises BadSetting; values are not shown."""
    if not isinstance(headers, Mapping):
        raise BadSetting("headers must be a mapping of names to values")
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise BadSetting(f"no header may be called {name!r}")
        checked_secret(value, f'the header "{name}"')
    return dict(headers)


def checked_number(value: Any, name: str, least: float, whole: bool = False) -> None:
    """Raises BadSetting unless the value is a finite number of at least ``least`` (above, where that is 0.0)."""
    kinds: Any = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value < float("inf"):
        raise BadSetting(f"{name} is {value!r}; it must be a {'whole ' if whole else ''}number of at least {least:g}")


def place(url: str, dialect: Dialect) -> str:
    """Where a dialect's requests go: below the URL, unless it names the very place already.

    >>> from tamis.models.http.dialects import DIALECTS
    >>> place("http://host:8000", DIALECTS["openai-chat"]), place("https://host/v2/rerank", DIALECTS["rerank"])
    ('http://host:8000/v1/chat/completions', 'https://host/v2/rerank')
    """
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if not path.endswith(dialect.path):
        path = (path or dialect.version) + dialect.path
    return parts._replace(path=path).geturl()


def key_of(api_key: str | None, api_key_env: str | None) -> str | None:
    """The key, from where it is kept. Raises BadSetting where the named variable is not set."""
    if api_key is not None or api_key_env is None:
        return api_key
    value = os.environ.get(api_key_env, "").strip()
    if not value:
        raise BadSetting(f"the environment variable {api_key_env} is not set; it is to hold the server's API key")
    checked_secret(value, f"the environment variable {api_key_env}")
    return value


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret in it hidden: a server may well repeat what it was sent.

    >>> redacted("bad key sk-123", ["sk-123"])
    'bad key ***'
    """
    for secret in sorted({*secrets}, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            # In JSON, and by repr in messages, quotes and backslashes are written in ways of their own.
            for written in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]):
                text = text.replace(written, HIDDEN)
    return text


def redacted_answer(answer: Any, hide: Callable[[str], str]) -> Any:
    """A JSON value with ``hide`` done to every text in it.

    >>> redacted_answer({"said": ["key sk-123", 1]}, lambda text: redacted(text, ["sk-123"]))
    {'said': ['key ***', 1]}
    """
    if isinstance(answer, str):
        return hide(answer)
    if isinstance(answer, list):
        return [redacted_answer(each, hide) for each in answer]
    if isinstance(answer, dict):
        return {hide(name): redacted_answer(each, hide) for name, each in answer.items()}
    return answer
