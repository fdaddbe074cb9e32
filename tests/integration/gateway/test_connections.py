"""Client connections: how long they live, what they may do, and how they end."""

import socket
from contextlib import suppress
from dataclasses import replace
from threading import Barrier

import pytest

from colobus.gateway.service import GatewaySettings
from colobus.gateway.wire import HeadLimits
from support.proxying import client, exchange, get, proxied
from support.raw_upstream import Peer, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration


def http10(target: bytes, *lines: bytes) -> bytes:
    head = b"".join(line + b"\r\n" for line in lines)
    return b"GET %b HTTP/1.0\r\nHost: shop.test\r\n%b\r\n" % (target, head)


@pytest.mark.parametrize(
    ("request_bytes", "goes_on", "line"),
    [
        (get(), True, None),
        (get(b"/", b"Connection: keep-alive"), True, None),
        (get(b"/", b"Connection: close"), False, b"Connection: close"),
        (http10(b"/"), False, b"Connection: close"),
        (http10(b"/", b"Connection: keep-alive"), True, b"Connection: keep-alive"),
    ],
)
@pytest.mark.parametrize("target", [b"/shop", b"/nowhere"])
def test_a_connection_goes_on_if_the_client_wants_it_to(
    request_bytes: bytes, target: bytes, line: bytes | None, *, goes_on: bool
) -> None:
    request_bytes = request_bytes.replace(b" / ", b" " + target + b" ")
    with proxied(fields={"uris": ["/shop"]}) as (gateway, _), client(gateway) as peer:
        peer.send(request_bytes)
        head, _ = peer.read_message()
        assert (b"\r\nConnection" in head) == (line is not None)
        assert line is None or line + b"\r\n" in head
        if goes_on:
            peer.send(request_bytes)
            assert peer.read_message()[0].startswith(head[:12])
        else:
            assert peer.is_ended()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
    ],
    ids=["chunked", "until-close"],
)
def test_an_http10_client_gets_a_plain_body_and_its_end(answer: bytes) -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(answer)

    with proxied(serve) as (gateway, _), client(gateway) as peer:
        peer.send(http10(b"/", b"Connection: keep-alive"))
        head = peer.read_head()
        assert b"Transfer-Encoding" not in head
        assert b"Connection: close\r\n" in head
        assert peer.read_all() == b"hello"


def test_an_upstream_connection_is_used_again() -> None:
    with proxied() as (gateway, upstream):
        for _ in range(5):
            assert exchange(gateway, get())[1] == b"ok"
        assert upstream.connections == 1


def test_idle_upstream_connections_are_bounded_and_age() -> None:
    both = Barrier(2)
    ended: list[Peer] = []

    def serve(peer: Peer) -> None:
        peer.read_message()
        both.wait(10)
        peer.send(reply())
        assert peer.is_ended()
        ended.append(peer)

    settings = GatewaySettings(upstream_keepalive=1)
    with proxied(serve, settings=settings) as (gateway, _):
        with client(gateway) as first, client(gateway) as second:
            for peer in (first, second):
                peer.send(get())
            for peer in (first, second):
                assert peer.read_message()[1] == b"ok"
        wait_until(lambda: len(ended) == 1)
        gateway.jump(59)
        assert gateway.call(lambda: len(gateway.gateway.environment.pool)) == 1
        gateway.jump(2)
        wait_until(lambda: len(ended) == 2)
        assert gateway.call(lambda: len(gateway.gateway.environment.pool)) == 0


def test_pipelined_requests_are_answered_in_order() -> None:
    def serve(peer: Peer) -> None:
        while True:
            head, body = peer.read_message()
            peer.send(reply(head.split(b" ")[1] + body))

    count = 500
    requests = b"".join(
        get(b"/%d" % number)
        if number % 3
        else get(b"/%d" % number, b"Content-Length: 1", method=b"PUT") + b"+"
        for number in range(count)
    )
    with proxied(serve) as (gateway, upstream), client(gateway) as peer:
        peer.send(requests)
        for number in range(count):
            expected = b"/%d" % number + (b"" if number % 3 else b"+")
            assert peer.read_message()[1] == expected
        assert upstream.connections == 1


def test_pipelined_requests_without_an_api_do_not_nest() -> None:
    with proxied(fields={"uris": ["/shop"]}) as (gateway, _), client(gateway) as peer:
        count = 3000
        peer.send(get(b"/x") * count)
        for _ in range(count):
            assert peer.read_message()[0].startswith(b"HTTP/1.1 404 ")


def test_requests_behind_a_slow_one_are_held_in_bounded_memory() -> None:
    """The kernel's buffers aside, a client cannot push more than the held bytes into us."""
    limit = 64 << 20
    with proxied(Peer.read_all) as (gateway, _), client(gateway) as peer:
        peer.send(get())
        peer.sock.settimeout(0.5)
        sent = 0
        with suppress(TimeoutError):
            while sent < limit:
                sent += peer.sock.send(get(b"/next") * 1000)
        assert sent < limit
        held = gateway.call(lambda: sum(len(c.buffer) for c in gateway.gateway.environment.clients))
        assert 0 < held <= 3 * 65_536


@pytest.mark.parametrize("body_first", [False, True])
def test_a_client_that_waits_is_told_to_continue(*, body_first: bool) -> None:
    with proxied() as (gateway, upstream), client(gateway) as peer:
        lines = (b"Expect: 100-continue", b"Content-Length: 5")
        request = get(b"/", *lines, method=b"POST")
        if body_first:
            peer.send(request + b"hello")
        else:
            peer.send(request)
            assert peer.read_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
            peer.send(b"hello")
        head, body = peer.read_message()
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert body == b"ok"
        assert upstream.bodies == [b"hello"]
        assert b"Expect" not in upstream.heads[0]


def test_a_client_that_waits_may_be_refused_instead() -> None:
    with proxied(fields={"uris": ["/shop"]}) as (gateway, _), client(gateway) as peer:
        peer.send(get(b"/x", b"Expect: 100-continue", b"Content-Length: 5", method=b"POST"))
        answer = peer.read_all()
        assert answer.startswith(b"HTTP/1.1 404 ")
        # It may or may not send the body now: nothing behind it can be told apart.
        assert b"Connection: close\r\n" in answer


def test_http10_clients_are_not_told_to_continue() -> None:
    with proxied() as (gateway, _), client(gateway) as peer:
        peer.send(
            b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n" + b"hello"
        )
        assert peer.read_head().startswith(b"HTTP/1.1 200 ")


def test_the_body_of_a_refused_request_is_read_past() -> None:
    with proxied(fields={"uris": ["/shop"]}) as (gateway, _), client(gateway) as peer:
        peer.send(get(b"/x", b"Content-Length: 300000", method=b"POST"))
        assert peer.read_message()[0].startswith(b"HTTP/1.1 404 ")
        peer.send(b"x" * 300_000 + get(b"/shop"))
        assert peer.read_message()[1] == b"ok"


def test_a_refused_upload_of_any_size_still_sees_its_answer() -> None:
    with proxied(fields={"uris": ["/shop"]}) as (gateway, _), client(gateway) as peer:
        peer.send(get(b"/x", b"Content-Length: 100000000", method=b"POST") + b"x" * 1_000_000)
        answer = peer.read_all()
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"Connection: close\r\n" in answer


def test_a_head_may_come_one_byte_at_a_time() -> None:
    request = get(b"/slow", b"X-A: 1", b"Content-Length: 3", method=b"POST") + b"abc"
    with proxied() as (gateway, upstream), client(gateway) as peer:
        for position in range(len(request)):
            peer.send(request[position : position + 1])
        assert peer.read_message()[1] == b"ok"
        assert upstream.bodies == [b"abc"]


@pytest.mark.parametrize(
    ("sent", "seconds", "answer"),
    [
        (b"", 61, b""),
        (b"GET / HT", 61, b"HTTP/1.1 408 Request Timeout\r\n"),
        (get(b"/", b"Content-Length: 5", method=b"POST") + b"abc", 61, b"HTTP/1.1 408 Req"),
    ],
    ids=["nothing", "head", "body"],
)
def test_a_client_that_stops_sending_is_given_up(sent: bytes, seconds: int, answer: bytes) -> None:
    with proxied() as (gateway, _), client(gateway) as peer:
        peer.send(sent)
        wait_until(lambda: gateway.stats.connections_active == 1)
        if sent.startswith(b"POST"):
            wait_until(lambda: gateway.stats.connections_writing == 1)
        elif sent:
            wait_until(
                lambda: gateway.call(
                    lambda: any(c.buffer for c in gateway.gateway.environment.clients)
                )
            )
        gateway.jump(seconds - 2)
        assert gateway.call(lambda: gateway.gateway.active) == 1
        gateway.jump(2)
        got = peer.read_all()
        assert got.startswith(answer)
        assert bool(got) == bool(answer)


def test_an_idle_connection_is_closed_after_its_time() -> None:
    with proxied() as (gateway, _), client(gateway) as peer:
        peer.send(get())
        peer.read_message()
        gateway.jump(74)
        peer.send(get())
        assert peer.read_message()[1] == b"ok"
        gateway.jump(76)
        assert peer.is_ended()


def test_a_slow_head_is_bounded_as_a_whole_and_not_between_its_bytes() -> None:
    with proxied() as (gateway, _), client(gateway) as peer:
        peer.send(get())
        peer.read_message()
        for _ in range(6):
            peer.send(b"G")
            wait_until(
                lambda: gateway.call(
                    lambda: any(c.buffer for c in gateway.gateway.environment.clients)
                )
            )
            gateway.jump(9)
        gateway.jump(7)
        assert peer.read_head().startswith(b"HTTP/1.1 408 ")


def test_connections_beyond_the_limit_are_closed_at_once() -> None:
    with proxied(settings=GatewaySettings(max_connections=2)) as (gateway, _):
        with client(gateway) as first, client(gateway) as second:
            for peer in (first, second):
                peer.send(get())
                peer.read_message()
            with client(gateway) as third:
                assert third.is_ended()
            assert gateway.stats.connections_accepted == 3
            assert gateway.stats.connections_handled == 2
        wait_until(lambda: gateway.stats.connections_active == 0)
        assert exchange(gateway, get())[1] == b"ok"


def test_status_numbers_follow_the_connections() -> None:
    with proxied(Peer.read_all) as (gateway, _):

        def numbers() -> tuple[int, ...]:
            stats = gateway.stats
            return (
                stats.connections_active,
                stats.connections_reading,
                stats.connections_writing,
                stats.connections_waiting,
            )

        with client(gateway) as reading, client(gateway) as writing, client(gateway) as waiting:
            reading.send(b"GET")
            writing.send(get())
            waiting.send(get(b"*", method=b"OPTIONS"))
            assert waiting.read_message()[0].startswith(b"HTTP/1.1 404")
            wait_until(lambda: numbers() == (3, 1, 1, 1))
        wait_until(lambda: numbers() == (0, 0, 0, 0))
        assert gateway.stats.total_requests == 2


def test_a_client_that_leaves_takes_its_upstream_connection_with_it() -> None:
    ended: list[bool] = []

    def serve(peer: Peer) -> None:
        peer.read_message()
        ended.append(peer.is_ended())

    with proxied(serve) as (gateway, upstream), client(gateway) as peer:
        peer.send(get())
        wait_until(lambda: upstream.connections == 1)
        peer.sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: ended == [True])


def test_an_answer_that_has_begun_is_finished_for_a_half_closed_client() -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        more.pop()()
        peer.send(b"world")

    more = [lambda: wait_until(lambda: gateway.call(is_half_closed))]

    def is_half_closed() -> bool:
        return any(c.is_eof for c in gateway.gateway.environment.clients)

    with proxied(serve) as (gateway, _), client(gateway) as peer:
        peer.send(get())
        peer.read_until(b"hello")
        peer.sock.shutdown(socket.SHUT_WR)
        assert peer.read_all() == b"world"


def test_draining_lets_requests_end_and_nothing_begin() -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        wait_until(lambda: gateway.gateway.environment.is_draining)
        peer.send(reply(b"last"))

    with proxied(serve) as (gateway, upstream):
        with client(gateway) as idle, client(gateway) as busy:
            idle.send(get(b"*", method=b"OPTIONS"))
            idle.read_message()
            busy.send(get())
            wait_until(lambda: upstream.connections == 1)
            emptied = gateway.drain(30)
            assert idle.is_ended()
            head, body = busy.read_message()
            assert body == b"last"
            assert b"Connection: close\r\n" in head
            assert busy.is_ended()
            emptied.result(5)
        with client(gateway) as late:
            late.sock.settimeout(0.2)
            late.send(get())
            with pytest.raises(TimeoutError):
                late.receive()


def test_draining_gives_up_after_its_time() -> None:
    with proxied(Peer.read_all) as (gateway, upstream), client(gateway) as peer:
        peer.send(get())
        wait_until(lambda: upstream.connections == 1)
        emptied = gateway.drain(30)
        gateway.jump(29)
        assert not emptied.done()
        gateway.jump(2)
        emptied.result(5)
        assert peer.is_ended()


def test_an_empty_gateway_is_drained_at_once() -> None:
    with proxied() as (gateway, _):
        gateway.drain(30).result(5)


def test_head_limits_are_settings() -> None:
    settings = replace(GatewaySettings(), head_limits=HeadLimits(request_line=64))
    with proxied(settings=settings) as (gateway, _), client(gateway) as peer:
        peer.send(get(b"/" + b"a" * 80))
        assert peer.read_all().startswith(b"HTTP/1.1 414 ")
