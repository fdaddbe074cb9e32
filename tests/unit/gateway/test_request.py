"""The request as plugins see and change it."""

import pytest

from colobus.gateway.request import Request
from colobus.gateway.wire import HeadLimits, parse_request
from colobus.plugins.context import HeaderChanges

HEAD = (
    b"POST http://a.test/p%20q?x=1 HTTP/1.1\r\nHost: A.test:80\r\nX-One: 1\r\nx-one:  2 \r\n"
    b"Content-Length: 0\r\nConnection: close, X-Hop\r\nUpgrade: h2c\r\nExpect: 100-continue\r\n"
    b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nAccept: \xc3\xa9\xff\r\n\r\n"
)


def request() -> Request:
    head = parse_request(HEAD, HeadLimits())
    assert head is not None
    return Request(head, b"/p%20q", b"x=1", "http", head.host, None)


def test_the_request_line_is_as_it_came() -> None:
    seen = request()
    assert seen.method == "POST"
    assert seen.target == "http://a.test/p%20q?x=1"
    assert seen.request_line == "POST http://a.test/p%20q?x=1 HTTP/1.1"
    assert seen.path == "/p%20q"
    assert seen.scheme == "http"
    assert list(seen.query.get_all("x")) == ["1"]


@pytest.mark.parametrize("protocol", [b"HTTP/1.0", b"HTTP/2.0"])
def test_the_request_line_of_another_protocol_says_so(protocol: bytes) -> None:
    head = parse_request(b"GET /x HTTP/1.0\r\n\r\n", HeadLimits())
    assert head is not None
    seen = Request(head, b"/x", None, "http", None, None, protocol)
    assert seen.request_line == "GET /x " + protocol.decode()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("X-ONE", ["1", "2"]),
        ("missing", []),
        ("host", ["A.test:80"]),
        ("Content-Length", ["0"]),
        ("Transfer-Encoding", []),
        ("Connection", ["x-hop"]),
        ("Upgrade", ["h2c"]),
        ("Expect", ["100-continue"]),
        ("X-Forwarded-For", ["1.2.3.4"]),
        ("X-Forwarded-Proto", ["https"]),
        ("X-Real-IP", []),
        ("Accept", ["é\udcff"]),
    ],
)
def test_headers_are_found_by_name_in_any_case(name: str, values: list[str]) -> None:
    assert request().get_headers(name) == values
    assert request().get_header(name) == (values[0] if values else None)


def test_headers_can_be_changed() -> None:
    seen = request()
    seen.set_header("X-One", "new")
    seen.add_header("X-Two", "a")
    seen.add_header("X-Two", "b")
    seen.remove_header("ACCEPT")
    assert seen.head.lines == b"X-One: new\r\nX-Two: a\r\nX-Two: b\r\n"


@pytest.mark.parametrize("name", ["Content-Length", "Connection", "x-real-ip", "TE", "Upgrade"])
def test_what_is_the_gateways_own_stays_so(name: str) -> None:
    seen = request()
    before = seen.head.lines
    seen.set_header(name, "1")
    seen.add_header(name, "2")
    seen.remove_header(name)
    assert seen.head.lines == before


def test_host_can_be_set_for_the_upstream_and_taken_back() -> None:
    seen = request()
    seen.set_header("host", "other.test")
    assert seen.get_header("Host") == "other.test"
    seen.add_header("Host", "third.test")
    assert seen.host == b"third.test"
    seen.remove_header("Host")
    assert seen.get_header("Host") == "A.test:80"


async def test_a_request_without_a_body_reads_as_empty_and_can_be_given_one() -> None:
    seen = request()
    assert await seen.body() == b""
    seen.set_body(b"new")
    assert await seen.body() == b"new"


def test_several_headers_are_changed_at_once() -> None:
    changes = HeaderChanges({"X-One": "3\r\n", "Accept": None, "X-Two": "é", "Connection": "no"})
    for _ in range(2):  # made once, applied to any request
        seen = request()
        seen.change_headers(changes)
        assert seen.head.lines == "X-One: 3\r\nX-Two: é\r\n".encode()
        assert seen.get_headers("Connection") == ["x-hop"]


@pytest.mark.parametrize("name", ["Host", "a b"])
def test_headers_that_cannot_be_changed_at_once_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"Host is no|is no header name"):
        request().change_headers(HeaderChanges({name: "1"}))
