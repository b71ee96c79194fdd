"""What holds for every test: no socket leads off this machine, no model hub is asked, no key is found."""

import asyncio
import ipaddress
import os
import socket
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

# The same examples in every run, and no verdict that depends on how busy the machine is.
settings.register_profile("tamis", derandomize=True, deadline=None)
settings.load_profile("tamis")

# Where no loop was ever set, LlamaIndex's synchronous calls make one and leave it open, and the warning of it falls on
# whichever test happens to run when it is collected. Where one was, they open and close their own.
asyncio.set_event_loop(None)

# Set before any library reads them: a test that passes because of the developer's environment proves nothing.
os.environ["HF_HUB_OFFLINE"] = "1"
for name in ("OPENAI_API_KEY", "OPENAI_API_BASE", "OPENAI_BASE_URL"):
    os.environ.pop(name, None)

# Names of Python's audit events: (socket, address) and (host, ...).
_CONNECTIONS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_attempts: list[str] = []


class NetworkUsed(RuntimeError):
    """Something reached for the network. Not an OSError, so that no client takes it for a failure to retry."""


def _refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    if event in _CONNECTIONS:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else address
    elif event in _LOOKUPS:
        host = arguments[0]
    else:
        return
    if not _stays_here(host, lookup=event in _LOOKUPS):
        _attempts.append(f"{event} {host!r}")
        raise NetworkUsed(f"a test reached for the network: {event} {host!r}")


def _stays_here(host: object, *, lookup: bool) -> bool:
    """Whether it is no host, a Unix socket's path, loopback, or (for a lookup) digits, which are only parsed."""
    text = host.decode(errors="replace") if isinstance(host, bytes) else str(host or "")
    if text in ("", "localhost", socket.gethostname()) or text.startswith(("/", "\0")):
        return True
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return lookup or address.is_loopback or address.is_unspecified


# An audit hook sees what libraries do below any function a test could patch, and cannot be taken out again.
sys.addaudithook(_refuse_network)


@pytest.fixture(autouse=True)
def network_attempts() -> Iterator[list[str]]:
    """Fails a test whose code reached for the network, even where a library swallowed the refusal."""
    _attempts.clear()
    yield _attempts
    if _attempts:
        pytest.fail(f"reached for the network: {', '.join(_attempts)}")
