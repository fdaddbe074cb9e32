"""WebSocket handshakes, and the tunnels behind them."""

import socket
from contextlib import suppress

import pytest

from support.phases import plugin, plugin_row
from support.proxying import client, exchange, get, proxied
from support.raw_upstream import Peer, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration

HANDSHAKE = get(b"/chat", b"Connection: keep-alive, Upgrade", b"Upgrade: WebSocket", b"X-Key: 1")
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: abc\r\n\r\n"
)


def echo(peer: Peer) -> None:
    """Open the tunnel, and send back what comes, until the client's end."""
    heads.append(peer.read_head())
    peer.send(SWITCH)
    data, peer.buffer = peer.buffer, b""
    while data or peer.receive():
        data, peer.buffer = data + peer.buffer, b""
        peer.send(data)
        data = b""
    peer.send(b"bye")


heads: list[bytes] = []


@pytest.fixture(autouse=True)
def _forget_heads() -> None:
    heads.clear()


def test_a_tunnel_is_opened_and_carries_bytes_both_ways() -> None:
    with proxied(echo) as (gateway, _), client(gateway) as peer:
        peer.send(HANDSHAKE)
        head = peer.read_head()
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        for line in (b"Upgrade: websocket", b"Connection: upgrade", b"Sec-WebSocket-Accept: abc"):
            assert head.count(line + b"\r\n") == 1
        assert b"\r\nConnection: upgrade\r\n" in heads[0]
        assert b"\r\nUpgrade: websocket\r\n" in heads[0]
        assert b"\r\nX-Key: 1\r\n" in heads[0]
        for data in (b"hello", b"\x00\x81" * 1000, b"GET / HTTP/1.1\r\n\r\n"):
            peer.send(data)
            assert peer.read(len(data)) == data
        peer.sock.shutdown(socket.SHUT_WR)
        assert peer.read_all() == b"bye"
        wait_until(lambda: gateway.stats.connections_active == 0)


def test_bytes_sent_before_the_tunnel_is_open_go_through_it() -> None:
    def serve(peer: Peer) -> None:
        peer.read_head()
        peer.send(SWITCH + b"first")
        assert peer.read(5) == b"early"
        peer.send(b"second")

    with proxied(serve) as (gateway, _), client(gateway) as peer:
        peer.send(HANDSHAKE + b"early")
        peer.read_head()
        assert peer.read_all() == b"firstsecond"


def test_a_large_transfer_passes_in_both_directions_at_once() -> None:
    with proxied(echo) as (gateway, _), client(gateway) as peer:
        peer.send(HANDSHAKE)
        peer.read_head()
        block = bytes(range(256)) * 256
        peer.sock.setblocking(False)
        sent = received = 0
        total = len(block) * 200
        while received < total:
            if sent < total:
                with suppress(BlockingIOError):
                    sent += peer.sock.send(block[sent % len(block) :])
            with suppress(BlockingIOError):
                received += len(peer.sock.recv(1 << 20))
        assert received == total


def test_a_refused_handshake_is_an_ordinary_answer() -> None:
    with proxied(answer=reply(b"no", status=b"403 Forbidden")) as (gateway, upstream):
        with client(gateway) as peer:
            for _ in range(2):
                peer.send(HANDSHAKE)
                head, body = peer.read_message()
                assert head.startswith(b"HTTP/1.1 403 ")
                assert body == b"no"
        assert upstream.connections == 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        get(b"/", b"Upgrade: websocket"),
        get(b"/", b"Connection: upgrade", b"Upgrade: h2c"),
        get(b"/", b"Connection: upgrade", b"Upgrade: websocket, h2c"),
        get(b"/", b"Connection: upgrade", b"Upgrade: websocket", method=b"POST"),
        b"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_anything_else_is_stripped_and_cannot_open_a_tunnel(request_bytes: bytes) -> None:
    with proxied(answer=SWITCH) as (gateway, upstream):
        head, _ = exchange(gateway, request_bytes)
        assert head.startswith(b"HTTP/1.1 502 ")
        assert b"Upgrade" not in upstream.heads[0]
        assert b"\r\nConnection: keep-alive\r\n" in upstream.heads[0]


def test_an_idle_tunnel_ends_after_the_apis_timeouts() -> None:
    fields: dict[str, object] = {"upstream_read_timeout": 5000, "upstream_send_timeout": 9000}
    with proxied(echo, fields=fields) as (gateway, _), client(gateway) as peer:
        peer.send(HANDSHAKE)
        peer.read_head()
        for _ in range(3):
            gateway.jump(8)
            peer.send(b"x")
            assert peer.read(1) == b"x"
        gateway.jump(10)
        assert peer.is_ended()


@pytest.mark.parametrize("side", ["client", "upstream"])
def test_a_side_that_vanishes_takes_the_other_with_it(side: str) -> None:
    ended: list[bool] = []

    def serve(peer: Peer) -> None:
        peer.read_head()
        peer.send(SWITCH)
        peer.read(2)
        if side == "upstream":
            peer.reset()
        else:
            ended.append(peer.is_ended())

    with proxied(serve) as (gateway, _), client(gateway) as peer:
        peer.send(HANDSHAKE)
        peer.read_head()
        peer.send(b"go")
        if side == "client":
            peer.reset()
            wait_until(lambda: ended == [True])
        else:
            assert peer.is_ended()
        wait_until(lambda: gateway.stats.connections_active == 0)


def test_plugins_see_the_handshake_and_log_at_the_end_of_the_tunnel() -> None:
    seen: list[object] = []
    probe = plugin(
        access=lambda _: seen.append("access"),
        header_filter=lambda x: x.response.set_header("X-Filtered", str(x.response.status)),
        body_filter=lambda *_: seen.append("body"),
        log=lambda x: seen.append(x.response.status),
    )
    with proxied(echo, plugins=[probe], plugin_rows=[plugin_row()]) as (gateway, _):
        with client(gateway) as peer:
            peer.send(HANDSHAKE)
            assert b"X-Filtered: 101\r\n" in peer.read_head()
            peer.send(b"x")
            peer.read(1)
            assert seen == ["access"]
        wait_until(lambda: seen == ["access", 101])


def test_a_tunnel_outlives_a_drain_until_its_deadline() -> None:
    with proxied(echo) as (gateway, _), client(gateway) as peer:
        peer.send(HANDSHAKE)
        peer.read_head()
        emptied = gateway.drain(30)
        peer.send(b"x")
        assert peer.read(1) == b"x"
        gateway.jump(31)
        emptied.result(5)
        assert peer.is_ended()
