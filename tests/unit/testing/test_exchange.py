"""The in-memory exchange, which plugin tests rely on."""

import pytest

from colobus.plugins.context import Exchange, ShortCircuit
from colobus.testing.exchange import MemoryExchange, MemoryQuery, MemoryRequest


def test_an_exchange_is_what_plugins_are_promised() -> None:
    exchange: Exchange = MemoryExchange()
    assert (exchange.request.method, exchange.request.path) == ("GET", "/")
    assert exchange.response.status == 0
    assert exchange.api == {"id": "api"}
    assert exchange.consumer is exchange.credential is None
    assert (exchange.client_ip, exchange.server_address) == ("127.0.0.1", ("127.0.0.1", 8000))
    assert (exchange.connection_serial, exchange.request_serial) == (1, 1)


def test_headers_are_found_in_any_letter_case_and_kept_in_order() -> None:
    request = MemoryRequest(headers=[("A", "1"), ("b", "2"), ("a", "3")])
    assert request.get_header("a") == "1"
    assert request.get_headers("A") == ["1", "3"]
    request.set_header("a", "4")
    request.add_header("B", "5")
    assert request.headers == [("b", "2"), ("a", "4"), ("B", "5")]
    request.remove_header("B")
    assert request.headers == [("a", "4")]
    assert request.get_header("b") is None


def test_a_target_is_taken_apart() -> None:
    request = MemoryRequest(target="/a%20b?x=1&y")
    assert request.path == "/a%20b"
    assert request.target == "/a%20b?x=1&y"
    assert request.request_line == "GET /a%20b?x=1&y HTTP/1.1"
    assert request.query.get_all("y") == [True]


def test_query_arguments_are_decoded_and_the_others_keep_their_bytes() -> None:
    query = MemoryQuery("a=1&b=%7e+x&a&%61=2")
    assert list(query.get_all("a")) == ["1", True, "2"]
    assert list(query.get_all("b")) == ["~ x"]
    query.remove("a")
    assert query.text == "b=%7e+x"
    query.set("c&", "d=")
    assert query.text == "b=%7e+x&c%26=d%3D"
    query.remove("b")
    query.remove("c&")
    assert query.text == ""
    assert list(query.get_all("")) == []


async def test_a_body_is_replaced_only_after_it_was_read() -> None:
    request = MemoryRequest(content=b"abc")
    with pytest.raises(RuntimeError):
        request.set_body(b"x")
    with pytest.raises(ShortCircuit, match="413"):
        await request.body(2)
    assert await request.body(3) == b"abc"
    request.set_body(b"x")
    assert request.content == b"x"
