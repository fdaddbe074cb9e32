"""The record that log plugins get, member by member, of real exchanges."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from colobus.plugins.context import Exchange, ShortCircuit
from colobus.testing.gateway import GatewayHarness
from colobus.testing.resolver import StaticResolver
from support.phases import plugin, plugin_row
from support.ports import free_port
from support.proxying import client, exchange, get, proxied
from support.raw_upstream import Peer, RawUpstream, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration

Record = dict[str, Any]


@contextmanager
def recorded(**options: Any) -> Iterator[tuple[GatewayHarness, RawUpstream, list[Record]]]:
    """Start a gateway whose only plugin keeps the records; ``access`` is a phase of it."""
    records: list[Record] = []
    phases: dict[str, Any] = {"log": lambda seen: records.append(seen.log_record())}
    if "access" in options:
        phases["access"] = options.pop("access")
    probe = plugin(**phases)
    with proxied(plugins=[probe], plugin_rows=[plugin_row()], **options) as (gateway, upstream):
        yield gateway, upstream, records


def the_one(records: list[Record]) -> Record:
    wait_until(lambda: bool(records))
    (record,) = records
    return record


def test_a_proxied_request_has_every_member_of_the_record() -> None:
    def access(seen: Exchange) -> None:
        seen.consumer = {"id": "c1", "username": "bob", "custom_id": None}
        seen.credential = {"id": "k1", "consumer_id": "c1", "key": "secret"}
        seen.request.set_header("X-Consumer-ID", "c1")
        seen.request.query.set("added", "1")

    answer = reply(b"hello", b"X-Twice: 1", b"X-Twice: 2", b"Content-Type: text/plain")
    fields = {"hosts": ["shop.test"]}
    request = (
        get(b"/v1?a=1&b&a=x%20y", b"Accept: */*", b"Content-Length: 3", method=b"POST") + b"abc"
    )
    with recorded(access=access, answer=answer, fields=fields) as (gateway, upstream, records):
        head, body = exchange(gateway, request)
        record = the_one(records)
    assert set(record) == {
        "request", "response", "tries", "latencies", "api", "consumer", "authenticated_entity",
        "client_ip", "started_at",
    }  # fmt: skip
    assert record["request"] == {
        "uri": "/v1?a=1&b&a=x%20y",
        "request_uri": f"http://shop.test:{gateway.port}/v1?a=1&b&a=x%20y",
        "querystring": {"a": ["1", "x y"], "b": True, "added": "1"},
        "method": "POST",
        "headers": {
            "host": "shop.test", "accept": "*/*", "content-length": "3", "x-consumer-id": "c1",
        },
        "size": str(len(request)),
    }  # fmt: skip
    assert record["response"]["status"] == 200
    assert record["response"]["size"] == str(len(head) + len(body))
    headers = record["response"]["headers"]
    assert headers["x-twice"] == ["1", "2"]
    assert headers["content-length"] == "5"
    assert headers["via"].startswith("1.1 colobus/")
    assert record["tries"] == [{"ip": "127.0.0.1", "port": upstream.port}]
    assert record["authenticated_entity"] == {"id": "k1", "consumer_id": "c1"}
    assert record["consumer"] == {"id": "c1", "username": "bob"}
    assert record["api"]["name"] == "shop"
    assert record["api"]["headers"] == {"host": ["shop.test"]}
    assert record["client_ip"] == "127.0.0.1"
    assert abs(record["started_at"] / 1000 - gateway.clock.time()) < 10
    assert isinstance(record["started_at"], int)


def test_the_time_of_the_request_is_never_less_than_its_parts() -> None:
    def serve(peer: Peer) -> None:
        while True:
            peer.read_head()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
            peer.send(b"k")

    with recorded(serve=serve) as (gateway, _, records):
        for _ in range(20):
            exchange(gateway, get())
        wait_until(lambda: len(records) == 20)
    for record in records:
        latencies = record["latencies"]
        assert set(latencies) == {"request", "kong", "proxy"}
        assert latencies["request"] >= latencies["kong"] + latencies["proxy"]
        assert min(latencies.values()) >= 0


def test_the_wait_for_the_upstream_is_told_apart_from_the_rest() -> None:
    arrived: list[bytes] = []
    gate: list[bool] = []

    def serve(peer: Peer) -> None:
        arrived.append(peer.read_head())
        wait_until(lambda: bool(gate))
        peer.send(reply())

    with recorded(serve=serve) as (gateway, _, records), client(gateway) as peer:
        peer.send(get())
        wait_until(lambda: bool(arrived))
        gateway.jump(9)
        gate.append(True)
        peer.read_message()
        latencies = the_one(records)["latencies"]
    assert 9000 <= latencies["proxy"] <= latencies["request"] < 20_000
    assert latencies["kong"] < 5000


def test_what_a_plugin_answers_was_never_proxied() -> None:
    def access(_: Exchange) -> None:
        raise ShortCircuit(403, "no")

    with recorded(access=access) as (gateway, _, records):
        exchange(gateway, get())
        record = the_one(records)
    assert record["response"]["status"] == 403
    assert record["latencies"]["proxy"] == -1
    assert record["tries"] == []
    assert "consumer" not in record
    assert "authenticated_entity" not in record


def test_what_no_api_matches_has_no_api_and_no_tries() -> None:
    with recorded(fields={"uris": ["/only"]}) as (gateway, _, records):
        exchange(gateway, get(b"/other"))
        record = the_one(records)
    assert record["response"]["status"] == 404
    assert not {"api", "tries"} & set(record)


def test_every_attempt_is_told_and_the_failed_ones_say_how() -> None:
    port = free_port()
    fields = {"upstream_url": f"http://127.0.0.1:{port}", "retries": 2}
    with recorded(fields=fields) as (gateway, _, records):
        exchange(gateway, get())
        record = the_one(records)
    failed = {"ip": "127.0.0.1", "port": port, "state": "failed", "code": 502}
    assert record["tries"] == [failed, failed, failed]
    assert record["response"]["status"] == 502
    assert record["latencies"]["proxy"] >= 0


def test_an_attempt_that_succeeds_after_a_failed_one_has_no_state() -> None:
    resolver = StaticResolver({"service.test": ("127.0.0.2", "127.0.0.1")})
    with RawUpstream() as upstream:
        fields = {"upstream_url": f"http://service.test:{upstream.port}"}
        with recorded(fields=fields, resolver=resolver) as (gateway, _, records):
            for _ in range(2):  # whichever address has its turn first
                exchange(gateway, get())
            wait_until(lambda: len(records) == 2)
    good = {"ip": "127.0.0.1", "port": upstream.port}
    bad = {"ip": "127.0.0.2", "port": upstream.port, "state": "failed", "code": 502}
    assert sorted((record["tries"] for record in records), key=len) == [[good], [bad, good]]


def test_a_client_that_leaves_is_recorded_with_the_attempt_it_left() -> None:
    arrived: list[bytes] = []

    def serve(peer: Peer) -> None:
        arrived.append(peer.read_head())
        peer.read_all()

    with recorded(serve=serve) as (gateway, upstream, records):
        with client(gateway) as peer:
            peer.send(get())
            wait_until(lambda: bool(arrived))
        record = the_one(records)
    assert record["response"] == {"status": 499, "headers": {}, "size": "0"}
    assert record["tries"] == [{"ip": "127.0.0.1", "port": upstream.port}]


def test_a_chunked_body_counts_as_it_came() -> None:
    head = get(b"/", b"Transfer-Encoding: chunked", method=b"POST")
    body = b"5\r\nhello\r\n0\r\n\r\n"
    with recorded() as (gateway, _, records):
        exchange(gateway, head + body)
        record = the_one(records)
    assert record["request"]["size"] == str(len(head) + len(body))


@pytest.mark.parametrize(
    ("host", "shown"),
    [(b"SHOP.test:81", "shop.test"), (b"[::1]:80", "[::1]"), (b"[::1]", "[::1]")],
)
def test_the_address_of_the_request_has_the_port_of_the_server(host: bytes, shown: str) -> None:
    with recorded() as (gateway, _, records):
        exchange(gateway, b"GET /x HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
        record = the_one(records)
    assert record["request"]["request_uri"] == f"http://{shown}:{gateway.port}/x"


def test_of_a_long_query_a_hundred_arguments_are_told() -> None:
    query = b"&".join(b"a%d=1" % number for number in range(150))
    with recorded() as (gateway, _, records):
        exchange(gateway, get(b"/?" + query))
        record = the_one(records)
    assert len(record["request"]["querystring"]) == 100
