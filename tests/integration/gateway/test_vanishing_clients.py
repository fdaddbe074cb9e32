"""Clients that vanish, in every state: nothing of them stays, and the next one is served."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from colobus.testing.gateway import GatewayHarness
from support.proxying import client, exchange, get, proxied
from support.raw_upstream import Peer, RawUpstream, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration

HANDSHAKE = get(b"/", b"Connection: upgrade", b"Upgrade: websocket")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\npart"


class Service:
    """An upstream that answers as it is told, and counts what it has at hand."""

    def __init__(self) -> None:
        self.answers: dict[bytes, bytes] = {b"/ok": reply()}
        self.open = 0
        self.asked = 0

    def __call__(self, peer: Peer) -> None:
        self.open += 1
        try:
            while True:
                head = peer.read_head()
                self.asked += 1
                peer.send(self.answers.get(head.split(b" ")[1], b""))
        finally:
            self.open -= 1


@contextmanager
def serving() -> Iterator[tuple[GatewayHarness, RawUpstream, Service]]:
    service = Service()
    service.answers[b"/begun"] = BEGUN
    service.answers[b"/"] = SWITCH
    with proxied(service) as (gateway, upstream):
        yield gateway, upstream, service


@pytest.mark.parametrize("is_reset", [False, True])
@pytest.mark.parametrize(
    ("sent", "awaited", "asked"),
    [
        (b"", b"", 0),
        (b"GET / HT", b"", 0),
        (get(b"/silent"), b"", 1),
        (get(b"/silent") + get(b"/ok"), b"", 1),
        (get(b"/silent", b"Content-Length: 10", method=b"PUT") + b"half", b"", 1),
        (get(b"/silent", b"Transfer-Encoding: chunked", method=b"PUT") + b"5\r\nha", b"", 1),
        (get(b"/begun"), b"part", 1),
        (get(b"/ok"), b"ok", 1),
        (get(b"/ok") + b"GET / H", b"ok", 1),
        (b"nonsense\r\n\r\n", b"Bad request\n", 0),
        (HANDSHAKE, b"\r\n\r\n", 1),
        (HANDSHAKE + b"frames", b"\r\n\r\n", 1),
    ],
    ids=[
        *("fresh", "head", "waiting", "pipelined", "body", "chunked-body", "answer"),
        *("idle", "next-head", "refused", "tunnel", "tunnel-with-bytes"),
    ],
)
def test_nothing_stays_of_a_client_that_vanishes(
    sent: bytes, awaited: bytes, asked: int, *, is_reset: bool
) -> None:
    with serving() as (gateway, _, service):
        with client(gateway) as peer:
            if sent:
                peer.send(sent)
            if awaited:
                peer.read_until(awaited)
            wait_until(lambda: service.asked == asked)
            wait_until(lambda: gateway.stats.connections_accepted == 1)
            if is_reset:
                peer.reset()
        if awaited == b"part" and not is_reset:
            # It may only have shut its side, so its answer goes on: until the read timeout.
            gateway.jump(61)
        wait_until(lambda: gateway.stats.connections_active == 0)
        stats = gateway.stats
        assert (stats.connections_reading, stats.connections_writing) == (0, 0)
        assert stats.connections_waiting == 0
        # What carried a request that will not be answered goes with it; an idle one may stay.
        idle = gateway.call(lambda: len(gateway.gateway.environment.pool))
        assert idle <= 1
        wait_until(lambda: service.open == idle)
        assert exchange(gateway, get(b"/ok"))[1] == b"ok"
        assert gateway.failures == []


def test_a_client_that_vanishes_while_its_body_is_read_past_costs_nothing() -> None:
    def serve(peer: Peer) -> None:
        peer.read_head()
        peer.send(reply(b"early", status=b"413 Payload Too Large"))
        with suppress(OSError):
            peer.read_all()

    with proxied(serve) as (gateway, _):
        with client(gateway) as peer:
            peer.send(get(b"/", b"Content-Length: 100000", method=b"POST") + b"x" * 100)
            assert peer.read_message()[1] == b"early"
            peer.reset()
        wait_until(lambda: gateway.stats.connections_active == 0)
        assert gateway.failures == []
