"""Clients of HTTP/2 that break its rules, or make work for nothing."""

import random
from collections.abc import Callable
from threading import Event

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from colobus.gateway.http2_limits import CONTROL_BURST, RESET_BURST
from colobus.testing.gateway import GatewayHarness
from support.http2_client import Http2Client, http2_client, request
from support.proxying import exchange, get, proxied
from support.raw_upstream import Peer, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration

CALM = ErrorCodes.ENHANCE_YOUR_CALM
FLOOD = int(CONTROL_BURST) + 200
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def echo(peer: Peer) -> None:
    """Answer each request with its body."""
    while True:
        head, body = peer.read_message()
        peer.send(reply(body or head))


MALFORMED: dict[str, list[tuple[str, str]]] = {
    "connection": request("/", ("connection", "close")),
    "transfer-encoding": request("/", ("transfer-encoding", "chunked")),
    "upgrade": request("/", ("upgrade", "h2c")),
    "te": request("/", ("te", "gzip")),
    "upper case": request("/", ("X-Upper", "1")),
    "line end in a value": request("/", ("x", "a\r\nx-injected: b")),
    "NUL in a value": request("/", ("x", "a\0b")),
    "space before a value": request("/", ("x", " a")),
    "no path": [field for field in request() if field[0] != ":path"],
    "no scheme": [field for field in request() if field[0] != ":scheme"],
    "no method": [field for field in request() if field[0] != ":method"],
    "empty path": request(""),
    "absolute path": request("http://other.test/"),
    "unknown pseudo-header": request("/", (":x", "1")),
    "late pseudo-header": [("accept", "*/*"), *request()],
    "repeated pseudo-header": [*request(), (":path", "/b")],
    "another host": request("/", ("host", "other.test")),
    "extended CONNECT": [*request(method="CONNECT"), (":protocol", "websocket")],
    "length without a body": request("/", ("content-length", "5")),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_request_ends_its_stream_alone(what: str) -> None:
    with proxied(echo) as (gateway, upstream), http2_client(gateway) as client:
        other = client.begin(request("/other", method="PUT"), is_whole=False)
        answer = client.ask(MALFORMED[what])
        assert answer.reset == ErrorCodes.PROTOCOL_ERROR
        assert not answer.status
        client.send_body(other, b"body")
        assert client.finish(other).body == b"body"
        assert upstream.connections == 1


REFUSED: dict[str, tuple[list[tuple[str, str]], str]] = {
    "long path": (request("/" + "a" * 8192), "414"),
    "large head": (request("/", *[("x", "a" * 8000)] * 5), "431"),
    "many fields": (request("/", *[("x", "a")] * 101), "431"),
    "no host": ([field for field in request() if field[0] != ":authority"], "400"),
    "space in the path": (request("/a b"), "400"),
    "length that is no number": (request("/", ("content-length", "five")), "400"),
    "CONNECT": ([(":method", "CONNECT"), (":authority", "shop.test:443")], "400"),
    "asterisk": (request("*"), "400"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_http11_refuses_too_is_answered(what: str) -> None:
    fields, status = REFUSED[what]
    with proxied(echo) as (gateway, upstream), http2_client(gateway) as client:
        answer = client.ask(fields)
        assert answer.status == status
        assert answer.body
        assert answer.fields["content-type"] == "text/plain"
        assert client.ask(request()).status == "200"
        assert upstream.connections == 1


@pytest.mark.parametrize(
    ("stated", "sent"), [(5, b"four"), (3, b"four"), (0, b"x")], ids=["short", "long", "none"]
)
def test_a_body_of_another_length_ends_its_stream_alone(stated: int, sent: bytes) -> None:
    head = request("/", ("content-length", str(stated)), method="PUT")

    def serve(peer: Peer) -> None:
        head = peer.read_head()
        if head.startswith(b"GET"):
            peer.send(reply())
        else:
            assert peer.sock.recv(100) in (sent, b"")
            while peer.sock.recv(100):  # no more comes, and no answer is made
                pass

    with proxied(serve) as (gateway, _), http2_client(gateway) as client:
        number = client.begin(head, is_whole=False)
        client.machine.send_data(number, sent, end_stream=True)
        client.flush()
        assert client.finish(number).reset == ErrorCodes.PROTOCOL_ERROR
        assert client.ask(request()).body == b"ok"


def test_a_broken_trailer_ends_its_stream_alone() -> None:
    with proxied(echo) as (gateway, _), http2_client(gateway) as client:
        number = client.begin(request(method="POST"), is_whole=False)
        client.machine.send_headers(number, [("Upper", "1")], end_stream=True)
        client.flush()
        assert client.finish(number).reset == ErrorCodes.PROTOCOL_ERROR
        assert client.ask(request()).status == "200"


def settings(number: int) -> Frame:
    """Return SETTINGS that change a window back and forth."""
    return SettingsFrame(0, settings={4: 65_535 - number % 2})


FLOODS: dict[str, Callable[[int], Frame]] = {
    "ping": lambda _: PingFrame(0, opaque_data=bytes(8)),
    "settings": settings,
    "priority": lambda number: PriorityFrame(2 * number + 1),
    "window": lambda _: WindowUpdateFrame(0, window_increment=1),
    "empty data": lambda _: DataFrame(1),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_frames_that_carry_nothing_is_ended(kind: str) -> None:
    with proxied(echo) as (gateway, _), http2_client(gateway) as client:
        client.begin(request(method="PUT"), is_whole=False)
        client.ping()
        client.send_frames(*[FLOODS[kind](number) for number in range(FLOOD)])
        client.until_ended()
        assert client.goaways[-1] == (CALM, 1)
        wait_until(lambda: gateway.gateway.active == 0, what="the end")
        assert exchange(gateway, get())[0].startswith(b"HTTP/1.1 200")


def test_rapid_resets_are_ended() -> None:
    with proxied(Peer.is_ended) as (gateway, _), http2_client(gateway) as client:
        block = client.machine.encoder.encode(request())
        frames: list[Frame] = []
        for number in range(1, 2 * int(RESET_BURST) + 41, 2):
            frames += [
                HeadersFrame(number, block, flags=["END_HEADERS", "END_STREAM"]),
                RstStreamFrame(number, error_code=8),
            ]
        client.sock.sendall(b"".join(frame.serialize() for frame in frames))
        client.until_ended()
        assert client.goaways[-1][0] == CALM
        wait_until(lambda: gateway.gateway.active == 0, what="the end")


def test_resets_that_broken_requests_provoke_are_bounded_too() -> None:
    with GatewayHarness() as gateway, http2_client(gateway) as client:
        block = client.machine.encoder.encode(request("/", ("connection", "close")))
        frames = [
            HeadersFrame(number, block, flags=["END_HEADERS", "END_STREAM"])
            for number in range(1, 2 * int(RESET_BURST) + 41, 2)
        ]
        client.sock.sendall(b"".join(frame.serialize() for frame in frames))
        received = b""
        while data := client.sock.recv(65_536):
            received += data
        assert received.endswith(CALM.to_bytes(4, "big"))
        client.sock.close()
        wait_until(lambda: gateway.gateway.active == 0, what="the end")


def test_a_header_block_without_end_is_ended() -> None:
    with GatewayHarness() as gateway, http2_client(gateway) as client:
        client.send_frames(HeadersFrame(1, b"\x00"))
        client.send_frames(*[ContinuationFrame(1, b"") for _ in range(30)])
        client.until_ended()
        assert client.goaways[-1][0] == CALM


def test_a_header_block_that_does_not_end_in_time_is_ended() -> None:
    with GatewayHarness() as gateway, http2_client(gateway) as client:
        client.ping()
        client.send_frames(HeadersFrame(1, b"\x00"))
        (connection,) = gateway.gateway.environment.clients
        wait_until(lambda: gateway.call(lambda: connection.watch.is_in_headers), what="the block")
        gateway.jump(61)
        client.until_ended()
        assert gateway.stats.total_requests == 0


def test_a_header_list_that_unfolds_to_too_much_is_ended() -> None:
    with GatewayHarness() as gateway, http2_client(gateway) as client:
        encoder = client.machine.encoder
        encoder.encode([("x", "a" * 3000)])
        block = encoder.encode([*request(), *[("x", "a" * 3000)] * 1000])
        assert len(block) < 16_000
        client.send_frames(
            HeadersFrame(1, encoder.encode([("x", "a" * 3000)]), flags=["END_HEADERS"])
        )
        client.send_frames(HeadersFrame(3, block, flags=["END_HEADERS", "END_STREAM"]))
        client.until_ended()
        assert client.goaways
        wait_until(lambda: gateway.gateway.active == 0, what="the end")


def test_a_client_that_reads_no_answers_to_control_frames_is_bounded() -> None:
    ping = PingFrame(0, opaque_data=bytes(8)).serialize()
    with GatewayHarness() as gateway, http2_client(gateway) as client:
        client.sock.sendall(ping * 200_000)
        wait_until(lambda: gateway.gateway.active == 0, what="the end")


@pytest.mark.parametrize(
    "bytes_sent",
    [
        PREFACE[:18] + b"XX\r\n\r\n" + bytes(20),
        PREFACE + b"\0\0\0\x01\x05\0\0\0\0",  # HEADERS on stream 0
        PREFACE + SettingsFrame(0).serialize() + b"\xff\xff\xff\x00\0\0\0\0\1",  # a frame too large
        PREFACE + SettingsFrame(0).serialize() + DataFrame(1, b"x").serialize(),  # idle stream
        PREFACE
        + SettingsFrame(0).serialize()
        + HeadersFrame(2, b"\x82", flags=["END_HEADERS"]).serialize(),  # an even number
        PREFACE
        + SettingsFrame(0).serialize()
        + HeadersFrame(1, b"\xff\xff\xff\xff\xff\xff", flags=["END_HEADERS"]).serialize(),
        PREFACE
        + SettingsFrame(0).serialize()
        + WindowUpdateFrame(0, window_increment=2**31 - 1).serialize() * 2,
    ],
    ids=["preface", "stream 0", "frame size", "idle", "even", "compression", "window"],
)
def test_what_breaks_the_connection_ends_it(bytes_sent: bytes) -> None:
    with GatewayHarness() as gateway, gateway.connect() as sock:
        sock.sendall(bytes_sent)
        received = b""
        while data := sock.recv(65_536):
            received += data
        assert b"\x07\0\0\0\0\0" in received  # GOAWAY
        sock.close()
        wait_until(lambda: gateway.gateway.active == 0, what="the end")


def test_random_frames_break_nothing(caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(9113)
    with proxied(echo) as (gateway, _):
        for _ in range(60):
            with gateway.connect() as sock:
                client = Http2Client(sock)
                number = client.begin(request(method="PUT"), is_whole=False)
                data = bytearray(
                    DataFrame(number, b"body").serialize()
                    + client.machine.encoder.encode(request())
                    + PingFrame(0, opaque_data=bytes(8)).serialize()
                    + WindowUpdateFrame(number, window_increment=9).serialize()
                )
                for _ in range(chance.randrange(1, 6)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                sock.sendall(data)
        wait_until(lambda: gateway.gateway.active == 0, what="the end")
        assert exchange(gateway, get())[0].startswith(b"HTTP/1.1 200")
    assert not [record for record in caplog.records if record.exc_info]


def test_the_end_of_a_connection_ends_all_its_streams() -> None:
    reached = Event()
    ended = Event()

    def serve(peer: Peer) -> None:
        peer.read_message()
        reached.set()
        assert peer.is_ended()
        ended.set()

    with proxied(serve) as (gateway, _):
        with http2_client(gateway) as client:
            client.begin(request())
            assert reached.wait(10)
        assert ended.wait(10)
        wait_until(lambda: gateway.gateway.active == 0, what="the end")
        assert gateway.stats.connections_writing == 0
