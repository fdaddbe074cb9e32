"""The access log: one line for every request, whatever became of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from colobus.gateway.settings import GatewaySettings
from colobus.plugins.context import Exchange, ShortCircuit
from colobus.testing.gateway import GatewayHarness
from support.phases import plugin, plugin_row
from support.ports import free_port
from support.proxying import client, exchange, get, proxied
from support.raw_upstream import Peer, Serve, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration

LINE = re.compile(
    rb"(?P<address>\S+) - (?P<user>\S+) \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
    rb'"(?P<request>[^"]*)" (?P<status>\d{3}) (?P<size>\d+) "(?P<referer>[^"]*)" '
    rb'"(?P<agent>[^"]*)" (?P<time>\d+\.\d{3}) (?P<upstream>\d+\.\d{3}|-)\n'
)


class Log:
    """Takes the blocks of a gateway's access log."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self.gateway: GatewayHarness

    @property
    def text(self) -> bytes:
        """Everything logged so far."""
        self.gateway.call(self.gateway.gateway.flush_log)
        return b"".join(self.blocks)

    def lines(self, count: int = 1) -> list[dict[str, bytes]]:
        """Return the lines, as soon as there are so many of them."""
        text = wait_until(lambda: self.text if self.text.count(b"\n") >= count else None)
        matches = [LINE.fullmatch(line) for line in text.splitlines(keepends=True)]
        assert len(matches) == count
        assert all(matches), text
        return [match.groupdict() for match in matches if match is not None]


@contextmanager
def logged(serve: Serve | None = None, **harness: Any) -> Iterator[tuple[GatewayHarness, Log]]:
    log = Log()
    with proxied(serve, access_log=log.blocks.append, **harness) as (gateway, _):
        log.gateway = gateway
        yield gateway, log


def test_a_proxied_request_is_a_line_of_the_documented_format() -> None:
    with logged(answer=reply(b"x" * 1234)) as (gateway, log):
        exchange(gateway, get(b"/a?b=c", b"User-Agent: curl/8", b"Referer: http://x/y"))
        (line,) = log.lines()
    assert (line.pop("time"), line.pop("upstream")) <= (b"5.000", b"5.000")
    assert line == {
        "address": b"127.0.0.1", "user": b"-", "request": b"GET /a?b=c HTTP/1.1",
        "status": b"200", "size": b"1234", "referer": b"http://x/y", "agent": b"curl/8",
    }  # fmt: skip


def test_text_of_a_client_forges_no_line() -> None:
    with logged() as (gateway, log):
        exchange(gateway, get(b'/"%0A', b'User-Agent: x" 500\\', b"Referer: \xff\x7f"[:-1]))
        (line,) = log.lines()
    assert line["request"] == rb"GET /\x22%0A HTTP/1.1"
    assert line["agent"] == rb"x\x22 500\x5C"
    assert line["referer"] == rb"\xFF"


@pytest.mark.parametrize(
    ("sent", "status", "request_line"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400", b"GET / HTTP/1.1"),  # no Host
        (b"\x16\x03\x01\x02\r\n\r\n", b"400", rb"\x16\x03\x01\x02"),
        (b"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", b"400", rb"GET /a\x09b HTTP/1.1"),
        (b"GET /" + b"a" * 9000, b"414", b"GET /" + b"a" * 1019),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", b"400", b"CONNECT a:1 HTTP/1.1"),
        (get(b"/", b"Transfer-Encoding: chunked", method=b"POST") + b"zz\r\n", b"400",
         b"POST / HTTP/1.1"),
    ],
    ids=["no host", "tls", "tab", "too long", "connect", "bad chunk"],
)  # fmt: skip
def test_what_is_refused_is_logged_too(sent: bytes, status: bytes, request_line: bytes) -> None:
    with logged() as (gateway, log):
        with client(gateway) as peer:
            peer.send(sent)
            head, body = peer.read_message()
        (line,) = log.lines()
    assert head.split()[1] == status
    assert (line["status"], line["request"]) == (status, request_line)
    assert int(line["size"]) == len(body)
    assert line["upstream"] == b"-"


def test_a_head_that_does_not_come_is_logged_with_the_time_it_took() -> None:
    with logged() as (gateway, log), client(gateway) as peer:
        peer.send(b"GET /slow HTTP/1.1\r\nHost")
        wait_until(lambda: gateway.call(lambda: _is_reading(gateway)))
        gateway.jump(61)
        assert b" 408 " in peer.read_head()
        (line,) = log.lines()
    assert (line["status"], line["request"]) == (b"408", b"GET /slow HTTP/1.1")
    assert float(line["time"]) >= 60


def test_a_client_that_leaves_in_the_middle_of_its_head_is_logged_once() -> None:
    with logged() as (gateway, log):
        with client(gateway) as peer:
            peer.send(b"GET /half HTTP/1.1\r\nHost")
        (line,) = log.lines()
        with client(gateway):
            pass  # one that says nothing asked for nothing
        wait_until(lambda: gateway.stats.connections_accepted == 2)
        wait_until(lambda: gateway.stats.connections_active == 0)
        assert len(log.lines()) == 1
    assert (line["status"], line["size"], line["request"]) == (b"400", b"0", b"GET /half HTTP/1.1")


def test_a_slow_head_counts_into_the_time_of_its_request() -> None:
    with logged() as (gateway, log), client(gateway) as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: ")
        wait_until(lambda: gateway.call(lambda: _is_reading(gateway)))
        gateway.jump(7)
        peer.send(b"shop.test\r\n\r\n")
        peer.read_message()
        peer.send(get())
        peer.read_message()
        slow, quick = log.lines(2)
    assert 7 <= float(slow["time"]) < 12
    assert float(quick["time"]) < 7
    assert float(slow["upstream"]) < 7


def _is_reading(gateway: GatewayHarness) -> bool:
    return any(each.buffer for each in gateway.gateway.environment.clients)


def test_a_client_that_leaves_is_a_499() -> None:
    arrived: list[bytes] = []

    def serve(peer: Peer) -> None:
        arrived.append(peer.read_head())
        peer.read_all()

    with logged(serve) as (gateway, log):
        with client(gateway) as peer:
            peer.send(get(b"/gone"))
            wait_until(lambda: bool(arrived))
        (line,) = log.lines()
    assert (line["status"], line["size"], line["request"]) == (b"499", b"0", b"GET /gone HTTP/1.1")
    assert line["upstream"] != b"-"


def test_a_dead_upstream_is_a_502_with_the_time_it_cost() -> None:
    fields = {"upstream_url": f"http://127.0.0.1:{free_port()}", "retries": 1}
    with logged(fields=fields) as (gateway, log):
        exchange(gateway, get())
        (line,) = log.lines()
    assert line["status"] == b"502"
    assert line["upstream"] != b"-"


def test_an_answer_broken_off_is_logged_with_what_went_out() -> None:
    def serve(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    with logged(serve) as (gateway, log):
        with client(gateway) as peer:
            peer.send(get())
            peer.read_all()
        (line,) = log.lines()
    assert (line["status"], line["size"]) == (b"200", b"4")


def test_an_answer_to_head_has_no_body_to_count() -> None:
    with logged(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n") as (gateway, log):
        exchange(gateway, get(method=b"HEAD"), is_head=True)
        (line,) = log.lines()
    assert (line["size"], line["request"]) == (b"0", b"HEAD / HTTP/1.1")


def test_an_answer_of_the_gateway_counts_its_body_alone() -> None:
    with logged(fields={"uris": ["/only"]}) as (gateway, log):
        _, body = exchange(gateway, get(b"/other"))
        (line,) = log.lines()
    assert line["status"] == b"404"
    assert int(line["size"]) == len(body) > 0
    assert line["upstream"] == b"-"


def test_a_tunnel_has_its_line_when_it_ends_with_what_went_through_it() -> None:
    def serve(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nfirst")
        peer.send(peer.read(4) * 1000)

    handshake = get(b"/chat", b"Connection: Upgrade", b"Upgrade: websocket")
    with logged(serve) as (gateway, log):
        with client(gateway) as peer:
            peer.send(handshake)
            peer.read_head()
            assert peer.read(5) == b"first"
            assert log.text == b""
            peer.send(b"ping")
            assert peer.read_all() == b"ping" * 1000
        (line,) = log.lines()
    assert (line["status"], line["size"]) == (b"101", b"4005")


def test_the_protocol_is_the_clients() -> None:
    with logged() as (gateway, log):
        exchange(gateway, b"GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n")
        (line,) = log.lines()
    assert line["request"] == b"GET / HTTP/1.0"


def test_the_user_is_the_consumer_that_was_authenticated() -> None:
    def access(seen: Exchange) -> None:
        seen.consumer = {"id": "1", "username": "bob smith"}

    harness: dict[str, Any] = {"plugins": [plugin(access=access)], "plugin_rows": [plugin_row()]}
    with logged(**harness) as (gateway, log):
        exchange(gateway, get(b"/", b"Authorization: Basic bWFsbG9yeTp4"))
        (line,) = log.lines()
    assert line["user"] == rb"bob\x20smith"


@pytest.mark.parametrize(
    ("trusted", "address"), [((), b"127.0.0.1"), (("127.0.0.0/8",), b"9.9.9.9")]
)
def test_the_address_is_the_clients_as_far_as_it_is_believed(
    trusted: tuple[str, ...], address: bytes
) -> None:
    settings = GatewaySettings(trusted_ips=tuple(map(ip_network, trusted)))
    with logged(settings=settings) as (gateway, log):
        exchange(gateway, get(b"/", b"X-Forwarded-For: 9.9.9.9"))
        (line,) = log.lines()
    assert line["address"] == address


def test_a_request_that_a_plugin_ends_is_logged_once() -> None:
    def refuse(_: Exchange) -> None:
        raise ShortCircuit(403, "no")

    harness: dict[str, Any] = {"plugins": [plugin(access=refuse)], "plugin_rows": [plugin_row()]}
    with logged(**harness) as (gateway, log):
        exchange(gateway, get())
        (line,) = log.lines()
    assert (line["status"], line["upstream"]) == (b"403", b"-")


def test_pipelined_requests_are_lines_in_their_order() -> None:
    with logged() as (gateway, log), client(gateway) as peer:
        peer.send(b"".join(get(b"/%d" % number) for number in range(5)))
        for _ in range(5):
            peer.read_message()
        lines = log.lines(5)
    assert [line["request"] for line in lines] == [b"GET /%d HTTP/1.1" % n for n in range(5)]


def test_lines_leave_after_a_second_without_being_asked_for() -> None:
    with logged() as (gateway, log):
        exchange(gateway, get())
        wait_until(lambda: gateway.call(lambda: _waiting(gateway)) == 1)
        assert not log.blocks
        gateway.jump(1.1)
        wait_until(lambda: bool(log.blocks))
        exchange(gateway, get())  # the timer is armed anew for what comes later
        gateway.jump(1.1)
        wait_until(lambda: len(log.blocks) == 2)


def _waiting(gateway: GatewayHarness) -> int:
    access_log = gateway.gateway.environment.access_log
    return 0 if access_log is None else len(access_log.lines)


def test_lines_leave_in_blocks_when_there_are_many() -> None:
    with logged() as (gateway, log), client(gateway) as peer:
        target = b"/" + b"a" * 4000
        for _ in range(17):
            peer.send(get(target))
            peer.read_message()
        wait_until(lambda: bool(log.blocks))
        assert 60_000 < len(log.blocks[0]) < 72_000
