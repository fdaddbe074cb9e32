"""Answers the gateway gives itself, and the names it must resolve before it can ask anybody."""

import asyncio
import json
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from colobus.gateway.service import GatewaySettings
from colobus.testing.gateway import GatewayHarness
from colobus.testing.resolver import StaticResolver
from colobus.version import VERSION
from support.phases import plugin, plugin_row
from support.proxying import api, client, exchange, get, proxied
from support.waiting import wait_until

pytestmark = pytest.mark.integration

BEHIND_PROXY = GatewaySettings(trusted_ips=(ip_network("127.0.0.1/32"),))


def test_no_api_is_404_in_json_whatever_the_client_accepts() -> None:
    with GatewayHarness() as gateway:
        head, body = exchange(gateway, get(b"/", b"Accept: text/html"))
        lines = head.split(b"\r\n")
        assert lines[:3] == [
            b"HTTP/1.1 404 Not Found",
            b"Content-Type: application/json; charset=utf-8",
            b"Server: colobus/%b" % VERSION.encode(),
        ]
        assert lines[3].startswith(b"Date: ")
        assert lines[4:] == [b"Content-Length: 45", b"", b""]
        assert body == b'{"message":"no API found with those values"}\n'


def test_https_only_is_426_exactly_as_kong_says_it() -> None:
    with proxied(fields={"https_only": True}) as (gateway, upstream):
        head, body = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
        assert b"\r\nConnection: Upgrade\r\n" in head
        assert b"\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n" in head
        assert b"\r\nContent-Type: application/json; charset=utf-8\r\n" in head
        assert json.loads(body) == {"message": "Please use HTTPS protocol"}
        assert upstream.connections == 0


@pytest.mark.parametrize(
    ("settings", "terminated", "lines", "status"),
    [
        (BEHIND_PROXY, True, [b"https"], 200),
        (BEHIND_PROXY, True, [b"HTTPS"], 200),
        (BEHIND_PROXY, True, [b"http"], 426),
        (BEHIND_PROXY, True, [b"httpsa"], 426),
        (BEHIND_PROXY, True, [b"https,http"], 426),
        (BEHIND_PROXY, True, [b"https", b"https"], 426),
        (BEHIND_PROXY, True, [], 426),
        (BEHIND_PROXY, False, [b"https"], 426),
        (GatewaySettings(), True, [b"https"], 426),
    ],
)
def test_https_only_believes_a_trusted_proxy_where_the_api_allows_it(
    settings: GatewaySettings, lines: list[bytes], status: int, *, terminated: bool
) -> None:
    fields: dict[str, object] = {"https_only": True, "http_if_terminated": terminated}
    with proxied(fields=fields, settings=settings) as (gateway, _):
        head, _ = exchange(gateway, get(b"/", *(b"X-Forwarded-Proto: " + line for line in lines)))
        assert head.startswith(b"HTTP/1.1 %d " % status)


def test_answers_to_head_requests_have_no_body() -> None:
    with GatewayHarness() as gateway, client(gateway) as peer:
        for _ in range(2):
            peer.send(get(method=b"HEAD"))
            head, _ = peer.read_message(is_head=True)
            assert b"Content-Length: 45\r\n" in head


@pytest.mark.parametrize("is_slow", [False, True])
def test_a_named_upstream_is_resolved(*, is_slow: bool) -> None:
    resolver = StaticResolver({"items.test": ["127.0.0.1"]})
    resolver.is_slow = is_slow
    with proxied(resolver=resolver) as (gateway, upstream):
        row = api(f"http://items.test:{upstream.port}")
        gateway.call(lambda: gateway.router.put(row))
        for _ in range(2):
            assert exchange(gateway, get())[1] == b"ok"
        assert b"\r\nHost: items.test:%d\r\n" % upstream.port in upstream.heads[0]
        assert upstream.connections == 1


@pytest.mark.parametrize("is_slow", [False, True])
def test_a_name_without_an_address_is_503_before_any_plugin(*, is_slow: bool) -> None:
    resolver = StaticResolver()
    resolver.is_slow = is_slow
    seen: list[str] = []
    probe = plugin(access=lambda _: seen.append("access"))
    rows = [api("http://gone.test")]
    with (
        GatewayHarness(
            rows, resolver=resolver, plugins=[probe], plugin_rows=[plugin_row()]
        ) as gateway,
        client(gateway) as peer,
    ):
        for _ in range(2):
            peer.send(get())
            head, body = peer.read_message()
            assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert b"Content-Type: application/json; charset=utf-8\r\n" in head
            assert body == b'{"message":"Service unavailable"}\n'
        assert seen == []


def test_another_address_of_the_name_is_tried_next() -> None:
    resolver = StaticResolver({"items.test": ["127.0.0.2", "127.0.0.1"]})
    with proxied(resolver=resolver) as (gateway, upstream):
        row = api(f"http://items.test:{upstream.port}", retries=1)
        gateway.call(lambda: gateway.router.put(row))
        for _ in range(4):
            assert exchange(gateway, get())[1] == b"ok"


def test_the_addresses_of_a_name_take_turns() -> None:
    resolver = StaticResolver({"items.test": ["127.0.0.1", "127.0.0.2"]})
    with proxied(resolver=resolver) as (gateway, upstream):
        row = api(f"http://items.test:{upstream.port}", retries=0)
        gateway.call(lambda: gateway.router.put(row))
        statuses = [exchange(gateway, get())[0][9:12] for _ in range(6)]
        assert sorted(statuses) == [b"200"] * 3 + [b"502"] * 3


def test_a_client_that_leaves_while_a_name_is_resolved_costs_nothing() -> None:
    class Stuck(StaticResolver):
        async def resolve(self, name: str) -> Sequence[str]:
            self.asked.append(name)
            await asyncio.sleep(60)
            return ()

    resolver = Stuck()
    resolver.is_slow = True
    with GatewayHarness([api("http://slow.test")], resolver=resolver) as gateway:
        with client(gateway) as peer:
            peer.send(get())
            wait_until(lambda: resolver.asked == ["slow.test"])
        wait_until(lambda: gateway.stats.connections_active == 0)
        assert gateway.failures == []
