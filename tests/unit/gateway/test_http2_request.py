"""Heads of HTTP/2 requests: what they mean, and what breaks RFC 9113."""

import pytest

from colobus.errors import MalformedError, ProtocolError
from colobus.gateway.http2_request import HIDDEN_LENGTH, check_trailers, request_head
from colobus.gateway.wire import HeadLimits, RequestHead

LIMITS = HeadLimits()
PSEUDO = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/a?b")]
AUTHORITY = (b":authority", b"shop.test:8443")

Fields = list[tuple[bytes, bytes]]


def head(*fields: tuple[bytes, bytes], is_whole: bool = True) -> RequestHead:
    return request_head([*PSEUDO, AUTHORITY, *fields], LIMITS, is_whole=is_whole)


def without(name: bytes) -> Fields:
    return [field for field in [*PSEUDO, AUTHORITY] if field[0] != name]


def with_value(name: bytes, value: bytes) -> Fields:
    return [(n, value if n == name else v) for n, v in [*PSEUDO, AUTHORITY]]


def test_a_head_says_what_one_of_http11_would() -> None:
    read = head((b"accept", b"*/*"), (b"x-forwarded-for", b"10.0.0.1"), (b"te", b"trailers"))
    assert (read.method, read.target, read.host) == (b"GET", b"/a?b", b"shop.test:8443")
    assert read.lines == b"accept: */*\r\n"
    assert read.forwarded_for == b"10.0.0.1"
    assert read.keep_alive
    assert not read.http10
    assert not read.chunked
    assert read.content_length == -1


def test_cookies_become_one() -> None:
    assert head((b"cookie", b"a=1"), (b"x-a", b""), (b"cookie", b"b=2")).lines == (
        b"x-a: \r\ncookie: a=1; b=2\r\n"
    )


def test_host_stands_in_for_authority() -> None:
    fields = [*without(b":authority"), (b"host", b"shop.test")]
    assert request_head(fields, LIMITS, is_whole=True).host == b"shop.test"
    assert head((b"host", AUTHORITY[1])).host == AUTHORITY[1]


def test_a_body_has_a_stated_length_or_none() -> None:
    assert head(is_whole=False).chunked
    stated = head((HIDDEN_LENGTH, b"7"), is_whole=False)
    assert (stated.content_length, stated.chunked) == (7, False)
    assert head((HIDDEN_LENGTH, b"0")).content_length == 0
    assert head((b"expect", b"100-continue"), is_whole=False).expect_continue


def test_connect_names_an_authority_and_no_path() -> None:
    read = request_head([(b":method", b"CONNECT"), AUTHORITY], LIMITS, is_whole=True)
    assert (read.method, read.target) == (b"CONNECT", b"shop.test:8443")


MALFORMED: dict[str, Fields] = {
    "no method": without(b":method"),
    "no scheme": without(b":scheme"),
    "no path": without(b":path"),
    "empty method": with_value(b":method", b""),
    "empty path": with_value(b":path", b""),
    "path of another form": with_value(b":path", b"http://other.test/"),
    "path without a slash": with_value(b":path", b"a"),
    "no scheme at all": with_value(b":scheme", b"ht tp"),
    "line end in the path": with_value(b":path", b"/ HTTP/1.1\r\nx: y"),
    "line end in the method": with_value(b":method", b"GET / HTTP/1.1\r\nx: y\r\n\r\n"),
    "line end in the authority": with_value(b":authority", b"a\nx: y"),
    "pseudo-header twice": [*PSEUDO, AUTHORITY, (b":path", b"/")],
    "pseudo-header of an answer": [*PSEUDO, AUTHORITY, (b":status", b"200")],
    "pseudo-header of extended CONNECT": [*PSEUDO, AUTHORITY, (b":protocol", b"websocket")],
    "pseudo-header behind a field": [*PSEUDO, (b"accept", b"*/*"), AUTHORITY],
    "pseudo-header behind a cookie": [*PSEUDO, (b"cookie", b"a=1"), AUTHORITY],
    "authority and another host": [*PSEUDO, AUTHORITY, (b"host", b"other.test")],
    "CONNECT with a path": [(b":method", b"CONNECT"), (b":path", b"/"), AUTHORITY],
    "CONNECT to nowhere": [(b":method", b"CONNECT")],
    "length and no body": [*PSEUDO, AUTHORITY, (HIDDEN_LENGTH, b"7")],
    **{
        f"field {name!r}: {value!r}": [*PSEUDO, AUTHORITY, (name, value)]
        for name, value in (
            (b"Accept", b"*/*"),
            (b"", b""),
            (b"a b", b""),
            (b"a:b", b""),
            (b"a\r\nb", b""),
            (b"a\xff", b""),
            (b"x", b"a\r\nb: c"),
            (b"x", b"a\nb"),
            (b"x", b"a\0b"),
            (b"x", b" a"),
            (b"x", b"a\t"),
            (b"x", b" "),
            (b"connection", b"close"),
            (b"keep-alive", b"1"),
            (b"proxy-connection", b"close"),
            (b"transfer-encoding", b"chunked"),
            (b"upgrade", b"websocket"),
            (b"te", b"gzip"),
            (b"te", b"trailers, gzip"),
        )
    },
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_breaks_the_rules_is_malformed(what: str) -> None:
    with pytest.raises(MalformedError):
        request_head(MALFORMED[what], LIMITS, is_whole=True)


REFUSED: dict[str, tuple[Fields, int]] = {
    "no host": (without(b":authority"), 400),
    "empty authority": (with_value(b":authority", b""), 400),
    "user in the authority": (with_value(b":authority", b"me@shop.test"), 400),
    "two hosts": ([*without(b":authority"), (b"host", b"a"), (b"host", b"a")], 400),
    "space in the path": (with_value(b":path", b"/a b"), 400),
    "space in the method": (with_value(b":method", b"GET /x"), 400),
    "control character": ([*PSEUDO, AUTHORITY, (b"x", b"a\x01b")], 400),
    "length that is no number": ([*PSEUDO, AUTHORITY, (HIDDEN_LENGTH, b"+7")], 400),
    "two lengths": ([*PSEUDO, AUTHORITY, (HIDDEN_LENGTH, b"7"), (HIDDEN_LENGTH, b"7")], 400),
    "long path": (with_value(b":path", b"/" + b"a" * 8192), 414),
    "long field": ([*PSEUDO, AUTHORITY, (b"x", b"a" * 8192)], 400),
    "large head": ([*PSEUDO, AUTHORITY, *[(b"x", b"a" * 8000)] * 5], 431),
    "many fields": ([*PSEUDO, AUTHORITY, *[(b"x", b"a")] * 101], 431),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_http11_would_refuse_is_answered(what: str) -> None:
    fields, status = REFUSED[what]
    with pytest.raises(ProtocolError) as refused:
        request_head(fields, LIMITS, is_whole=False)
    assert not isinstance(refused.value, MalformedError)
    assert refused.value.status == status


def test_trailers_are_fields() -> None:
    check_trailers([(b"x-sum", b"5")])
    for field in ((b":path", b"/"), (b"X-Sum", b"5"), (b"connection", b"close")):
        with pytest.raises(MalformedError):
            check_trailers([field])
