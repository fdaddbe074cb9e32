"""One suite over both builds of the head parser: the table of rules, and properties."""

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from colobus.errors import ProtocolError
from support.builds import load_builds

BUILDS = load_builds("colobus.gateway.wire")

SHARED_FACTS = ("lines", "connection", "upgrade", "content_length", "chunked", "http10", "size")
REQUEST_FACTS = (
    *SHARED_FACTS,
    *("keep_alive", "coding", "method", "target", "host", "forwarded_for", "forwarded_proto"),
    *("expect_continue", "start"),
)
RESPONSE_FACTS = (*SHARED_FACTS, "keep_alive", "coding", "status", "reason")


@pytest.fixture(params=BUILDS.values(), ids=list(BUILDS))
def wire(request: pytest.FixtureRequest) -> Any:
    return request.param


def request(*lines: bytes, start: bytes = b"GET / HTTP/1.1", host: bytes = b"a") -> bytes:
    """Return a head with the given lines after Host."""
    return b"\r\n".join((start, b"Host: " + host, *lines, b"", b""))


def response(*lines: bytes, start: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join((start, *lines, b"", b""))


def outcome(build: ModuleType, data: bytes, *, is_request: bool, limits: tuple[int, ...]) -> Any:
    """Return the facts, None, or the status of the error; anything else escapes."""
    parse = build.parse_request if is_request else build.parse_response
    try:
        head = parse(data, build.HeadLimits(*limits))
    except ProtocolError as error:
        return error.status
    if head is None:
        return None
    return {name: getattr(head, name) for name in (REQUEST_FACTS if is_request else RESPONSE_FACTS)}


def test_the_builds_say_which_they_are() -> None:
    assert {name: build.BUILD for name, build in BUILDS.items()} == {name: name for name in BUILDS}


def test_a_request_is_read_whole(wire: Any) -> None:
    data = (
        b"POST /a%2Fb?c=d HTTP/1.1\r\nhOsT:  Example.COM:8000 \r\nAccept: */*\r\n"
        b"Connection: Upgrade, keep-alive, X-Hop\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\n"
        b"TE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: Chunked\r\nUpgrade: websocket\r\n"
        b"Expect: 100-Continue\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\n"
        b"X-Forwarded-Proto: https\r\nX-Real-IP: 9.9.9.9\r\nX_under:\t\xc3\xa9 a\tb \r\nEmpty:\r\n"
        b"accept:x\r\n\r\nBODY"
    )
    head = wire.parse_request(data, wire.HeadLimits())
    assert {name: getattr(head, name) for name in REQUEST_FACTS} == {
        "method": b"POST",
        "target": b"/a%2Fb?c=d",
        "host": b"Example.COM:8000",
        "lines": b"Accept: */*\r\nX_under:\t\xc3\xa9 a\tb \r\nEmpty:\r\naccept:x\r\n",
        "connection": b"upgrade,x-hop",
        "upgrade": b"websocket",
        "forwarded_for": b"1.2.3.4, 5.6.7.8",
        "forwarded_proto": b"https",
        "content_length": -1,
        "chunked": True,
        "coding": b"Chunked",
        "http10": False,
        "keep_alive": True,
        "expect_continue": True,
        "size": len(data) - 4,
        "start": 0,
    }


def test_a_response_is_read_whole(wire: Any) -> None:
    data = (
        b"HTTP/1.1 404 Not  Found\r\nServer: x\r\nDate: today\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
        b"Content-Length: 12\r\nConnection: close\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n"
        b"Host: kept\r\nExpect: kept\r\nX-Real-IP: kept\r\n\r\nBODY"
    )
    head = wire.parse_response(data, wire.HeadLimits())
    assert {name: getattr(head, name) for name in RESPONSE_FACTS} == {
        "status": 404,
        "reason": b"Not  Found",
        "lines": b"Server: x\r\nDate: today\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
        b"Host: kept\r\nExpect: kept\r\nX-Real-IP: kept\r\n",
        "connection": None,
        "upgrade": b"h2c",
        "content_length": 12,
        "chunked": False,
        "coding": None,
        "http10": False,
        "keep_alive": False,
        "size": len(data) - 4,
    }


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", {"http10": True, "keep_alive": False, "host": None}),
        (b"\r\nGET / HTTP/1.0\r\n\r\n", {"start": 2, "size": 20, "method": b"GET"}),
        (request(start=b"OPTIONS * HTTP/1.1"), {"method": b"OPTIONS", "target": b"*"}),
        (request(start=b"M-SEARCH! /\xff HTTP/1.1"), {"method": b"M-SEARCH!", "target": b"/\xff"}),
        (request(), {"keep_alive": True, "lines": b"", "connection": None, "upgrade": None}),
        (request(b"Connection: close"), {"keep_alive": False, "connection": None}),
        (request(b"Connection: CLOSE , keep-alive"), {"keep_alive": False}),
        (request(b"Connection: keep-alive", b"Connection: close"), {"keep_alive": False}),
        (request(b"Connection: Keep-Alive", start=b"GET / HTTP/1.0"), {"keep_alive": True}),
        (request(b"Connection: a, ,B", b"Connection: c"), {"connection": b"a,b,c"}),
        (request(b"Connection:"), {"connection": None, "keep_alive": True}),
        (request(b"Connection: keep-alive-not"), {"connection": b"keep-alive-not"}),
        (request(b"Upgrade: a", b"Upgrade: b"), {"upgrade": b"a, b"}),
        (request(b"Content-Length: 0"), {"content_length": 0, "lines": b""}),
        (request(b"content-length:\t007 "), {"content_length": 7}),
        (request(b"Content-Length: 999999999999999999"), {"content_length": 10**18 - 1}),
        (request(b"Transfer-Encoding:chunked"), {"chunked": True}),
        (request(b"X-Forwarded-Proto: a", b"x-forwarded-proto: b"), {"forwarded_proto": b""}),
        (request(), {"forwarded_proto": None, "forwarded_for": None, "expect_continue": False}),
        (request(b"X-Forwarded-For:"), {"forwarded_for": b""}),
        (request(b"Expect: something"), {"expect_continue": False, "lines": b""}),
        (request(b"Expect: 100-continue", start=b"GET / HTTP/1.0"), {"expect_continue": False}),
        (request(host=b"[::1]:80"), {"host": b"[::1]:80"}),
        (request(host=b"a_b.C%41,x:y"), {"host": b"a_b.C%41,x:y"}),
        (
            request(b"TEX: 1", b"Hosts: 2", b"Te-: 3"),
            {"lines": b"TEX: 1\r\nHosts: 2\r\nTe-: 3\r\n"},
        ),
        (request(b"Te: 1", b"A: 1", b"tE: 2", b"B: 2", b"TE: 3"), {"lines": b"A: 1\r\nB: 2\r\n"}),
        (request(b"!#$%&'*+-.^_`|~: x"), {"lines": b"!#$%&'*+-.^_`|~: x\r\n"}),
    ],
)
def test_facts_of_a_request(wire: Any, data: bytes, facts: dict[str, object]) -> None:
    head = wire.parse_request(data, wire.HeadLimits())
    assert {name: getattr(head, name) for name in facts} == facts


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (response(start=b"HTTP/1.1 200"), {"status": 200, "reason": b""}),
        (response(start=b"HTTP/1.1 200 "), {"status": 200, "reason": b""}),
        (response(start=b"HTTP/1.1 599 \xe9\t!"), {"status": 599, "reason": b"\xe9\t!"}),
        (response(start=b"HTTP/1.1 100 Continue"), {"status": 100}),
        (response(start=b"HTTP/1.7 200 OK"), {"http10": False, "keep_alive": True}),
        (response(start=b"HTTP/1.0 200 OK"), {"http10": True, "keep_alive": False}),
        (response(b"Connection: keep-alive", start=b"HTTP/1.0 200 OK"), {"keep_alive": True}),
        (response(b"Transfer-Encoding: CHUNKED"), {"chunked": True, "content_length": -1}),
        (response(), {"content_length": -1, "lines": b"", "size": 19}),
    ],
)
def test_facts_of_a_response(wire: Any, data: bytes, facts: dict[str, object]) -> None:
    head = wire.parse_response(data, wire.HeadLimits())
    assert {name: getattr(head, name) for name in facts} == facts


LONG = b"x" * 9000

REFUSED_REQUESTS: list[tuple[bytes, int]] = [
    # RFC 9112 §2.2: bare CR and LF; RFC 9110 §5.5: control characters
    (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\nX", 400),
    (request(b"A: b\rc"), 400),
    (request(b"A: b\nc"), 400),
    (request(b"A: b\x00c"), 400),
    (request(b"A: b\x0bc"), 400),
    (request(b"A: b\x7fc"), 400),
    (request(b"A: b\r"), 400),
    (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    # RFC 9112 §3: request line
    (request(start=b"GET /"), 400),
    (request(start=b"GET  / HTTP/1.1"), 400),
    (request(start=b"GET /  HTTP/1.1"), 400),
    (request(start=b"GET / HTTP/1.1 "), 400),
    (request(start=b" GET / HTTP/1.1"), 400),
    (request(start=b"GET /a b HTTP/1.1"), 400),
    (request(start=b"GET\t/ HTTP/1.1"), 400),
    (request(start=b"GET /\t HTTP/1.1"), 400),
    (request(start=b"GET / HTTP/1.1\t"), 400),
    (request(start=b"GET  HTTP/1.1"), 400),
    (request(start=b" / HTTP/1.1"), 400),
    (request(start=b"G(T / HTTP/1.1"), 400),
    (request(start=b"G\xc9T / HTTP/1.1"), 400),
    (request(start=b"GET / http/1.1"), 400),
    (request(start=b"GET / HTTP/11"), 400),
    (request(start=b"GET / HTTP/1.10"), 400),
    (request(start=b"GET / HTTP/1.x"), 400),
    (request(start=b"GET / XTTP/1.1"), 400),
    # RFC 9110 §15.6.6: version
    (request(start=b"GET / HTTP/1.2"), 505),
    (request(start=b"GET / HTTP/2.0"), 505),
    (request(start=b"GET / HTTP/0.9"), 505),
    # limits
    (b"GET /" + LONG, 414),
    (request(start=b"GET /" + LONG + b" HTTP/1.1"), 414),
    (b"GET /" + LONG + b" HTTP/1.1\r\nHost: a\r\n", 414),
    (request(b"A: " + LONG), 400),
    (request(*[b"A: b"] * 100), 431),
    (request(*[b"A: " + b"x" * 8000] * 5), 431),
    (request(*[b"A: " + b"x" * 8000] * 5)[:32769], 431),
    # RFC 9112 §5.1, §5.2: header lines
    (request(b"A: b", b" folded"), 400),
    (request(b"A: b", b"\tfolded: x"), 400),
    (request(b" A: b"), 400),
    (request(b"A : b"), 400),
    (request(b"Host : b"), 400),
    (request(b"Content-Length : 1"), 400),
    (request(b"A\t: b"), 400),
    (request(b": b"), 400),
    (request(b"no colon"), 400),
    (request(b"Host"), 400),
    (request(b"Accept"), 400),
    (request(b"A(: b"), 400),
    (request(b"\xe9: b"), 400),
    # RFC 9112 §3.2: Host
    (b"GET / HTTP/1.1\r\nA: b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (request(b"Host: a"), 400),
    (request(b"host: a", start=b"GET / HTTP/1.0"), 400),
    (request(host=b""), 400),
    (request(host=b"a b"), 400),
    (request(host=b"a\tb"), 400),
    (request(host=b"a/b"), 400),
    (request(host=b"u@a"), 400),
    (request(host=b"a?b"), 400),
    (request(host=b"a#b"), 400),
    (request(host=b"a\\b"), 400),
    (request(host=b'a"b'), 400),
    (request(host=b"\xe9"), 400),
    # RFC 9110 §8.6, RFC 9112 §6.3: Content-Length
    (request(b"Content-Length: 1", b"Content-Length: 1"), 400),
    (request(b"Content-Length: 1", b"content-length: 2"), 400),
    (request(b"Content-Length: 1, 1"), 400),
    (request(b"Content-Length: +1"), 400),
    (request(b"Content-Length: -1"), 400),
    (request(b"Content-Length: 1 1"), 400),
    (request(b"Content-Length: 0x1"), 400),
    (request(b"Content-Length: 1_0"), 400),
    (request(b"Content-Length: 1.0"), 400),
    (request(b"Content-Length: \xb2"), 400),
    (request(b"Content-Length:"), 400),
    (request(b"Content-Length: 1000000000000000000"), 400),
    # RFC 9112 §6.1: Transfer-Encoding
    (request(b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400),
    (request(b"Transfer-Encoding: chunked", b"Content-Length: 0"), 400),
    (request(b"Transfer-Encoding: gzip", b"Content-Length: 0"), 400),
    (request(b"Transfer-Encoding: chunked", start=b"GET / HTTP/1.0"), 400),
    (request(b"Transfer-Encoding: gzip", start=b"GET / HTTP/1.0"), 400),
    (request(b"Transfer-Encoding: gzip"), 501),
    (request(b"Transfer-Encoding: gzip, chunked"), 501),
    (request(b"Transfer-Encoding: chunked, chunked"), 501),
    (request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 501),
    (request(b"Transfer-Encoding: identity"), 501),
    (request(b"Transfer-Encoding: xchunked"), 501),
    (request(b"Transfer-Encoding: chunked;q=1"), 501),
    (request(b"Transfer-Encoding:"), 501),
]


@pytest.mark.parametrize(("data", "status"), REFUSED_REQUESTS)
def test_a_request_that_can_be_read_in_two_ways_is_refused(
    wire: Any, data: bytes, status: int
) -> None:
    with pytest.raises(ProtocolError) as caught:
        wire.parse_request(data, wire.HeadLimits())
    assert (caught.value.status, bool(str(caught.value))) == (status, True)


@pytest.mark.parametrize(
    "data",
    [
        response(start=b"HTTP/2.0 200 OK"),
        response(start=b"HTTP/1 200 OK"),
        response(start=b"http/1.1 200 OK"),
        response(start=b"HTTP/1.1  200 OK"),
        response(start=b"HTTP/1.1 20 OK"),
        response(start=b"HTTP/1.1 2000 OK"),
        response(start=b"HTTP/1.1 099 OK"),
        response(start=b"HTTP/1.1 600 OK"),
        response(start=b"HTTP/1.1 2x0 OK"),
        response(start=b"HTTP/1.1\t200 OK"),
        response(start=b"HTTP/1.x 200 OK"),
        response(start=b"HTTP/1.1"),
        b"\r\n" + response(),
        b"\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        response(b"A: b\nc"),
        response(b"A : b"),
        response(b" folded"),
        response(b"A: " + LONG),
        response(start=b"HTTP/1.1 200 " + LONG),
        response(*[b"A: b"] * 101),
        response(*[b"A: " + b"x" * 8000] * 5),
        response(b"Content-Length: 1", b"Content-Length: 2"),
        response(b"Content-Length: 1", b"Content-Length: 1"),
        response(b"Content-Length: x"),
        response(b"Content-Length: 1", b"Transfer-Encoding: chunked"),
        response(b"Transfer-Encoding: gzip"),
        response(b"Transfer-Encoding: chunked", start=b"HTTP/1.0 200 OK"),
    ],
)
def test_a_response_that_can_be_read_in_two_ways_is_refused(wire: Any, data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        wire.parse_response(data, wire.HeadLimits())
    assert caught.value.status == 502


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(start=b"GET /567890 HTTP/1.1"), None),
        (request(start=b"GET /5678901 HTTP/1.1"), 414),
        (b"GET /56789012345678901"[:20], None),
        (b"GET /567890 HTTP/1.1\r", None),
        (b"\r\nGET /567890 HTTP/1.1\r", None),
        (b"GET /56789012345678901"[:21], 414),
        (request(b"A: 456789012"), None),
        (request(b"A: 4567890123"), 400),
        (request(b"A: 1", b"B: 2"), None),
        (request(b"A: 1", b"B: 2", b"C: 3"), 431),
    ],
)
def test_limits_of_lines_are_met_exactly(wire: Any, data: bytes, status: int | None) -> None:
    got = outcome(wire, data, is_request=True, limits=(20, 12, 64, 3))
    assert (got if isinstance(got, int) else None) == status


def test_the_limit_of_the_head_is_met_exactly(wire: Any) -> None:
    data = request(b"A: 1", host=b"a" * 6, start=b"GET /567890 HTTP/1.1")
    for size in range(22, len(data)):
        assert outcome(wire, data, is_request=True, limits=(20, 12, size, 3)) == 431
        assert outcome(wire, data[:size], is_request=True, limits=(20, 12, size, 3)) is None
    assert wire.parse_request(data, wire.HeadLimits(20, 12, len(data), 3)) is not None


def test_limits_are_values(wire: Any) -> None:
    limits = wire.HeadLimits(request_line=1)
    assert (limits.request_line, limits.header_line, limits.head) == (1, 8192, 32768)
    assert limits.header_count == 100
    assert limits == wire.HeadLimits(1)
    assert hash(limits) == hash(wire.HeadLimits(1))
    assert limits != wire.HeadLimits()
    assert limits != 1
    assert "request_line=1" in repr(limits)
    with pytest.raises(AttributeError):
        limits.head = 1


def test_a_representation_holds_no_secret(wire: Any) -> None:
    data = request(b"apikey: secret", start=b"GET /?apikey=secret HTTP/1.1")
    assert repr(wire.parse_request(data, wire.HeadLimits())).startswith("<RequestHead b'GET', ")
    answer = wire.parse_response(response(b"Set-Cookie: secret"), wire.HeadLimits())
    assert repr(answer) == "<ResponseHead 200, 39 bytes>"


def test_spellings_beyond_the_memo_are_still_read(wire: Any) -> None:
    for number in range(0, 5000, 90):
        lines = [b"X-%d-%d: 1" % (number, extra) for extra in range(90)]
        head = wire.parse_request(request(*lines, b"cOnnection: close"), wire.HeadLimits())
        assert head.lines == b"\r\n".join((*lines, b""))
        assert not head.keep_alive


LINES = b"Host-Like: 1\r\nAPIkey:  s\t\r\nX:\r\nX-Host: a: b\r\napikey:t\r\napikeys: u\r\n"


def test_a_value_is_found_by_its_name_in_any_case(wire: Any) -> None:
    assert wire.find(LINES, b"apikey") == b"s"
    assert wire.find(LINES, b"host-like") == b"1"
    assert wire.find(LINES, b"x") == b""
    assert wire.find(LINES, b"x-host") == b"a: b"
    assert wire.find(LINES, b"apikeys") == b"u"
    assert wire.find(LINES, b"host") is None
    assert wire.find(LINES, b"a") is None
    assert wire.find(b"", b"a") is None


def test_all_values_of_a_name_are_found_in_order(wire: Any) -> None:
    assert wire.find_all(LINES, b"apikey") == [b"s", b"t"]
    assert wire.find_all(LINES, b"like") == []
    assert wire.find_all(b"", b"a") == []


def test_lines_of_several_names_are_removed_at_once(wire: Any) -> None:
    names = (b"host-like", b"apikey", b"host")
    assert wire.remove_all(LINES, names) == b"X:\r\nX-Host: a: b\r\napikeys: u\r\n"
    assert wire.remove_all(LINES, (b"missing",)) == LINES
    assert wire.remove_all(LINES, ()) == LINES
    assert wire.remove_all(b"A: 1\r\nb: 2\r\n", (b"b", b"a")) == b""


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (b"", b"A: \r\n"),
        (b" \t\r\n", b"A: \r\n"),
        (b"\tb c\xff ", b"A: b c\xff\r\n"),
        (b"a\r\nB: 1", b"A: a  B: 1\r\n"),
        (b"a\0b\tc\x7f", b"A: a b\tc\r\n"),
    ],
)
def test_a_line_is_made_of_any_value(wire: Any, value: bytes, line: bytes) -> None:
    assert wire.line_of(b"A: ", value) == line


def test_lines_are_removed_by_name(wire: Any) -> None:
    assert wire.remove(LINES, b"apikey") == (
        b"Host-Like: 1\r\nX:\r\nX-Host: a: b\r\napikeys: u\r\n"
    )
    assert wire.remove(LINES, b"host-like") == LINES[14:]
    assert wire.remove(LINES, b"apikeys") == LINES[:-12]
    assert wire.remove(LINES, b"host") == LINES
    assert wire.remove(b"A: 1\r\na: 2\r\n", b"a") == b""
    assert wire.remove(b"", b"a") == b""


def test_a_connection_header_removes_what_it_names_but_never_framing(wire: Any) -> None:
    lines = b"Foo: 1\r\nHost: a\r\nContent-Length: 3\r\nBAR: 2\r\nfoo: 3\r\nDate: x\r\nbaz: 4\r\n"
    assert wire.drop_lines(lines, b"foo,bar,host,content-length,date,transfer-encoding") == (
        b"Host: a\r\nContent-Length: 3\r\nDate: x\r\nbaz: 4\r\n"
    )
    assert wire.drop_lines(lines, b"upgrade") == lines
    assert wire.drop_lines(b"", b"upgrade") == b""


def test_lines_are_listed_as_pairs(wire: Any) -> None:
    assert wire.names_and_values(LINES) == [
        (b"Host-Like", b"1"),
        (b"APIkey", b"s"),
        (b"X", b""),
        (b"X-Host", b"a: b"),
        (b"apikey", b"t"),
        (b"apikeys", b"u"),
    ]
    assert wire.names_and_values(b"") == []


# --- properties -------------------------------------------------------------------------------

NAMES = [
    *(b"Host", b"host", b"Connection", b"Content-Length", b"Transfer-Encoding", b"TE", b"Upgrade"),
    *(b"Expect", b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Real-IP", b"Keep-Alive", b"Accept"),
    *(b"X_y", b"Trailer", b"proxy-connection", b"Cookie", b"Accept", b"ETag", b"a", b"TEx"),
]
VALUES = [
    *(b"", b"a", b"close", b"keep-alive", b"Upgrade, close", b"chunked", b"gzip", b"12", b"+1"),
    *(b"100-continue", b"a b", b"x\ty", b"\xe9", b"1, 1", b"x" * 30),
]
STARTS = {
    True: [b"GET / HTTP/1.1", b"POST /a?b HTTP/1.0", b"GET / HTTP/2.0", b"\r\nPUT /a HTTP/1.1"],
    False: [b"HTTP/1.1 200 OK", b"HTTP/1.0 404", b"HTTP/1.1 999 x", b"HTTP/1.3 304 "],
}
# Mostly what is right: a head with three errors tells little.
SEPARATORS = [b": ", b": ", b": ", b":", b":\t", b": ", b" :", b""]
CHANGES = [b"", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b":", b"\xff", b"a", b"\t"]
LIMITS = st.sampled_from([(8192, 8192, 32768, 100), (16, 20, 80, 3), (60, 25, 50, 100)])


@st.composite
def heads(draw: st.DrawFn) -> tuple[bytes, bool]:
    """Draw something like a head, whole or with a few bytes changed, and whether a request."""
    is_request = draw(st.booleans())
    lines = [draw(st.sampled_from(STARTS[is_request]))]
    if draw(st.integers(0, 7)):
        lines.append(b"Host: a")
    for name, value in draw(
        st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=5)
    ):
        lines.append(name + draw(st.sampled_from(SEPARATORS)) + value)
    data = b"\r\n".join((*lines, b"", b""))
    for _ in range(max(0, draw(st.integers(-4, 2)))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 2))
        data = data[:at] + draw(st.sampled_from(CHANGES)) + data[at + cut :]
    return data, is_request


@given(head=heads(), limits=LIMITS)
@settings(max_examples=400, deadline=None)
def test_the_builds_agree_on_mutated_heads(
    head: tuple[bytes, bool], limits: tuple[int, ...]
) -> None:
    data, is_request = head
    outcomes = [
        outcome(build, data, is_request=is_request, limits=limits) for build in BUILDS.values()
    ]
    assert all(one == outcomes[0] for one in outcomes)


@given(data=st.binary(max_size=200), is_request=st.booleans(), limits=LIMITS)
@settings(max_examples=200, deadline=None)
def test_garbage_raises_nothing_but_protocol_errors(
    data: bytes, is_request: bool, limits: tuple[int, ...]
) -> None:
    outcomes = [
        outcome(build, data, is_request=is_request, limits=limits) for build in BUILDS.values()
    ]
    assert all(one == outcomes[0] for one in outcomes)


@given(head=heads(), limits=LIMITS)
@settings(max_examples=100, deadline=None)
def test_a_prefix_is_incomplete_or_refused_like_the_whole(
    head: tuple[bytes, bool], limits: tuple[int, ...]
) -> None:
    """Nothing is refused early that would be accepted once more bytes have come."""
    data, is_request = head
    for build in BUILDS.values():
        whole = outcome(build, data, is_request=is_request, limits=limits)
        for size in range(len(data)):
            part = outcome(build, data[:size], is_request=is_request, limits=limits)
            if isinstance(whole, dict):
                assert part == (None if size < whole["size"] else whole)
            elif whole is None:
                assert part is None


@given(
    lines=st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)).map(b": ".join), max_size=8
    ),
    name=st.sampled_from(NAMES).map(bytes.lower),
)
@settings(max_examples=100, deadline=None)
def test_the_builds_agree_on_lines(lines: list[bytes], name: bytes) -> None:
    blob = b"".join(line + b"\r\n" for line in lines)
    answers = [
        (
            build.find(blob, name),
            build.find_all(blob, name),
            build.remove(blob, name),
            build.drop_lines(blob, name + b",accept"),
            build.names_and_values(blob),
        )
        for build in BUILDS.values()
    ]
    assert all(one == answers[0] for one in answers)
    assert build_free_find(answers[0][4], name) == answers[0][1]


def build_free_find(pairs: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for spelt, value in pairs if spelt.lower() == name]
