"""What clients see of request-size-limiting (reference: plugins.md, request-size-limiting)."""

import pytest

from colobus.model.schema import describe, validate
from colobus.plugins.request_size_limiting import RequestSizeLimitingConfig
from support.http2_client import http2_client, request
from support.plugins import configured
from support.proxying import client, exchange, get, proxied

pytestmark = pytest.mark.integration

TOO_LARGE = b'{"message":"Request size limit exceeded"}\n'
LIMIT = 1 << 20
ONE_MEBIBYTE = configured({"request-size-limiting": {"allowed_payload_size": 1}})


def post(size: int, *lines: bytes) -> bytes:
    return get(b"/", b"Content-Length: %d" % size, *lines, method=b"POST")


def test_exactly_the_limit_passes() -> None:
    with proxied(**ONE_MEBIBYTE) as (gateway, upstream):
        head, _ = exchange(gateway, post(LIMIT) + bytes(LIMIT))
        assert head.startswith(b"HTTP/1.1 200 ")
        assert len(upstream.bodies[0]) == LIMIT


def test_one_byte_more_is_refused_before_any_of_it_is_sent() -> None:
    with proxied(**ONE_MEBIBYTE) as (gateway, upstream):
        head, body = exchange(gateway, post(LIMIT + 1))
        assert (head[:13], body) == (b"HTTP/1.1 413 ", TOO_LARGE)
        assert upstream.connections == 0


@pytest.mark.parametrize("expect", [b"100-continue", b"100-CONTINUE"])
def test_who_asks_first_is_told_417_instead_of_to_continue(expect: bytes) -> None:
    with proxied(**ONE_MEBIBYTE) as (gateway, _):
        head, body = exchange(gateway, post(LIMIT + 1, b"Expect: " + expect))
        assert (head[:13], body) == (b"HTTP/1.1 417 ", TOO_LARGE)
        assert b"Connection: close\r\n" in head


def test_a_body_that_was_sent_nevertheless_is_read_past() -> None:
    with proxied(**ONE_MEBIBYTE) as (gateway, _), client(gateway) as peer:
        peer.send(post(LIMIT + 1))
        assert peer.read_message()[1] == TOO_LARGE
        peer.send(bytes(LIMIT + 1))


@pytest.mark.parametrize(("size", "status"), [(LIMIT, b"200"), (LIMIT + 1, b"413")])
def test_a_chunked_body_is_counted_on_its_way(size: int, status: bytes) -> None:
    with proxied(**ONE_MEBIBYTE) as (gateway, upstream), client(gateway) as peer:
        peer.send(get(b"/", b"Transfer-Encoding: chunked", method=b"POST"))
        half = size // 2
        for length in (half, size - half):
            peer.send(b"%x\r\n%b\r\n" % (length, bytes(length)))
        peer.send(b"0\r\n\r\n")
        head, body = peer.read_message()
        assert head[9:12] == status
        if status == b"413":
            assert body == TOO_LARGE
            assert upstream.bodies == []


def test_so_is_one_of_http2_without_a_stated_length() -> None:
    with proxied(**ONE_MEBIBYTE) as (gateway, _), http2_client(gateway) as peer:
        answer = peer.ask(request("/", method="POST"), bytes(LIMIT + 1))
        assert (answer.status, answer.body) == ("413", TOO_LARGE)
        assert peer.ask(request("/", method="POST"), bytes(LIMIT)).status == "200"


def test_requests_without_a_body_pass() -> None:
    with proxied(**configured({"request-size-limiting": {"allowed_payload_size": 0}})) as (
        gateway,
        _,
    ):
        assert exchange(gateway, get())[0].startswith(b"HTTP/1.1 200 ")
        assert exchange(gateway, post(0))[0].startswith(b"HTTP/1.1 200 ")
        assert exchange(gateway, post(1) + b"x")[0].startswith(b"HTTP/1.1 413 ")


def test_the_limit_is_128_mebibytes_unless_it_is_set() -> None:
    assert validate(RequestSizeLimitingConfig, {}).limit == 128 * LIMIT
    assert validate(RequestSizeLimitingConfig, {"allowed_payload_size": "0.5"}).limit == LIMIT // 2
    assert describe(RequestSizeLimitingConfig) == {
        "fields": {"allowed_payload_size": {"type": "number", "default": 128}}
    }
