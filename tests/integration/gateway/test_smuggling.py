"""Messages that two readers could read in two ways: from clients, and from upstreams."""

from contextlib import suppress

import pytest

from support.hostile import HONEST_REQUESTS, HOSTILE_ANSWERS, HOSTILE_BODIES, HOSTILE_HEADS
from support.proxying import client, exchange, get, proxied
from support.raw_upstream import Peer, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration

SMUGGLED = get(b"/smuggled")


def refused(answer: bytes, status: int) -> bool:
    """Say whether this is one error page, the last message of its connection."""
    return (
        answer.startswith(b"HTTP/1.1 %d " % status)
        and b"Connection: close\r\n" in answer
        and answer.count(b"HTTP/1.1 ") == 1
    )


def test_a_head_that_can_be_read_in_two_ways_reaches_nobody() -> None:
    with proxied() as (gateway, upstream):
        for name, (request, status) in HOSTILE_HEADS.items():
            with client(gateway) as peer:
                peer.send(request + SMUGGLED)
                assert refused(peer.read_all(), status), name
        assert upstream.connections == 0
        wait_until(lambda: gateway.stats.connections_active == 0)


@pytest.mark.parametrize("is_split", [False, True])
def test_behind_a_body_that_can_be_read_in_two_ways_nothing_is_read(*, is_split: bool) -> None:
    with proxied(Peer.read_all) as (gateway, _):
        for name, request in HOSTILE_BODIES.items():
            before = gateway.stats.total_requests
            with client(gateway) as peer:
                if is_split:
                    start, _, body = request.partition(b"\r\n\r\n")
                    peer.send(start + b"\r\n\r\n1\r\na\r\n")
                    peer.send(body + SMUGGLED)
                else:
                    peer.send(request + SMUGGLED)
                assert refused(peer.read_all(), 400), name
            assert gateway.stats.total_requests == before + 1, name
        wait_until(lambda: gateway.stats.connections_active == 0)


def test_a_broken_body_never_looks_complete_to_the_upstream() -> None:
    def serve(peer: Peer) -> None:
        try:
            peer.read_until(b"1\r\na\r\n")
            begun.append(True)
            rest.append(peer.read_all())
        except ConnectionResetError:
            rest.append(peer.buffer)

    begun: list[bool] = []
    rest: list[bytes] = []
    with proxied(serve) as (gateway, _), client(gateway) as peer:
        peer.send(get(b"/", b"Transfer-Encoding: chunked", method=b"PUT") + b"1\r\na\r\n")
        wait_until(lambda: bool(begun))
        peer.send(b"0\r\nContent-Length: 9\r\n\r\n")
        assert refused(peer.read_all(), 400)
        wait_until(lambda: bool(rest))
        assert rest == [b""]


def test_an_honest_request_is_followed_by_the_next_one() -> None:
    with proxied() as (gateway, upstream):
        for name, request in HONEST_REQUESTS.items():
            with client(gateway) as peer:
                peer.send(request + get(b"/next", b"Connection: close"))
                answers = peer.read_all()
                expected = 1 if name == "http10" else 2
                assert answers.count(b"HTTP/1.1 200 ") == expected, name
        assert sum(head.startswith(b"GET /next") for head in upstream.heads) == (
            len(HONEST_REQUESTS) - 1
        )


def test_an_answer_that_can_be_read_in_two_ways_is_502_and_the_last_of_its_connection() -> None:
    with proxied(fields={"retries": 0}) as (gateway, upstream):
        for number, (name, answer) in enumerate(HOSTILE_ANSWERS.items(), 1):
            upstream.answer = answer + reply(b"forged")
            with client(gateway) as peer:
                peer.send(get())
                head, body = peer.read_message()
                assert head.startswith(b"HTTP/1.1 502 "), name
                assert b"forged" not in body
                # The client's own connection is as good as before.
                upstream.answer = reply(b"honest")
                peer.send(get(b"/", b"Connection: close"))
                assert peer.read_message()[1] == b"honest", name
            assert upstream.connections == 2 * number
            gateway.call(gateway.gateway.environment.pool.take_all)[0].close()


@pytest.mark.parametrize(
    "body",
    [
        b"+1\r\na\r\n0\r\n\r\n",
        b"0x1\r\na\r\n0\r\n\r\n",
        b"1_1\r\na\r\n0\r\n\r\n",
        b"1 \r\na\r\n0\r\n\r\n",
        b"1\na\r\n0\r\n\r\n",
        b"1;a\nb\r\na\r\n0\r\n\r\n",
        b"1\r\nab\r\n0\r\n\r\n",
        b"10000000000000001\r\na\r\n0\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\n\n",
    ],
)
def test_an_answer_with_broken_chunks_has_no_end_that_a_client_could_believe(body: bytes) -> None:
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"

    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(start)
        wait_until(lambda: bool(begun))
        peer.send(body + reply(b"forged"))

    begun: list[bool] = []
    with proxied(serve) as (gateway, upstream), client(gateway) as peer:
        peer.send(get() + SMUGGLED)
        peer.read_until(b"1\r\nx\r\n")
        begun.append(True)
        with suppress(ConnectionResetError):
            while peer.receive():
                pass
        assert not peer.buffer.endswith(b"0\r\n\r\n")
        assert b"forged" not in peer.buffer
        assert b"HTTP/1.1" not in peer.buffer
        assert upstream.connections == 1
        wait_until(lambda: gateway.stats.connections_active == 0)


def test_what_an_idle_upstream_connection_says_is_not_the_answer_to_the_next_request() -> None:
    """Request and forged answer wait in the kernel together: the request is read first."""

    def serve(peer: Peer) -> None:
        peers.append(peer)
        while True:
            peer.read_message()
            peer.send(reply(b"own %d" % len(peers)))

    peers: list[Peer] = []
    with proxied(serve, fields={"retries": 0}) as (gateway, upstream), client(gateway) as peer:
        peer.send(get())
        assert peer.read_message()[1] == b"own 1"
        wait_until(lambda: gateway.call(lambda: len(gateway.gateway.environment.pool)) == 1)

        def both() -> None:  # in the gateway's own thread: it can look at neither before the other
            peer.send(get())
            peers[0].send(reply(b"forged"))

        gateway.call(both)
        assert peer.read_message()[1] == b"own 2"
        assert upstream.connections == 2


def test_the_same_under_a_post_is_502_for_it_may_have_happened() -> None:
    def serve(peer: Peer) -> None:
        peers.append(peer)
        while True:
            peer.read_message()
            peer.send(reply(b"own"))

    peers: list[Peer] = []
    with proxied(serve) as (gateway, _), client(gateway) as peer:
        peer.send(get())
        peer.read_message()
        wait_until(lambda: gateway.call(lambda: len(gateway.gateway.environment.pool)) == 1)

        def both() -> None:
            peer.send(get(method=b"POST"))
            peers[0].send(reply(b"forged"))

        gateway.call(both)
        assert peer.read_message()[0].startswith(b"HTTP/1.1 502 ")
        peer.send(get())
        assert peer.read_message()[1] == b"own"


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST"])
@pytest.mark.parametrize(
    "answer",
    [
        reply(b"own") + reply(b"forged"),
        reply(b"own") + b"x",
        b"HTTP/1.1 204 No Content\r\n\r\n" + reply(b"forged"),
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\nforged",
        b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nforged\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nown\r\n0\r\n\r\n"
        + reply(b"forged"),
    ],
)
def test_what_comes_with_an_answer_and_is_no_part_of_it_reaches_nobody(
    method: bytes, answer: bytes
) -> None:
    with proxied(answer=answer) as (gateway, upstream), client(gateway) as peer:
        for number in range(1, 4):
            peer.send(get(method=method))
            _, body = peer.read_message(is_head=method == b"HEAD")
            assert body in (b"own", b"")
            assert upstream.connections == number
        assert b"forged" not in peer.buffer


def test_an_absolute_form_target_decides_and_the_host_line_is_gone() -> None:
    fields: dict[str, object] = {"hosts": ["a.test"], "preserve_host": True}
    with proxied(fields=fields) as (gateway, upstream):
        exchange(gateway, b"GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n")
        assert upstream.heads[0].count(b"Host:") == 1
        assert b"b.test" not in upstream.heads[0]
        head, _ = exchange(gateway, b"GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 404 ")
