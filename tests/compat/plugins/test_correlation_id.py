"""What clients and upstreams see of correlation-id (reference: plugins.md, correlation-id)."""

import re

import pytest

from support.plugins import configured
from support.proxying import client, exchange, get, proxied

pytestmark = pytest.mark.integration

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def header(head: bytes, name: str = "Kong-Request-ID") -> str | None:
    found = re.search(rf"\r\n{name}: (.*)\r\n", head.decode())
    return None if found is None else found[1]


@pytest.mark.parametrize(
    ("generator", "first", "second"),
    [
        ("uuid#counter", UUID + "#1", UUID + "#2"),
        ("uuid", UUID, UUID),
        ("tracker", r"127\.0\.0\.1-\d+-\d+-1-1-\d+\.\d{3}", r"127\.0\.0\.1-\d+-\d+-1-2-\d+\.\d{3}"),
    ],
)
def test_each_request_gets_an_id(generator: str, first: str, second: str) -> None:
    plugins = configured({"correlation-id": {"generator": generator, "echo_downstream": True}})
    with proxied(**plugins) as (gateway, upstream), client(gateway) as peer:
        for pattern in (first, second):
            peer.send(get())
            echoed = header(peer.read_message()[0])
            assert echoed is not None
            assert re.fullmatch(pattern, echoed)
            assert header(upstream.heads[-1]) == echoed


@pytest.mark.parametrize("generator", ["uuid#counter", "uuid", "tracker"])
def test_an_id_of_the_client_is_kept_and_echoed(generator: str) -> None:
    config = {"generator": generator, "echo_downstream": True, "header_name": "X-Id"}
    with proxied(**configured({"correlation-id": config})) as (gateway, upstream):
        head, _ = exchange(gateway, get(b"/", b"X-Id: mine"))
        assert header(head, "X-Id") == header(upstream.heads[0], "X-Id") == "mine"


def test_it_is_echoed_only_if_asked() -> None:
    with proxied(**configured({"correlation-id": {}})) as (gateway, upstream):
        head, _ = exchange(gateway, get())
        assert header(head) is None
        assert header(upstream.heads[0]) is not None


def test_a_request_that_ended_before_it_has_no_id() -> None:
    plugins = configured({"correlation-id": {"echo_downstream": True}, "key-auth": {}})
    with proxied(**plugins) as (gateway, _):
        head, _ = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 401 ")
        assert header(head) is None
