"""Only ordinary public addresses count as public, and only unambiguous URLs are taken apart."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.addresses import Target, is_public, parse_target, resolve
from tamis.core.errors import MediaBroken, MediaRefused

PRIVATE_V4 = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
]
PRIVATE_V6 = [
    "::",
    "::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "100::1",
    "2001:db8::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "64:ff9b:1::1",
    "4000::1",
    "::8.8.8.8",
]


@pytest.mark.parametrize("address", PRIVATE_V4 + PRIVATE_V6)
def test_private_local_and_reserved_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PRIVATE_V4)
@pytest.mark.parametrize("prefix", ["::ffff:0:0", "64:ff9b::", "2002::"])
def test_a_private_address_inside_another_one_is_not_public(address: str, prefix: str) -> None:
    inner = int(ipaddress.IPv4Address(address))
    outer = int(ipaddress.IPv6Address(prefix)) | (inner << 80 if prefix == "2002::" else inner)
    assert not is_public(str(ipaddress.IPv6Address(outer)))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "localhost", "8.8.8.8:80", "010.8.8.8", "134744072", "8.8.8"])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@given(st.ip_addresses())
def test_nothing_that_the_standard_library_calls_private_is_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is None and (address.is_private or address.is_loopback or address.is_link_local or address.is_multicast):
        assert not is_public(str(address))


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://example.org", Target("http", "example.org", 80, "/")),
        ("HTTPS://EXAMPLE.org.:8443/a/b?c=d&e#f", Target("https", "example.org", 8443, "/a/b?c=d&e")),
        ("http://8.8.8.8/x", Target("http", "8.8.8.8", 80, "/x")),
        ("http://[2606:4700::1111]:81/", Target("http", "2606:4700::1111", 81, "/")),
        ("http://bücher.example/ü.png", Target("http", "xn--bcher-kva.example", 80, "/%C3%BC.png")),
        ("http://example.org/%41b?x=%2F", Target("http", "example.org", 80, "/%41b?x=%2F")),
        ("http://my_host-1.example?x", Target("http", "my_host-1.example", 80, "/?x")),
    ],
)
def test_an_ordinary_url_is_taken_apart(url: str, target: Target) -> None:
    assert parse_target(url, "it") == target


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://localhost.localdomain/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://1.2.3.4.5/",
        "http://8.8.8.010/",
        "http://134744072/",
        "http://①②⑦.⓪.⓪.①.②/",
        "http://user@example.org/",
        "http://user:pass@example.org/",
        "http://example.org@127.0.0.1/",
        "http://@example.org/",
        "http://example.org\\@127.0.0.1/",
        "http:\\\\example.org/",
        "http://exa mple.org/",
        "http://example.org\r\nHost: x/",
        "http://example\t.org/",
        "http://example.org/\0",
        "http://%31%32%37.0.0.1/",
        "http://[fe80::1%25eth0]/",
        "http://[::1",
        "http://[::zz]/",
        "http://[v1.x]/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:x/",
        "http:///path",
        "http://",
        "http:",
        "//example.org/",
        "ftp://example.org/",
        "http://.example.org/",
        "http://" + "a" * 64 + ".example/",
        "http://-/",
        "",
    ],
)
def test_an_unusual_url_is_refused_with_its_source(url: str) -> None:
    with pytest.raises(MediaRefused, match=r"^this one "):
        parse_target(url, "this one")


@pytest.mark.parametrize(
    "url", ["http://example.org/\ud800", "http://example.org/?\udfff", "http://exa\ud800mple.org/"]
)
def test_half_a_surrogate_pair_is_broken(url: str) -> None:
    with pytest.raises(MediaBroken, match=r"^this one contains half a surrogate pair"):
        parse_target(url, "this one")


@given(st.text("htp:/@.[]%\\? 0x17f1localhost#-_", max_size=30))
def test_a_url_is_taken_apart_or_refused(text: str) -> None:
    for url in (text, f"http://{text}"):
        try:
            target = parse_target(url, "it")
        except MediaRefused:
            continue
        assert "@" not in target.host
        assert not target.host.endswith("localhost")
        assert target.request_path.startswith("/")


def test_a_literal_address_resolves_to_itself() -> None:
    assert resolve("127.0.0.1", 80) == ["127.0.0.1"]
    assert resolve("::1", 80) == ["::1"]
