"""However the bytes of a connection are cut into reads, the same comes out: requests and answers."""

import random
import re

import pytest

from support.hostile import HONEST_REQUESTS, HOSTILE_ANSWERS, HOSTILE_BODIES, HOSTILE_HEADS
from support.messages import cuts
from support.proxying import client, get, proxied
from support.raw_upstream import Peer, reply

pytestmark = pytest.mark.integration

VARIABLE = re.compile(rb"(?m)^(Date|X-Kong-[A-Za-z-]+): .*\r\n")
PIPELINE = (
    get(b"/1")
    + get(b"/2", b"Content-Length: 5", method=b"POST")
    + b"hello"
    + get(b"/3", b"Transfer-Encoding: chunked", method=b"PUT")
    + b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"
    + get(b"/4", method=b"HEAD")
    + b"\r\n"
    + get(b"/5", b"Connection: close")
)
SMALL_HEADS = {name: data for name, (data, _) in HOSTILE_HEADS.items() if len(data) < 2000}
SMALL_BODIES = {name: data for name, data in HOSTILE_BODIES.items() if len(data) < 2000}


def sent_in_pieces(peer: Peer, pieces: list[bytes]) -> None:
    """Send pieces one by one; without Nagle's algorithm most arrive alone."""
    for piece in pieces:
        peer.send(piece)


def without_times(answer: bytes) -> bytes:
    return VARIABLE.sub(b"", answer)


@pytest.mark.parametrize("seed", range(4))
def test_a_pipeline_cut_anywhere_is_the_same_requests(seed: int) -> None:
    chance = random.Random(seed)
    with proxied() as (gateway, upstream):
        outcomes = set()
        for _ in range(12):
            upstream.heads.clear()
            upstream.bodies.clear()
            places = [chance.randrange(len(PIPELINE)) for _ in range(chance.choice((0, 1, 5, 40)))]
            with client(gateway) as peer:
                sent_in_pieces(peer, cuts(PIPELINE, places))
                answer = without_times(peer.read_all())
            targets = tuple(head.split(b" ")[1] for head in upstream.heads)
            outcomes.add((answer, targets, tuple(upstream.bodies)))
        ((_, targets, bodies),) = outcomes
        assert targets == (b"/1", b"/2", b"/3", b"/4", b"/5")
        assert bodies == (b"", b"hello", b"abcde", b"", b"")


def test_hostile_requests_cut_anywhere_are_refused_alike() -> None:
    chance = random.Random(0)
    with proxied(Peer.read_all) as (gateway, _):
        for name, data in {**SMALL_HEADS, **SMALL_BODIES}.items():
            statuses = set()
            for count in (0, 1, 3, 30):
                places = [chance.randrange(len(data)) for _ in range(count)]
                with client(gateway) as peer:
                    try:
                        sent_in_pieces(peer, cuts(data, places))
                    except OSError:
                        continue  # refused before all of it was sent
                    statuses.add(peer.read_all()[9:12])
            assert len(statuses) == 1, (name, statuses)


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"hello", b"X-A: b"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
    ],
)
def test_an_answer_cut_anywhere_is_the_same_answer(answer: bytes) -> None:
    chance = random.Random(1)

    def serve(peer: Peer) -> None:
        peer.read_message()
        count = chance.choice((0, 1, 4, 30))
        sent_in_pieces(peer, cuts(answer, [chance.randrange(len(answer)) for _ in range(count)]))

    with proxied(serve) as (gateway, _), client(gateway) as peer:
        heads = set()
        for _ in range(12):
            peer.send(get())
            head, body = peer.read_message()
            assert body == b"hello"
            heads.add(without_times(head))
        assert len(heads) == 1


def test_hostile_answers_cut_anywhere_are_502_alike() -> None:
    chance = random.Random(2)
    served: list[bytes] = []

    def serve(peer: Peer) -> None:
        peer.read_message()
        data = served[-1]
        sent_in_pieces(peer, cuts(data, [chance.randrange(len(data)) for _ in range(10)]))
        peer.read_all()

    with proxied(serve, fields={"retries": 0}) as (gateway, _), client(gateway) as peer:
        for name, data in HOSTILE_ANSWERS.items():
            if len(data) < 2000:
                served.append(data)
                peer.send(get())
                assert peer.read_message()[0].startswith(b"HTTP/1.1 502 "), name


def test_the_honest_table_is_read_whole_in_single_bytes() -> None:
    with proxied() as (gateway, _):
        for name, data in HONEST_REQUESTS.items():
            with client(gateway) as peer:
                sent_in_pieces(peer, [data[at : at + 1] for at in range(len(data))])
                head, _ = peer.read_message()
                if head.startswith(b"HTTP/1.1 100 "):
                    head, _ = peer.read_message()
                assert head.startswith(b"HTTP/1.1 200 "), name
