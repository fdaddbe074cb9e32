"""Random clients and random upstreams, many at once: nobody ever gets what is another's.

Every request carries an id of its own; upstreams answer with the id they were asked for, in any
framing, cut anywhere, and now and then break off, say too much, answer early or leave. Clients
leave in any state. What a client gets is the answer to its own question, whole, or visibly not.
"""

import random
from collections import Counter
from threading import Thread

import pytest

from colobus.testing.gateway import GatewayHarness
from support.proxying import client, get, proxied
from support.raw_upstream import Peer
from support.waiting import wait_until

pytestmark = pytest.mark.integration

CLIENTS = 8
TURNS = 40
FILLING = 2_000


def tagged(tag: bytes, size: int) -> bytes:
    """Return a body of which every part shows whose it is."""
    return (b"<%b>" % tag) * (1 + size // (len(tag) + 2))


def framed(chance: random.Random, tag: bytes, *, is_head: bool) -> tuple[bytes, bool]:
    """Return an answer for ``tag`` in a framing of chance, and whether its end is the connection's."""
    body = tagged(tag, chance.randrange(FILLING))
    kind = chance.choice(("length", "chunked", "until-close"))
    if kind == "length":
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    elif kind == "chunked":
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        cut = chance.randrange(1, len(body))
        pieces = [piece for piece in (body[:cut], body[cut:]) if piece]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    else:
        head = b"HTTP/1.1 200 OK\r\n\r\n"
    return head + (b"" if is_head else body), kind == "until-close"


class LyingService:
    """Serves connections: mostly well, else by one of the faults."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.connections = 0

    def __call__(self, peer: Peer) -> None:
        self.connections += 1
        chance = random.Random(f"{self.seed} upstream {self.connections}")
        while self.serve_one(peer, chance):
            pass

    def serve_one(self, peer: Peer, chance: random.Random) -> bool:
        """Serve one request; say whether the connection goes on."""
        fault = chance.choice(("",) * 8 + ("early", "cut", "more", "garbage", "interim", "reset"))
        head = peer.read_head()
        if fault != "early":
            peer.read(length_of(head))
        answer, is_last = framed(
            chance, head.split(b" ", 2)[1][1:], is_head=head.startswith(b"HEAD ")
        )
        if fault == "interim":
            answer = b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 3 + answer
        elif fault == "cut":
            answer = answer[: chance.randrange(len(answer))]
        elif fault == "more" and not is_last:
            answer += b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n<forged>"
        elif fault == "garbage":
            answer = b"\0" + answer
        at = chance.randrange(len(answer) + 1)
        peer.send(answer[:at])
        peer.send(answer[at:])
        if fault == "reset":
            peer.reset()
        return not is_last and fault in ("", "interim", "more")


def length_of(head: bytes) -> int:
    """Return the Content-Length of a request."""
    mark = b"\r\ncontent-length:"
    folded = head.lower()
    return int(folded.split(mark)[1].split(b"\r\n")[0]) if mark in folded else 0


class Visitor:
    """One client after the other, each asking for ids of its own."""

    def __init__(self, gateway: GatewayHarness, seed: int, name: str) -> None:
        self.gateway = gateway
        self.chance = random.Random(f"{seed} client {name}")
        self.name = name
        self.turn = 0
        self.foreign: list[bytes] = []
        self.seen: Counter[str] = Counter()

    def run(self) -> None:
        """Take all turns; end early only if the gateway hangs."""
        while self.turn < TURNS:
            with client(self.gateway) as peer:
                try:
                    while self.turn < TURNS and self.ask(peer):
                        pass
                except TimeoutError:
                    self.seen["hung"] += 1
                    return
                except (OSError, EOFError, ValueError):
                    self.seen["broken off"] += 1

    def ask(self, peer: Peer) -> bool:
        """Send some requests at once and read their answers; say whether to go on."""
        count = self.chance.choice((1, 1, 2, 4))
        asked = []
        for _ in range(count):
            self.turn += 1
            tag = f"{self.name}.{self.turn}".encode()
            method = self.chance.choice((b"GET", b"GET", b"POST", b"HEAD"))
            body = b"b" * self.chance.randrange(3_000) if method == b"POST" else b""
            lines = [b"Content-Length: %d" % len(body)] if body else []
            asked.append((tag, method))
            peer.send(get(b"/" + tag, *lines, method=method) + body)
        leaving = self.chance.randrange(12)
        if leaving == 0:
            peer.send(get(b"/never")[: self.chance.randrange(1, 30)])
            peer.reset()
            return False
        for tag, method in asked:
            head, body = peer.read_message(is_head=method == b"HEAD")
            self.judge(tag, head, body)
            if b"\r\nConnection: close\r\n" in head:
                return False
        return leaving != 1

    def judge(self, tag: bytes, head: bytes, body: bytes) -> None:
        """Note what an answer is, and whether it is anybody else's."""
        if head.startswith(b"HTTP/1.1 200 "):
            self.seen["answered"] += 1
            # A cut is not to be seen where only the connection's end is the end of the body.
            if not tagged(tag, 2 * FILLING).startswith(body):
                self.foreign.append(body[:200])
        elif head.startswith(b"HTTP/1.1 502 "):
            self.seen["502"] += 1
        else:
            self.foreign.append(head)


@pytest.mark.parametrize("seed", range(3))
def test_no_answer_carries_foreign_bytes_and_nothing_is_left_behind(seed: int) -> None:
    with proxied(LyingService(seed), fields={"retries": 2}) as (gateway, _):
        visitors = [Visitor(gateway, seed, str(number)) for number in range(CLIENTS)]
        threads = [Thread(target=visitor.run) for visitor in visitors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(50)
        seen = sum((visitor.seen for visitor in visitors), Counter())
        assert [visitor.foreign for visitor in visitors] == [[]] * CLIENTS
        assert seen["hung"] == 0
        assert seen["answered"] > CLIENTS * TURNS / 4
        wait_until(lambda: gateway.stats.connections_active == 0)
        stats = gateway.stats
        assert (stats.connections_reading, stats.connections_writing) == (0, 0)
        assert stats.connections_waiting == 0
        assert stats.connections_accepted == stats.connections_handled
