"""Where a URL leads: its host taken apart strictly, and which addresses are on the public internet."""

import ipaddress
import re
import socket
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from .errors import MediaBroken, MediaRefused
from .well_formed import well_formed

_PORTS = {"http": 80, "https": 443}
_SENT_AS_IS = "/?%:@!$&'()*+,;=~"
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_LOCAL_NAME = re.compile(r"(.*\.)?(localhost|localdomain)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# A public number that a well-known cloud answers from inside its own machines, like a link-local one.
_CLOUD_HOST_AGENTS = frozenset({ipaddress.IPv4Address("168.63.129.16")})


class Target(NamedTuple):
    """One hop of a fetch: ``request_path`` is path and query as they are sent."""

    scheme: str
    host: str
    port: int
    request_path: str

    @property
    def default_port(self) -> int:
        return _PORTS[self.scheme]


def parse_target(url: str, source: str) -> Target:
    """A URL taken apart; ``source`` names what was asked for in the MediaRefused that anything unusual raises.

    Refused are other schemes than http and https, user names and passwords, control characters, white space,
    backslashes, local names, and numbers that resolvers read as addresses (2130706433, 0x7f.1, 0177.0.0.1). Half a
    surrogate pair, which nobody could send, is a MediaBroken.

    >>> parse_target("https://Example.org/a b.png?x=1", "a test")
    Target(scheme='https', host='example.org', port=443, request_path='/a%20b.png?x=1')
    """
    # Parsers disagree about these: some drop them, some take them for a slash.
    if re.search(r"[\x00-\x1f\x7f\\]", url):
        raise MediaRefused(f"{source} contains a control character or a backslash")
    if well_formed(url) != url:
        raise MediaBroken(f"{source} contains half a surrogate pair, which no URL can")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise MediaRefused(f"{source} is no valid URL: {error}") from error
    if parts.scheme not in _PORTS:
        raise MediaRefused(f"{source} leads to a URL that is neither http nor https")
    if "@" in parts.netloc:
        raise MediaRefused(f"{source} contains a user name or password")
    host = _checked_host(parts.hostname or "", "[" in parts.netloc, source)
    if port == 0:
        raise MediaRefused(f"{source} has port 0")
    request = parts.path or "/"
    if parts.query:
        request += f"?{parts.query}"
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], quote(request, safe=_SENT_AS_IS))


def _checked_host(host: str, bracketed: bool, source: str) -> str:
    if bracketed:
        try:
            if "%" in host:
                raise MediaRefused(f"{source} names a network interface of this machine")
            return str(ipaddress.IPv6Address(host))
        except ValueError as error:
            raise MediaRefused(f"{source} is no valid URL: {error}") from error
    try:
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as error:
        raise MediaRefused(f"{source} has no valid host name: {error}") from error
    if not _NAME.fullmatch(name):
        raise MediaRefused(f"{source} has no valid host name")
    if _LOCAL_NAME.fullmatch(name):
        raise MediaRefused(f"{source} leads to this machine")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError as error:
            raise MediaRefused(f"{source} writes an address as a number; write it as four decimal parts") from error
    return name


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host as the system's resolver gives them, in its order. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether a literal address is an ordinary one on the public internet; False for what is no address.

    >>> [is_public(address) for address in ("8.8.8.8", "10.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1")]
    [True, False, False, False, False]
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        return _is_public_v6(parsed)
    return _is_public_v4(parsed)


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    return (
        address.is_global and not address.is_multicast and not address.is_reserved and address not in _CLOUD_HOST_AGENTS
    )


def _is_public_v6(address: ipaddress.IPv6Address) -> bool:
    """Only global unicast counts; an IPv4 address inside another one must be public itself."""
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return _is_public_v4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public_v4(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.sixtofour is not None:
        return _is_public_v4(address.sixtofour)
    # Teredo (2001::/32) tunnels through servers of anybody's choice.
    return address in _GLOBAL_UNICAST and address.is_global and address.teredo is None
