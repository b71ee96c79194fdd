"""A Fetcher reaches public addresses only, connects where it checked, and is bounded in bytes, hops and time.

The servers are real ones on this machine: the tests bring a resolver and an address check that let a made-up public
name lead there, and otherwise run the code as it is.
"""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tamis.core.errors import BadSetting, MediaBroken, MediaError, MediaRefused, MediaTooLarge
from tamis.core.fetch import Fetcher
from tamis.core.image import Image
from tamis.core.media import MediaPolicy

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Site:
    """A server on a loopback port, what it was asked, and the answers it gives by path."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str, host: str = "images.example") -> str:
        return f"http://{host}:{self.port}{path}"

    def sends(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            for name, value in {"Content-Length": str(len(body)), **named}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)

        self.answers[path] = answer
        return self.url(path)

    def redirects(self, path: str, location: str, status: int = 302) -> str:
        return self.sends(path, b"", status, Location=location)


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append((self.path, dict(self.headers)))
            try:
                served.answers[self.path](self)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Site(server.server_port)
    worker = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    worker.start()
    yield served
    server.shutdown()
    worker.join()
    server.server_close()


@dataclass
class Net:
    """Names and the addresses they resolve to, in turn; where connections really go; and what was asked of both."""

    names: dict[str, list[list[str]]]
    resolved: list[str] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)

    def resolve(self, host: str, port: int) -> Sequence[str]:
        self.resolved.append(host)
        turns = self.names.get(host)
        if turns is None:
            return [host] if host[0].isdigit() or ":" in host else []
        return turns.pop(0) if len(turns) > 1 else turns[0]

    def dial(self, address: str, port: int, timeout_s: float) -> socket.socket:
        """Every public address is this machine; a test that dials another one fails."""
        self.dialled.append(address)
        assert address in ("93.184.216.34", "2606:4700::1111"), f"dialled {address}"
        return socket.create_connection(("127.0.0.1", port), timeout=timeout_s)

    def fetcher(self, **settings: Any) -> Fetcher:
        return Fetcher(resolve=self.resolve, dial=self.dial, **settings)


@pytest.fixture
def net() -> Net:
    return Net({"images.example": [["93.184.216.34"]], "six.example": [["2606:4700::1111"]]})


def test_a_picture_is_fetched_with_the_names_of_its_url(site: Site, net: Net) -> None:
    url = site.sends("/a%20b.png?x=1", b"picture")
    assert net.fetcher().fetch(url.replace("%20", " "), 1000) == b"picture"
    ((path, headers),) = site.asked
    assert path == "/a%20b.png?x=1"
    assert headers["Host"] == f"images.example:{site.port}"
    assert headers["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)
    assert net.dialled == ["93.184.216.34"]


def test_a_policy_that_allows_urls_fetches_through_its_fetcher(site: Site, net: Net) -> None:
    image = Image(url=site.sends("/a.png", b"picture"))
    assert MediaPolicy(urls=True, fetcher=net.fetcher()).read(image) == b"picture"
    with pytest.raises(MediaRefused, match="urls=True"):
        MediaPolicy(fetcher=net.fetcher()).read(image)
    with pytest.raises(MediaTooLarge):
        MediaPolicy(urls=True, max_bytes=6, fetcher=net.fetcher()).read(image)


def test_ipv6_works_too(site: Site, net: Net) -> None:
    site.sends("/a.png", b"picture")
    assert net.fetcher().fetch(site.url("/a.png", "six.example"), 1000) == b"picture"
    assert net.fetcher().fetch(site.url("/a.png", "[2606:4700::1111]"), 1000) == b"picture"
    assert site.asked[-1][1]["Host"] == f"[2606:4700::1111]:{site.port}"


REFUSED_ADDRESSES = ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1", "0.0.0.0"]


@pytest.mark.parametrize("address", REFUSED_ADDRESSES)
def test_a_name_that_leads_to_an_inner_address_is_refused_and_never_dialled(address: str, net: Net) -> None:
    net.names["inner.example"] = [[address]]
    with pytest.raises(MediaRefused, match=r"inner\.example.* not a public address"):
        net.fetcher().fetch("http://inner.example/a.png", 1000)
    assert net.dialled == []


def test_one_inner_address_among_public_ones_is_enough_to_refuse(net: Net) -> None:
    net.names["mixed.example"] = [["93.184.216.34", "10.0.0.1"]]
    with pytest.raises(MediaRefused, match=r"10\.0\.0\.1"):
        net.fetcher().fetch("http://mixed.example/", 1000)
    assert net.dialled == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "x@127.0.0.1"],
)
def test_a_policy_that_allows_urls_refuses_this_machine_in_every_spelling(host: str, site: Site) -> None:
    """With the resolver, check and connection that users get, against a server that would answer."""
    site.sends("/a.png", b"secret")
    with pytest.raises(MediaRefused):
        MediaPolicy(urls=True).read(Image(url=site.url("/a.png", host)))
    assert site.asked == []


def test_unusual_hosts_are_refused_before_anything_is_resolved(net: Net) -> None:
    for host in ("2130706433", "0x7f.1", "user@images.example", "localhost", "127.1", "[::1%25lo]"):
        with pytest.raises(MediaRefused):
            net.fetcher().fetch(f"http://{host}/", 1000)
    assert (net.resolved, net.dialled) == ([], [])


def test_a_name_is_resolved_once_so_that_it_cannot_change_between_check_and_connection(site: Site, net: Net) -> None:
    net.names["rebind.example"] = [["93.184.216.34"], ["127.0.0.1"]]
    site.sends("/a.png", b"picture")
    assert net.fetcher().fetch(site.url("/a.png", "rebind.example"), 1000) == b"picture"
    assert net.resolved == ["rebind.example"]
    with pytest.raises(MediaRefused):
        net.fetcher().fetch(site.url("/a.png", "rebind.example"), 1000)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(status: int, site: Site, net: Net) -> None:
    site.sends("/end.png", b"picture")
    assert net.fetcher().fetch(site.redirects("/start.png", "/end.png", status), 1000) == b"picture"
    assert net.dialled == ["93.184.216.34"] * 2


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "//10.0.0.1/",
        "http://inner.example/",
        "http://2130706433/",
        "http://user@images.example/",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "ftp://images.example/",
        "http://[::1",
    ],
)
def test_every_hop_is_checked_like_the_first(location: str, site: Site, net: Net) -> None:
    net.names["inner.example"] = [["10.0.0.1"]]
    url = site.redirects("/start.png", location)
    with pytest.raises(MediaRefused, match=r"images\.example:\d+/start\.png"):
        net.fetcher().fetch(url, 1000)
    assert net.dialled == ["93.184.216.34"]


def test_the_number_of_hops_is_limited(site: Site, net: Net) -> None:
    url = site.redirects("/round.png", "/round.png")
    with pytest.raises(MediaRefused, match="more than 3 times"):
        net.fetcher(max_redirects=3).fetch(url, 1000)
    assert len(site.asked) == 4
    with pytest.raises(MediaRefused, match="more than 0 times"):
        net.fetcher(max_redirects=0).fetch(url, 1000)


def test_an_announced_size_over_the_bound_is_refused_without_reading(site: Site, net: Net) -> None:
    url = site.sends("/a.png", b"x", Content_Length=str(10**12))
    with pytest.raises(MediaTooLarge, match=f"{10**12} bytes; max_bytes is 1000"):
        net.fetcher().fetch(url, 1000)


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 10_000)


def test_a_body_without_a_size_is_bounded_while_it_is_read(site: Site, net: Net) -> None:
    site.answers["/endless.png"] = endless
    with pytest.raises(MediaTooLarge, match="more than 100000 bytes"):
        net.fetcher().fetch(site.url("/endless.png"), 100_000)


def test_the_bound_is_exact(site: Site, net: Net) -> None:
    url = site.sends("/a.png", b"x" * 100)
    assert len(net.fetcher().fetch(url, 100)) == 100
    with pytest.raises(MediaTooLarge):
        net.fetcher().fetch(url, 99)


def test_a_chunked_body_is_read(site: Site, net: Net) -> None:
    def chunked(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"3\r\npic\r\n4\r\nture\r\n0\r\n\r\n")

    site.answers["/a.png"] = chunked
    assert net.fetcher().fetch(site.url("/a.png"), 1000) == b"picture"


def test_a_body_that_breaks_off_is_broken(site: Site, net: Net) -> None:
    url = site.sends("/a.png", b"pic", Content_Length="7")
    with pytest.raises(MediaBroken, match="3 of 7 bytes"):
        net.fetcher().fetch(url, 1000)


@pytest.mark.parametrize("status", [204, 304, 403, 404, 500])
def test_another_answer_than_200_is_broken_and_named(status: int, site: Site, net: Net) -> None:
    url = site.sends("/a.png", b"", status)
    with pytest.raises(MediaBroken, match=rf"/a\.png.*HTTP {status}"):
        net.fetcher().fetch(url, 1000)


def test_a_compressed_answer_is_not_unpacked(site: Site, net: Net) -> None:
    with pytest.raises(MediaBroken, match="compressed"):
        net.fetcher().fetch(site.sends("/a.png", b"x", Content_Encoding="gzip"), 1000)


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    for number in range(200):
        handler.wfile.write(b"X-%d: y\r\n" % number)
        handler.wfile.flush()
        time.sleep(0.05)


def silence(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(2)


@pytest.mark.parametrize("answer", [drip, drip_headers, silence])
def test_the_time_limit_holds_for_all_of_it_and_not_for_each_read(answer: Answer, site: Site, net: Net) -> None:
    site.answers["/slow.png"] = answer
    started = time.monotonic()
    with pytest.raises(MediaBroken, match=r"slow\.png.*timed out"):
        net.fetcher(timeout_s=0.4).fetch(site.url("/slow.png"), 10_000)
    assert time.monotonic() - started < 1.5


def test_what_goes_wrong_on_the_way_is_a_typed_error_with_the_url(net: Net) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://images.example:{unused.getsockname()[1]}/a.png"
        with pytest.raises(MediaBroken, match=r"images\.example.*could not be fetched"):
            net.fetcher().fetch(url, 1000)
    with pytest.raises(MediaBroken, match=r"absent\.example has no address"):
        net.fetcher().fetch("http://absent.example/", 1000)


@pytest.mark.parametrize("answer", [b"", b"\0\0\0", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nA"])
def test_an_answer_that_is_no_http_is_broken(answer: bytes, site: Site, net: Net) -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(answer)

    site.answers["/a.png"] = reply
    policy = MediaPolicy(urls=True, fetcher=net.fetcher())
    with pytest.raises(MediaError, match="images"):
        policy.read(Image(url=site.url("/a.png")))


def test_the_next_address_is_tried_when_one_does_not_answer(site: Site) -> None:
    dialled = []

    def dial(address: str, port: int, timeout_s: float) -> socket.socket:
        dialled.append(address)
        if len(dialled) == 1:
            raise ConnectionRefusedError("refused")
        return socket.create_connection(("127.0.0.1", port), timeout=timeout_s)

    fetcher = Fetcher(resolve=lambda host, port: ["1.1.1.1", "8.8.8.8"], dial=dial)
    assert fetcher.fetch(site.sends("/a.png", b"picture"), 1000) == b"picture"
    assert dialled == ["1.1.1.1", "8.8.8.8"]


@pytest.fixture
def secure(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a TLS listener for the site, with a certificate for images.example that OpenSSL here trusts."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl program to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=images.example"]
    made += ["-addext", "subjectAltName=DNS:images.example", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as stream:
                request = stream.recv(4096).decode()
                site.asked.append((request.split()[1], {"Host": request.split("Host: ")[1].splitlines()[0]}))
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npicture")

        worker = threading.Thread(target=answer)
        worker.start()
        yield listener.getsockname()[1]
        worker.join()


def test_tls_is_spoken_with_the_name_of_the_url(secure: int, site: Site, net: Net) -> None:
    assert net.fetcher().fetch(f"https://images.example:{secure}/a.png", 1000) == b"picture"
    assert site.asked == [("/a.png", {"Host": f"images.example:{secure}"})]


def test_a_certificate_for_another_name_is_broken_and_nothing_is_asked(secure: int, site: Site, net: Net) -> None:
    with pytest.raises(MediaBroken, match=r"six\.example.*certificate"):
        net.fetcher().fetch(f"https://six.example:{secure}/a.png", 1000)
    assert site.asked == []


@pytest.mark.parametrize(
    "settings", [{"timeout_s": 0}, {"timeout_s": float("inf")}, {"timeout_s": float("nan")}, {"max_redirects": -1}]
)
def test_a_bad_setting_is_named(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSetting, match=next(iter(settings))):
        Fetcher(**settings)
