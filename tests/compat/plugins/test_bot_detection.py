"""What clients see of bot-detection (reference: plugins.md, bot-detection)."""

import pytest

from support.plugins import configured
from support.proxying import client, exchange, get, proxied

pytestmark = pytest.mark.integration

BOT = b"User-Agent: Googlebot/2.1 (+http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((), b"200"),
        ((b"User-Agent: HelloWorld",), b"200"),
        ((b"User-Agent: curl/7.43.0",), b"200"),
        ((BOT,), b"403"),
        ((b"User-Agent: facebookexternalhit/1.1",), b"403"),
        ((b"User-Agent: ",), b"200"),
    ],
)
def test_robots_are_refused_the_second_time_as_the_first(
    lines: tuple[bytes, ...], status: bytes
) -> None:
    with proxied(**configured({"bot-detection": {}})) as (gateway, _), client(gateway) as peer:
        for _ in range(2):
            peer.send(get(b"/", *lines))
            assert peer.read_message()[0][9:12] == status


def test_the_page_of_a_refusal_is_the_one_the_client_accepts() -> None:
    with proxied(**configured({"bot-detection": {}})) as (gateway, upstream):
        assert exchange(gateway, get(b"/", BOT))[1] == b"Forbidden\n"
        body = exchange(gateway, get(b"/", BOT, b"Accept: application/json"))[1]
        assert body == b'{"message":"Forbidden"}\n'
        assert upstream.connections == 0


def test_two_agents_are_one_too_many() -> None:
    with proxied(**configured({"bot-detection": {}})) as (gateway, _):
        head, body = exchange(gateway, get(b"/", b"User-Agent: a", b"User-Agent: b"))
        assert head.startswith(b"HTTP/1.1 400 ")
        assert body == b'{"message":"Only one User-Agent header allowed"}\n'


def test_a_changed_list_holds_for_the_next_request() -> None:
    plugins = configured({"bot-detection": {}})
    with proxied(**plugins) as (gateway, _):
        assert exchange(gateway, get(b"/", BOT))[0].startswith(b"HTTP/1.1 403 ")
        row = {**plugins["plugin_rows"][0], "config": {"whitelist": ["Googlebot"]}}
        gateway.call(lambda: gateway.chains.put(row))
        assert exchange(gateway, get(b"/", BOT))[0].startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(("is_global", "is_marked"), [(False, False), (True, True)])
def test_a_refusal_has_headers_of_cors_only_where_that_is_global(
    is_global: bool, is_marked: bool
) -> None:
    plugins = configured({"bot-detection": {}, "cors": {}}, is_global=is_global)
    with proxied(**plugins) as (gateway, _):
        head, _ = exchange(gateway, get(b"/", BOT))
        assert (b"Access-Control-Allow-Origin: *" in head) is is_marked
