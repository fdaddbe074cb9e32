"""Upstreams that refuse, stall, lie, break off and vanish."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from colobus.testing.gateway import GatewayHarness
from support.proxying import api, client, exchange, get, proxied
from support.raw_upstream import Peer, RawUpstream, Serve, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration

INVALID = b"An invalid response was received from the upstream server\n"
TOO_SLOW = b"The upstream server is timing out\n"
POST = get(b"/", b"Content-Length: 5", method=b"POST") + b"hello"
PUT = get(b"/", b"Content-Length: 5", method=b"PUT") + b"hello"


def close_at_once(_: Peer) -> None:
    """Accept, and end."""


def close_after_head(peer: Peer) -> None:
    peer.read_head()


def reset_after_head(peer: Peer) -> None:
    peer.read_head()
    peer.reset()


def stall(peer: Peer) -> None:
    peer.read_all()


def part_of_head(peer: Peer) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-")


@contextmanager
def closed_port() -> Iterator[int]:
    """Yield a port that refuses connections and that nobody else gets meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.mark.parametrize(
    ("serve", "method", "retries", "connections", "status"),
    [
        (close_at_once, b"GET", 3, 4, 502),
        (close_after_head, b"GET", 3, 4, 502),
        (close_after_head, b"GET", 0, 1, 502),
        (reset_after_head, b"PUT", 2, 3, 502),
        (part_of_head, b"GET", 2, 3, 502),
        (close_after_head, b"POST", 5, 1, 502),
        (close_after_head, b"PATCH", 5, 1, 502),
        (close_after_head, b"LOCK", 5, 1, 502),
    ],
)
def test_a_connection_that_ends_without_an_answer_is_tried_again_where_that_is_safe(
    serve: Serve, method: bytes, retries: int, connections: int, status: int
) -> None:
    with proxied(serve, fields={"retries": retries}) as (gateway, upstream):
        head, body = exchange(gateway, get(method=method))
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert body == INVALID
        assert b"Content-Type: text/plain\r\n" in head
        assert b"X-Kong" not in head
        assert b"Via" not in head
        assert upstream.connections == connections


def test_the_client_connection_outlives_a_bad_gateway() -> None:
    fields: dict[str, object] = {"retries": 0}
    with proxied(close_after_head, fields=fields) as (gateway, upstream), client(gateway) as peer:
        peer.send(PUT)
        assert peer.read_message()[0].startswith(b"HTTP/1.1 502 ")
        upstream.serve = upstream.serve_answers
        peer.send(PUT)
        assert peer.read_message()[1] == b"ok"


def test_a_small_body_is_sent_again_with_every_attempt() -> None:
    seen: list[bytes] = []

    def serve(peer: Peer) -> None:
        seen.append(peer.read_message()[1])
        if len(seen) == 3:
            peer.send(reply(b"at last"))

    with proxied(serve) as (gateway, _):
        assert exchange(gateway, PUT)[1] == b"at last"
        assert seen == [b"hello"] * 3


def test_a_body_that_is_still_coming_is_sent_again_from_its_start() -> None:
    attempts: list[bytes] = []

    def serve(peer: Peer) -> None:
        if not attempts:
            peer.read_until(b"hel")
            attempts.append(b"")
            return
        attempts.append(peer.read_message()[1])
        peer.send(reply(b"whole"))

    with proxied(serve) as (gateway, upstream), client(gateway) as peer:
        peer.send(PUT[:-2])
        wait_until(lambda: upstream.connections == 2)
        peer.send(PUT[-2:])
        assert peer.read_message()[1] == b"whole"
        assert attempts == [b"", b"hello"]


def test_a_large_body_is_not_sent_twice() -> None:
    body = b"x" * 1_000_000

    def serve(peer: Peer) -> None:
        peer.read_head()
        peer.read(500_000)

    with proxied(serve) as (gateway, upstream):
        request = get(b"/", b"Content-Length: %d" % len(body), method=b"PUT") + body
        with client(gateway) as peer:
            peer.send(request)
            assert peer.read_message()[0].startswith(b"HTTP/1.1 502 ")
        assert upstream.connections == 1


def test_a_refused_connection_is_502_after_all_attempts() -> None:
    with closed_port() as port, GatewayHarness([api(f"http://127.0.0.1:{port}")]) as gateway:
        for request in (get(), POST):
            head, body = exchange(gateway, request)
            assert head.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
            assert body == INVALID


@pytest.mark.parametrize(
    ("request_bytes", "serve", "connections"),
    [(get(), stall, 2), (POST, stall, 1), (get(), part_of_head, 2)],
)
def test_an_answer_that_does_not_come_in_time_is_504(
    request_bytes: bytes, serve: Serve, connections: int
) -> None:
    def held(peer: Peer) -> None:
        serve(peer)
        peer.read_all()

    fields: dict[str, object] = {"retries": 1, "upstream_read_timeout": 5000}
    with proxied(held, fields=fields) as (gateway, upstream), client(gateway) as peer:
        peer.send(request_bytes)
        for count in range(1, connections + 1):
            wait_until(partial(is_attempt, gateway, upstream, count))
            gateway.jump(6)
        head, body = peer.read_message()
        assert head.startswith(b"HTTP/1.1 504 Gateway Time-out\r\n") or b" 504 " in head
        assert body == TOO_SLOW


def is_attempt(gateway: GatewayHarness, upstream: RawUpstream, count: int) -> bool:
    """Say whether the request was given to the upstream for the ``count``-th time."""
    return upstream.connections == count and gateway.call(lambda: is_waiting(gateway))


def is_waiting(gateway: GatewayHarness) -> bool:
    """Say whether a request was given to an upstream connection."""
    return any(
        client.exchange is not None
        and client.exchange.delivery is not None
        and client.exchange.delivery.upstream is not None
        and client.exchange.delivery.upstream.is_in_use
        for client in gateway.gateway.environment.clients
    )


def test_connecting_that_takes_too_long_is_504() -> None:
    # A full backlog drops further handshakes: nobody answers.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = []
        address = listener.getsockname()
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        row = api(f"http://127.0.0.1:{address[1]}", retries=0, upstream_connect_timeout=3000)
        with GatewayHarness([row]) as gateway, client(gateway) as peer:
            peer.send(POST)
            wait_until(lambda: gateway.stats.connections_writing == 1)
            gateway.jump(4)
            assert peer.read_message()[1] == TOO_SLOW
        for filler in fillers:
            filler.close()


def test_sending_that_takes_too_long_is_504() -> None:
    fields: dict[str, object] = {"retries": 0, "upstream_send_timeout": 5000}

    def serve(peer: Peer) -> None:
        peer.read_head()
        wait_until(lambda: bool(done))

    done: list[bool] = []
    with proxied(serve, fields=fields) as (gateway, _), client(gateway) as peer:
        peer.sock.settimeout(1)
        peer.send(get(b"/", b"Content-Length: 100000000", method=b"PUT"))
        with suppress(TimeoutError):
            for _ in range(1000):
                peer.send(b"x" * 100_000)
        peer.sock.settimeout(10)
        gateway.jump(6)
        # Progress since the deadline was set counts; a second look finds none.
        gateway.jump(6)
        assert peer.read_head().startswith(b"HTTP/1.1 504 ")
        done.append(True)


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 2 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 40,
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
)
def test_an_answer_that_is_not_http_is_502_and_its_connection_never_used_again(
    answer: bytes,
) -> None:
    with proxied(answer=answer) as (gateway, upstream):
        head, body = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 502 ")
        assert body == INVALID
        assert upstream.connections == 1
        upstream.answer = reply(b"good")
        assert exchange(gateway, get())[1] == b"good"
        assert upstream.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\npart",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npartZ",
    ],
)
def test_a_truncated_answer_shows_as_truncated_and_ends_the_connection(answer: bytes) -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        head, _, rest = answer.partition(b"\r\n\r\n")
        peer.send(head + b"\r\n\r\n")
        peer.send(rest)

    with proxied(serve) as (gateway, _), client(gateway) as peer:
        peer.send(get() + get(b"/second"))
        with suppress(OSError):
            peer.read_all()
        # What came is the beginning of one answer, and nothing that ends it or follows it.
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert peer.buffer.count(b"HTTP/1.1") <= 1
        assert not peer.buffer.endswith(b"0\r\n\r\n")
        assert gateway.stats.total_requests == 1


def test_a_reset_in_the_middle_of_a_body_that_ends_by_closing_shows_as_truncated() -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\npart")
        wait_until(lambda: bool(seen))
        peer.reset()

    seen: list[bool] = []
    with proxied(serve) as (gateway, _), client(gateway) as peer:
        peer.send(get())
        peer.read_until(b"part\r\n")
        seen.append(True)
        # No last chunk: the client can tell.
        with pytest.raises((EOFError, OSError)):
            peer.read_until(b"0\r\n")


def test_a_body_that_stops_coming_is_broken_off_after_the_read_timeout() -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        peer.read_all()

    fields: dict[str, object] = {"upstream_read_timeout": 5000}
    with proxied(serve, fields=fields) as (gateway, _), client(gateway) as peer:
        peer.send(get())
        peer.read_until(b"part")
        gateway.jump(6)
        assert peer.is_ended()


def test_the_read_timeout_waits_for_a_client_that_is_still_sending() -> None:
    fields: dict[str, object] = {"retries": 0, "upstream_read_timeout": 5000}
    with proxied(fields=fields) as (gateway, upstream), client(gateway) as peer:
        peer.send(PUT[:-2])
        wait_until(partial(is_attempt, gateway, upstream, 1))
        gateway.jump(20)
        gateway.jump(20)
        peer.send(PUT[-2:])
        assert peer.read_message()[1] == b"ok"


@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [(get(), b"HTTP/1.1 200 "), (PUT, b"HTTP/1.1 200 "), (POST, b"HTTP/1.1 502 ")],
)
def test_an_idle_connection_that_dies_as_it_is_used_again_costs_no_attempt(
    request_bytes: bytes, answer: bytes
) -> None:
    """It answers once, and resets at the second request: a stale pooled connection."""
    count: list[int] = []

    def serve(peer: Peer) -> None:
        peer.read_message()
        count.append(1)
        peer.send(reply())
        if len(count) == 1:
            peer.read_head()
            peer.reset()
        else:
            peer.read_all()

    with proxied(serve, fields={"retries": 0}) as (gateway, upstream):
        assert exchange(gateway, get())[1] == b"ok"
        assert exchange(gateway, request_bytes)[0].startswith(answer)
        assert upstream.connections == (2 if answer.endswith(b"200 ") else 1)


def test_a_connection_closed_while_idle_is_not_used() -> None:
    with proxied(fields={"retries": 0}) as (gateway, upstream):
        assert exchange(gateway, get())[1] == b"ok"
        upstream.close_connections()
        pool = gateway.gateway.environment.pool
        wait_until(lambda: gateway.call(lambda: len(pool)) == 0)
        assert exchange(gateway, POST)[1] == b"ok"
        assert upstream.connections == 2


def test_bytes_on_an_idle_connection_end_it() -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(reply())
        wait_until(lambda: gateway.call(lambda: len(gateway.gateway.environment.pool)) == 1)
        peer.send(reply(b"forged"))
        assert peer.is_ended()

    with proxied(serve) as (gateway, _):
        assert exchange(gateway, get())[1] == b"ok"
        wait_until(lambda: gateway.call(lambda: len(gateway.gateway.environment.pool)) == 0)


@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        (None, b"text/plain", INVALID),
        (b"*/*", b"text/plain", INVALID),
        (b"application/json", b"application/json", b'{"message":"%b"}\n' % INVALID[:-1]),
        (
            b"application/json;q=0.1, text/html",
            b"text/html",
            b"<html><head><title>Colobus Error</title></head><body><h1>Colobus Error</h1>"
            b"<p>%b.</p></body></html>\n" % INVALID[:-1],
        ),
        (
            b"application/xml",
            b"application/xml",
            b'<?xml version="1.0" encoding="UTF-8"?>\n<error><message>%b</message></error>\n'
            % INVALID[:-1],
        ),
    ],
)
def test_the_page_comes_in_the_form_the_client_accepts(
    accept: bytes | None, content_type: bytes, body: bytes
) -> None:
    lines = [] if accept is None else [b"Accept: " + accept]
    with closed_port() as port, GatewayHarness([api(f"http://127.0.0.1:{port}")]) as gateway:
        head, got = exchange(gateway, get(b"/", *lines))
        assert b"Content-Type: " + content_type + b"\r\n" in head
        assert got == body
        head, got = exchange(gateway, get(b"/", *lines, method=b"HEAD"), is_head=True)
        assert b"Content-Length: %d\r\n" % len(body) in head


def test_upstream_errors_pass_unchanged_and_are_not_retried() -> None:
    answer = reply(b"theirs", b"Content-Type: text/x", status=b"503 Ours Alone")
    with proxied(answer=answer) as (gateway, upstream):
        head, body = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 503 Ours Alone\r\nContent-Type: text/x\r\n")
        assert body == b"theirs"
        assert len(upstream.heads) == 1


def test_one_breaking_connection_costs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with proxied(Peer.read_all) as (gateway, _), client(gateway) as waiting:
        waiting.send(get())
        for _ in range(20):
            with client(gateway) as peer:
                peer.send(get())
                peer.reset()
        wait_until(lambda: gateway.stats.connections_active == 1)
        assert gateway.failures == []
