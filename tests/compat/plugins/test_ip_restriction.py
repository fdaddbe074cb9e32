"""What clients see of ip-restriction (reference: plugins.md, ip-restriction)."""

from ipaddress import ip_network
from typing import Any

import pytest

from colobus.gateway.settings import GatewaySettings
from support.plugins import API_ID, configured
from support.proxying import exchange, get, proxied

pytestmark = pytest.mark.integration

REFUSED = b'{"message":"Your IP address is not allowed"}\n'


@pytest.mark.parametrize(
    ("config", "passes"),
    [
        ({"blacklist": ["127.0.0.1"]}, False),
        ({"blacklist": ["10.0.0.0/8"]}, True),
        ({"whitelist": ["127.0.0.0/8"]}, True),
        ({"whitelist": ["10.0.0.0/8"]}, False),
        ({"blacklist": ["0.0.0.0/0"]}, False),
    ],
)
def test_an_address_passes_or_is_told_that_it_does_not(
    config: dict[str, Any], passes: bool
) -> None:
    with proxied(**configured({"ip-restriction": config})) as (gateway, upstream):
        head, body = exchange(gateway, get())
        if passes:
            assert (head[:13], body) == (b"HTTP/1.1 200 ", b"ok")
        else:
            assert (head[:13], body) == (b"HTTP/1.1 403 ", REFUSED)
            assert b"Content-Type: application/json; charset=utf-8\r\n" in head
            assert upstream.connections == 0


@pytest.mark.parametrize(
    ("trusted", "forwarded", "passes"),
    [
        (("127.0.0.1/32", "127.0.0.3/32"), b"127.0.0.4, 127.0.0.3", False),
        (("127.0.0.1/32",), b"127.0.0.4", False),
        (("127.0.0.1/32",), b"127.0.0.4, 127.0.0.3", True),  # 127.0.0.3 might say anything
        ((), b"127.0.0.4", True),
    ],
)
def test_trusted_proxies_say_who_the_client_is(
    trusted: tuple[str, ...], forwarded: bytes, passes: bool
) -> None:
    settings = GatewaySettings(trusted_ips=tuple(map(ip_network, trusted)))
    plugins = configured({"ip-restriction": {"blacklist": ["127.0.0.4"]}})
    with proxied(settings=settings, **plugins) as (gateway, _):
        head, _ = exchange(gateway, get(b"/", b"X-Forwarded-For: " + forwarded))
        assert head[:13] == (b"HTTP/1.1 200 " if passes else b"HTTP/1.1 403 ")


def test_a_changed_list_holds_for_the_next_request() -> None:
    plugins = configured({"ip-restriction": {"blacklist": ["127.0.0.1"]}})
    with proxied(**plugins) as (gateway, _):
        assert exchange(gateway, get())[0].startswith(b"HTTP/1.1 403 ")
        row = {**plugins["plugin_rows"][0], "config": {"blacklist": ["127.0.0.2"]}}
        assert row["api_id"] == API_ID
        gateway.call(lambda: gateway.chains.put(row))
        assert exchange(gateway, get())[0].startswith(b"HTTP/1.1 200 ")


def test_a_client_without_credentials_hears_of_those_first() -> None:
    plugins = configured({"ip-restriction": {"blacklist": ["127.0.0.1"]}, "key-auth": {}})
    with proxied(**plugins) as (gateway, _):
        assert exchange(gateway, get())[0].startswith(b"HTTP/1.1 401 ")
