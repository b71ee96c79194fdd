"""The net under every test: what leads off this machine is refused, what stays on it is not."""

import socket

import pytest


def test_a_connection_to_another_machine_is_refused_and_remembered(network_attempts: list[str]) -> None:
    with socket.socket() as outgoing, pytest.raises(RuntimeError, match=r"reached for the network.*192\.0\.2\.1"):
        outgoing.connect(("192.0.2.1", 80))
    assert network_attempts == ["socket.connect '192.0.2.1'"]
    network_attempts.clear()


def test_a_name_is_not_looked_up(network_attempts: list[str]) -> None:
    with pytest.raises(RuntimeError, match=r"reached for the network.*example\.org"):
        socket.getaddrinfo("example.org", 443)
    assert network_attempts == ["socket.getaddrinfo 'example.org'"]
    network_attempts.clear()


def test_this_machine_may_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
