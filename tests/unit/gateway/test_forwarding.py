"""What is believed about clients."""

from ipaddress import ip_network

import pytest

from colobus.gateway.forwarding import (
    client_address,
    forwarded_lines,
    is_trusted,
    with_client_chain,
)

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("address", "trusted"),
    [("10.1.2.3", True), ("fd00::1", True), ("11.0.0.1", False), ("", False), ("unix:", False)],
)
def test_networks_are_trusted(address: str, *, trusted: bool) -> None:
    assert is_trusted(address, TRUSTED) is trusted
    assert is_trusted(address, ()) is False


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        ("10.0.0.1", None, "10.0.0.1"),
        ("1.2.3.4", b"5.6.7.8", "1.2.3.4"),
        ("10.0.0.1", b"5.6.7.8", "5.6.7.8"),
        ("10.0.0.1", b"9.9.9.9, 5.6.7.8", "5.6.7.8"),
        ("10.0.0.1", b"9.9.9.9,5.6.7.8 , 10.0.0.2,fd00::2", "5.6.7.8"),
        ("10.0.0.1", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", b"9.9.9.9, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("10.0.0.1", b"\xff", "10.0.0.1"),
        ("fd00::1", b"2001:DB8::1", "2001:db8::1"),
    ],
)
def test_the_client_is_the_first_hop_from_the_right_that_is_not_trusted(
    peer: str, chain: bytes | None, client: str
) -> None:
    assert client_address(peer, chain, TRUSTED) == client


def test_the_lines_say_where_the_request_comes_from() -> None:
    assert forwarded_lines("1.2.3.4", "http", b"1.2.3.4").split(b"\r\n") == [
        b"",
        b"Connection: keep-alive",
        b"X-Real-IP: 1.2.3.4",
        b"X-Forwarded-Proto: http",
        b"X-Forwarded-For: 1.2.3.4",
        b"",
    ]


@pytest.mark.parametrize(
    ("chain", "line"),
    [(b"5.6.7.8", b"5.6.7.8, 10.0.0.1"), (b"a, b", b"a, b, 10.0.0.1"), (b"", b"10.0.0.1")],
)
def test_the_peer_is_appended_to_the_clients_chain(chain: bytes, line: bytes) -> None:
    lines = with_client_chain("10.0.0.1", "https", chain, TRUSTED)
    assert b"X-Forwarded-For: " + line + b"\r\n" in lines
