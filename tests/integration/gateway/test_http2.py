"""Requests over HTTP/2, with a client that has a mind of its own about windows and order."""

from threading import Event, Semaphore

import pytest

from colobus.gateway.http2_limits import ANSWER_BYTES, CONCURRENT_STREAMS, STREAM_WINDOW
from colobus.gateway.settings import GatewaySettings
from colobus.testing.gateway import GatewayHarness
from support.http2_client import Answer, Http2Client, http2_client, request
from support.proxying import proxied
from support.raw_upstream import Peer, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration

TRAILED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n"
)
LARGE = bytes(range(256)) * 16_384  # 4 MiB


def echo(peer: Peer) -> None:
    """Answer with the body, or else with the head, of each request."""
    while True:
        head, body = peer.read_message()
        peer.send(reply(body or head))


def is_idle(gateway: GatewayHarness) -> bool:
    """Say whether no stream is open on any connection."""
    clients = gateway.gateway.environment.clients
    return gateway.call(lambda: all(not each.streams for each in clients))


def test_a_request_reaches_the_upstream_as_one_of_http11() -> None:
    with proxied(echo) as (gateway, _), http2_client(gateway) as client:
        answer = client.ask(
            request("/a?b", ("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2"))
        )
        lines = answer.body.decode().split("\r\n")
    assert answer.status == "200"
    assert lines[0] == "GET /a?b HTTP/1.1"
    assert {"X-Forwarded-Proto: http", "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1"} <= set(
        lines
    )
    assert "cookie: a=1; b=2" in lines
    assert not any(line.startswith((":", "transfer-encoding")) for line in lines)
    assert answer.fields["via"].startswith("1.1 colobus/")
    assert "x-kong-proxy-latency" in answer.fields
    assert not {"connection", "transfer-encoding", "keep-alive"} & set(answer.fields)


def test_authority_is_the_host_that_routes_and_is_preserved() -> None:
    fields = {"hosts": ["shop.test"], "uris": [], "preserve_host": True}
    with proxied(echo, fields=fields) as (gateway, _), http2_client(gateway) as client:
        assert b"\r\nHost: shop.test\r\n" in client.ask(request()).body
        other = [(n, "other.test" if n == ":authority" else v) for n, v in request()]
        missed = client.ask(other)
    assert missed.status == "404"
    assert missed.body == b'{"message":"no API found with those values"}\n'


def test_streams_are_served_at_the_same_time_and_answered_out_of_order() -> None:
    gate = Event()

    def serve(peer: Peer) -> None:
        head, _ = peer.read_message()
        if head.startswith(b"GET /slow"):
            assert gate.wait(10)
        peer.send(reply(head.split(b" ")[1]))

    with proxied(serve) as (gateway, upstream), http2_client(gateway) as client:
        slow = [client.begin(request(f"/slow/{number}")) for number in range(20)]
        assert client.ask(request("/quick")).body == b"/quick"
        assert not any(client.answers[number].is_over for number in slow)
        gate.set()
        assert [client.finish(number).body for number in slow] == [
            b"/slow/%d" % number for number in range(20)
        ]
        assert upstream.connections >= 20
        assert gateway.stats.total_requests == 21
        assert gateway.gateway.active == 1


@pytest.mark.parametrize("stated", [True, False], ids=["content-length", "chunked"])
def test_large_bodies_pass_both_ways(stated: bool) -> None:
    fields = [("content-length", str(len(LARGE)))] if stated else []
    heads = []

    def serve(peer: Peer) -> None:
        head, body = peer.read_message()
        heads.append(head)
        peer.send(reply(body))

    with proxied(serve) as (gateway, _), http2_client(gateway) as client:
        assert client.ask(request("/", *fields, method="PUT"), LARGE).body == LARGE
        wait_until(lambda: is_idle(gateway), what="the stream's end")
    assert (b"Transfer-Encoding: chunked" in heads[0]) is not stated


def test_a_small_body_of_unstated_length_gets_one_when_it_comes_at_once() -> None:
    with proxied() as (gateway, upstream), http2_client(gateway) as client:
        number = client.machine.get_next_available_stream_id()
        client.machine.send_headers(number, request(method="POST"))
        client.machine.send_data(number, b"body", end_stream=True)
        client.answers[number] = Answer()
        client.flush()
        assert client.finish(number).body == b"ok"
    assert upstream.bodies == [b"body"]
    assert b"\r\nContent-Length: 4\r\n" in upstream.heads[0]


def test_a_slow_upstream_stops_the_client_and_no_other_stream() -> None:
    gate = Event()

    def serve(peer: Peer) -> None:
        head = peer.read_head()
        if head.startswith(b"PUT /slow"):
            assert gate.wait(10)
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            peer.send(reply(b"%d" % len(peer.read(length))))
        else:
            peer.send(reply())

    size = 16 * 1024 * 1024
    head = request("/slow", ("content-length", str(size)), method="PUT")
    with proxied(serve) as (gateway, _), http2_client(gateway) as client:
        number = client.begin(head, is_whole=False)
        sent = 0
        # Until two answers on another stream have brought no more window for this one.
        idle = 0
        while idle < 2:
            taken = client.send_piece(number, bytes(16_384))
            sent += taken
            idle = 0 if taken else idle + 1
            if not taken:
                assert client.ask(request("/other")).status == "200"
        assert STREAM_WINDOW < sent < size // 2
        gate.set()
        client.send_body(number, bytes(size - sent))
        assert client.finish(number).body == b"%d" % size


def test_a_slow_reader_stops_its_upstream_and_no_other_stream() -> None:
    sent = Semaphore(0)

    def serve(peer: Peer) -> None:
        while True:
            head, _ = peer.read_message()
            if head.startswith(b"GET /other"):
                peer.send(reply())
                continue
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * len(LARGE)))
            for _ in range(64):
                peer.send(LARGE)
                sent.release()

    with proxied(serve) as (gateway, _), http2_client(gateway, acknowledges=False) as client:
        number = client.begin(request("/large"))
        client.until(lambda: client.answers[number].size == 65_535)
        client.machine.increment_flow_control_window(1_000_000)
        assert client.ask(request("/other")).body == b"ok"
        (connection,) = gateway.gateway.environment.clients
        (stream,) = gateway.call(lambda: list(connection.streams.values()))
        wait_until(lambda: gateway.call(lambda: stream.upstream_paused), what="back-pressure")
        assert len(stream.out) <= 4 * ANSWER_BYTES
        assert not sent.acquire(timeout=0), "sockets alone do not take 4 MiB"
        client.acknowledges = True
        client.machine.increment_flow_control_window(10_000_000, number)
        client.machine.increment_flow_control_window(10_000_000)
        client.flush()
        client.until(lambda: client.answers[number].size > 4 * len(LARGE))
        client.reset(number)
        assert client.ask(request("/other")).body == b"ok"


def test_a_reader_that_takes_nothing_loses_the_stream_alone() -> None:
    settings = GatewaySettings(send_timeout=5)
    with (
        proxied(answer=reply(LARGE), settings=settings) as (gateway, _),
        http2_client(gateway, acknowledges=False) as client,
    ):
        number = client.begin(request())
        client.until(lambda: client.answers[number].size == 65_535)
        client.ping()
        gateway.jump(6)
        assert client.finish(number).reset == 8  # CANCEL
        client.machine.increment_flow_control_window(10_000_000)
        client.ping()
        assert not client.goaways


def test_a_reset_cancels_the_upstream_and_disturbs_nobody() -> None:
    closed = Event()
    reached = Event()

    def serve(peer: Peer) -> None:
        while True:
            head, _ = peer.read_message()
            if head.startswith(b"GET /other"):
                peer.send(reply())
                continue
            reached.set()
            assert peer.is_ended()
            closed.set()
            return

    with proxied(serve) as (gateway, _), http2_client(gateway) as client:
        number = client.begin(request("/cancelled"))
        assert reached.wait(10)
        client.reset(number)
        assert client.ask(request("/other")).body == b"ok"
        assert closed.wait(10)
        wait_until(lambda: is_idle(gateway), what="the stream's end")


@pytest.mark.parametrize(
    ("method", "answer", "length"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "7"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", None),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "7"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "0"),
    ],
)
def test_answers_without_a_body(method: str, answer: bytes, length: str | None) -> None:
    def serve(peer: Peer) -> None:
        while peer.read_head():
            peer.send(answer)

    with proxied(serve) as (gateway, _), http2_client(gateway) as client:
        for _ in range(2):
            given = client.ask(request(method=method))
            assert given.is_over
            assert given.status == answer[9:12].decode()
            assert given.body == b""
            assert given.fields.get("content-length") == length


@pytest.mark.parametrize(
    ("answer", "trailers"),
    [
        (TRAILED, {"x-sum": "5"}),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", {}),
        (b"HTTP/1.0 200 OK\r\n\r\nabcde", {}),
    ],
    ids=["trailers", "chunked", "until close"],
)
def test_answers_of_any_framing(answer: bytes, trailers: dict[str, str]) -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        for at in range(len(answer)):
            peer.send(answer[at : at + 1])

    with proxied(serve) as (gateway, _), http2_client(gateway) as client:
        given = client.ask(request())
    assert given.body == b"abcde"
    assert given.trailers == trailers


def test_trailers_of_a_request_end_it_and_go_no_further() -> None:
    with proxied(echo) as (gateway, upstream), http2_client(gateway) as client:
        number = client.begin(request(method="POST"), is_whole=False)
        client.send_body(number, b"body", is_last=False)
        client.machine.send_headers(number, [("x-sum", "4")], end_stream=True)
        client.flush()
        assert client.finish(number).body == b"body"
    assert upstream.connections == 1


def test_a_client_that_waits_is_told_to_continue() -> None:
    head = request("/", ("expect", "100-continue"), ("content-length", "4"), method="PUT")
    with proxied(echo) as (gateway, _), http2_client(gateway) as client:
        number = client.begin(head, is_whole=False)
        client.until(lambda: client.answers[number].interim)
        client.send_body(number, b"body")
        answer = client.finish(number)
    assert answer.interim == ["100"]
    assert answer.body == b"body"


def test_an_answer_before_the_end_of_the_request_cuts_it_short() -> None:
    with GatewayHarness() as gateway, http2_client(gateway) as client:
        number = client.begin(request(method="POST"), is_whole=False)
        answer = client.finish(number)
        assert answer.status == "404"
        client.until(lambda: answer.reset is not None)
        assert answer.reset == 0  # NO_ERROR
        assert client.ask(request()).status == "404"


def test_an_upstream_that_breaks_off_breaks_the_stream_off() -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

    with proxied(serve) as (gateway, _), http2_client(gateway) as client:
        answer = client.ask(request())
        assert answer.reset == 2  # INTERNAL_ERROR
        assert not answer.is_over
        client.ping()


@pytest.mark.parametrize(
    ("accept", "body"),
    [
        ("text/html", b"<html><head><title>Colobus Error</title>"),
        ("application/json", b'{"message":"An invalid response was received from the upstream'),
        ("*/*", b"An invalid response was received from the upstream server\n"),
    ],
)
def test_error_pages_come_as_accepted(accept: str, body: bytes) -> None:
    def serve(peer: Peer) -> None:
        peer.read_head()

    with (
        proxied(serve, fields={"retries": 0}) as (gateway, _),
        http2_client(gateway) as client,
    ):
        answer = client.ask(request("/", ("accept", accept)))
    assert answer.status == "502"
    assert answer.body.startswith(body)


def test_a_body_that_does_not_come_is_answered_with_408() -> None:
    with proxied(echo) as (gateway, _), http2_client(gateway) as client:
        number = client.begin(request("/", ("content-length", "4"), method="PUT"), is_whole=False)
        client.ping()
        gateway.jump(61)
        assert client.finish(number).status == "408"
        client.ping()


def test_an_idle_connection_is_told_and_closed() -> None:
    with proxied(echo) as (gateway, _), http2_client(gateway) as client:
        assert client.ask(request()).status == "200"
        wait_until(lambda: gateway.stats.connections_waiting == 1, what="idleness")
        gateway.jump(76)
        client.until_ended()
        assert client.goaways == [(0, 1)]
        wait_until(lambda: gateway.gateway.active == 0, what="the end")
        assert gateway.stats.connections_active == gateway.stats.connections_waiting == 0


def test_a_drain_loses_no_request() -> None:
    gate = Event()

    def serve(peer: Peer) -> None:
        peer.read_message()
        assert gate.wait(10)
        peer.send(reply())

    with proxied(serve) as (gateway, _), http2_client(gateway) as client:
        first = client.begin(request())
        client.ping()
        emptied = gateway.drain(60)
        crossing = client.begin(request())  # before it has read any GOAWAY
        client.until(lambda: len(client.goaways) == 2)
        assert client.goaways == [(0, 2**31 - 1), (0, crossing)]
        late = client.begin(request())
        assert client.finish(late).reset == 7  # REFUSED_STREAM
        assert not emptied.done()
        gate.set()
        assert client.finish(first).body == client.finish(crossing).body == b"ok"
        client.until_ended()
        emptied.result(10)


def test_a_drain_does_not_wait_for_a_client_that_is_silent() -> None:
    with proxied(echo) as (gateway, _), http2_client(gateway) as client:
        client.ask(request())
        emptied = gateway.drain(60)
        gateway.jump(2)
        emptied.result(10)


def test_a_client_that_leaves_gets_its_answers() -> None:
    gate = Event()

    def serve(peer: Peer) -> None:
        peer.read_message()
        assert gate.wait(10)
        peer.send(reply(LARGE))

    with proxied(serve) as (gateway, _), http2_client(gateway) as client:
        number = client.begin(request())
        client.sock.sendall(bytes.fromhex("0000080700000000000000000000000000"))  # GOAWAY
        client.ping()
        gate.set()
        assert client.finish(number).body == LARGE
        client.until_ended()


def test_more_streams_than_allowed_are_refused_and_the_others_served() -> None:
    gate = Event()

    def serve(peer: Peer) -> None:
        peer.read_message()
        assert gate.wait(10)
        peer.send(reply())

    with proxied(serve) as (gateway, _), gateway.connect() as sock:
        client = Http2Client(sock)
        numbers = []
        for _ in range(CONCURRENT_STREAMS + 2):
            number = client.machine.get_next_available_stream_id()
            client.machine.remote_settings[3] = 1000  # not yet read what the gateway allows
            client.machine.remote_settings.acknowledge()
            numbers.append(client.begin(request()))
            assert number == numbers[-1]
        assert [client.finish(each).reset for each in numbers[-2:]] == [7, 7]
        gate.set()
        assert all(client.finish(each).body == b"ok" for each in numbers[:-2])


def test_http2_can_be_turned_off() -> None:
    with proxied(settings=GatewaySettings(http2=False)) as (gateway, _), gateway.connect() as sock:
        sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 505 ")


def test_the_preface_may_come_in_pieces() -> None:
    with GatewayHarness() as gateway, gateway.connect() as sock:
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
            sock.sendall(bytes((byte,)))
        sock.sendall(bytes(3) + b"\4" + bytes(5))
        assert sock.recv(9)[3] == 4  # SETTINGS
