"""Slow readers on either side: they are waited for, in bounded memory and for a bounded time."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from colobus.testing.gateway import GatewayHarness
from support.phases import plugin, plugin_row
from support.proxying import client, get, proxied
from support.raw_upstream import Peer
from support.waiting import wait_until

pytestmark = pytest.mark.integration

MIB = 1 << 20
BLOCK = bytes(range(256)) * 4096  # 1 MiB


def memory() -> int:
    """Return the bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def buffered(gateway: GatewayHarness) -> int:
    """Return the bytes that wait to be sent, to clients and to upstreams."""

    def count() -> int:
        total = 0
        for connection in gateway.gateway.environment.clients:
            total += connection.transport.buffered
            upstream = connection.upstream()
            if upstream is not None and upstream.transport is not None:
                total += upstream.transport.buffered
        return total

    return gateway.call(count)


@pytest.mark.parametrize("framing", ["length", "chunked", "until-close", "filtered"])
def test_a_large_answer_to_a_stalled_client_takes_little_memory(framing: str) -> None:
    blocks = 100

    def serve(peer: Peer) -> None:
        peer.read_message()
        if framing == "chunked":
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(blocks):
                peer.send(b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK))
            peer.send(b"0\r\n\r\n")
        else:
            length = b"" if framing == "until-close" else b"Content-Length: %d\r\n" % (blocks * MIB)
            peer.send(b"HTTP/1.1 200 OK\r\n%b\r\n" % length)
            for _ in range(blocks):
                peer.send(BLOCK)

    harness: dict[str, Any] = {}
    if framing == "filtered":
        probe = plugin(body_filter=lambda _exchange, chunk, _last: chunk)
        harness = {"plugins": [probe], "plugin_rows": [plugin_row()]}
    with proxied(serve, **harness) as (gateway, _), client(gateway, timeout=20) as peer:
        peer.send(get())
        wait_until(lambda: buffered(gateway) > 0)
        before = memory()
        wait_until(lambda: gateway.call(lambda: is_held(gateway)))
        assert 0 < buffered(gateway) < MIB
        head = peer.read_head()
        received = drain_body(peer, chunked=b"chunked" in head, size=blocks * MIB)
        assert received == blocks * MIB
        assert memory() - before < 20 * MIB


def test_the_read_timeout_waits_for_a_client_that_is_slow_to_read() -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (30 * MIB))
        for _ in range(30):
            peer.send(BLOCK)

    fields: dict[str, object] = {"upstream_read_timeout": 5000}
    with proxied(serve, fields=fields) as (gateway, _), client(gateway) as peer:
        peer.send(get())
        wait_until(lambda: gateway.call(lambda: is_held(gateway)))
        gateway.jump(20)
        gateway.jump(20)
        peer.read_head()
        assert drain_body(peer, chunked=False, size=30 * MIB) == 30 * MIB


@pytest.mark.parametrize("slow", ["client", "upstream"])
def test_a_tunnel_holds_the_fast_side_back(slow: str) -> None:
    total = 30 * MIB
    go_on: list[bool] = []

    def serve(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
        if slow == "client":
            for _ in range(30):
                peer.send(BLOCK)
        else:
            wait_until(lambda: bool(go_on))
            peer.send(b"%8d" % drain_body(peer, chunked=False, size=total))

    with proxied(serve) as (gateway, _), client(gateway) as peer:
        peer.send(get(b"/", b"Connection: upgrade", b"Upgrade: websocket"))
        peer.read_head()
        before = memory()
        if slow == "client":
            wait_until(lambda: gateway.call(lambda: unsent_to_client(gateway)) > 0)
            assert drain_body(peer, chunked=False, size=total) == total
        else:
            sent = send_until_stalled(peer.sock, total)
            assert sent < total
            assert memory() - before < 10 * MIB
            go_on.append(True)
            peer.sock.settimeout(20)
            while sent < total:
                sent += peer.sock.send(BLOCK[: min(MIB, total - sent)])
            assert int(peer.read(8)) == total
        assert memory() - before < 20 * MIB


def unsent_to_client(gateway: GatewayHarness) -> int:
    """Return the bytes that wait to be sent to clients."""
    return sum(client.transport.buffered for client in gateway.gateway.environment.clients)


def send_until_stalled(sock: socket.socket, size: int) -> int:
    """Send up to ``size`` bytes, until nobody takes more for a while; return how many went."""
    sock.settimeout(0.5)
    sent = 0
    with suppress(TimeoutError):
        while sent < size:
            sent += sock.send(BLOCK[: min(MIB, size - sent)])
    return sent


def is_held(gateway: GatewayHarness) -> bool:
    """Say whether an upstream is held back for a slow client."""
    upstreams = [connection.upstream() for connection in gateway.gateway.environment.clients]
    return any(upstream is not None and upstream.read_paused for upstream in upstreams)


def drain_body(peer: Peer, *, chunked: bool, size: int) -> int:
    """Read a body without keeping it; return its payload's size."""
    received = 0
    if chunked:
        while length := int(peer.read_until(b"\r\n"), 16):
            received += length
            left = length + 2
            while left:
                left -= len(peer.read(min(left, 65536)))
        peer.read_until(b"\r\n")
        return received
    while received < size:
        received += len(peer.read(min(65536, size - received)))
    return received


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_large_body_to_a_stalled_upstream_takes_little_memory(framing: str) -> None:
    total = 30 * MIB
    go_on: list[bool] = []

    def serve(peer: Peer) -> None:
        head = peer.read_head()
        wait_until(lambda: bool(go_on))
        received = drain_body(peer, chunked=b"chunked" in head, size=total)
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n%8d" % received)

    with proxied(serve) as (gateway, _), client(gateway) as peer:
        line = (
            b"Content-Length: %d" % total if framing == "length" else b"Transfer-Encoding: chunked"
        )
        peer.send(get(b"/", line, method=b"PUT"))
        if framing == "chunked":
            peer.send(b"%x\r\n" % total)
        sent = send_until_stalled(peer.sock, total)
        assert sent < total
        assert buffered(gateway) < MIB
        go_on.append(True)
        peer.sock.settimeout(20)
        while sent < total:
            sent += peer.sock.send(BLOCK[: min(MIB, total - sent)])
        if framing == "chunked":
            peer.send(b"\r\n0\r\n\r\n")
        assert int(peer.read_message()[1]) == total


def test_a_body_that_waits_for_a_plugin_is_held_in_bounded_memory() -> None:
    async def access(_: object) -> None:
        await gate.wait()

    gate = asyncio.Event()
    probe = plugin(access=access)
    rows = [plugin_row()]
    with proxied(plugins=[probe], plugin_rows=rows) as (gateway, upstream):  # noqa: SIM117
        with client(gateway) as peer:
            peer.send(get(b"/", b"Content-Length: %d" % (30 * MIB), method=b"PUT"))
            sent = send_until_stalled(peer.sock, 30 * MIB)
            assert sent < 30 * MIB
            held = gateway.call(
                lambda: sum(
                    c.body.size for c in gateway.gateway.environment.clients if c.body is not None
                )
            )
            assert 65_536 <= held <= 3 * 65_536
            gateway.call(gate.set)
            peer.sock.settimeout(20)
            while sent < 30 * MIB:
                sent += peer.sock.send(BLOCK[: min(MIB, 30 * MIB - sent)])
            assert peer.read_message()[1] == b"ok"
            assert len(upstream.bodies[0]) == 30 * MIB


def test_a_client_that_takes_nothing_is_given_up() -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(95):
            peer.send(BLOCK)

    with proxied(serve) as (gateway, _), client(gateway) as peer:
        peer.send(get())
        wait_until(lambda: gateway.call(lambda: is_held(gateway)))
        gateway.jump(61)
        gateway.jump(61)
        wait_until(lambda: gateway.stats.connections_active == 0)


def test_pipelined_answers_to_a_client_that_reads_none_are_bounded() -> None:
    with proxied(answer=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MIB + BLOCK) as pair:
        gateway, upstream = pair
        with client(gateway) as peer:
            peer.send(get() * 50)
            wait_until(lambda: gateway.call(lambda: is_held(gateway)))
            assert buffered(gateway) < 2 * MIB
            assert len(upstream.heads) < 20
            for _ in range(50):
                head = peer.read_head()
                assert head.startswith(b"HTTP/1.1 200")
                assert drain_body(peer, chunked=False, size=MIB) == MIB
