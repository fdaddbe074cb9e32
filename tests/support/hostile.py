"""Messages meant to be read in two ways: one table for tests, comparisons and fuzzing.

Each entry is a whole message. Behind it the tests put another one, which must never be read.
"""

from typing import Final

__all__ = ["HONEST_REQUESTS", "HOSTILE_ANSWERS", "HOSTILE_BODIES", "HOSTILE_HEADS"]

LONG: Final = b"x" * 9000


def head(*lines: bytes, start: bytes = b"POST / HTTP/1.1", host: bytes | None = b"a") -> bytes:
    """Return a request head with ``lines`` behind Host."""
    hosts = [] if host is None else [b"Host: " + host]
    return b"\r\n".join((start, *hosts, *lines, b"", b""))


def chunked(body: bytes) -> bytes:
    """Return a chunked request with ``body`` as its framing."""
    return head(b"Transfer-Encoding: chunked") + body


HOSTILE_HEADS: Final[dict[str, tuple[bytes, int]]] = {
    # Two lengths (RFC 9112 §6.1, §6.3).
    "length-and-coding": (
        head(b"Content-Length: 6", b"Transfer-Encoding: chunked") + b"0\r\n\r\nX",
        400,
    ),
    "coding-and-length": (
        head(b"Transfer-Encoding: chunked", b"Content-Length: 3") + b"1\r\nZ\r\n0\r\n\r\n",
        400,
    ),
    "two-lengths": (head(b"Content-Length: 0", b"Content-Length: 5") + b"hello", 400),
    "same-length-twice": (head(b"Content-Length: 5", b"Content-Length: 5") + b"hello", 400),
    "length-list": (head(b"Content-Length: 5, 5") + b"hello", 400),
    "length-plus": (head(b"Content-Length: +5") + b"hello", 400),
    "length-minus": (head(b"Content-Length: -1"), 400),
    "length-hex": (head(b"Content-Length: 0x5") + b"hello", 400),
    "length-underscore": (head(b"Content-Length: 1_0") + b"hellohello", 400),
    "length-fraction": (head(b"Content-Length: 5.0") + b"hello", 400),
    "length-space": (head(b"Content-Length: 5 0") + b"hello", 400),
    "length-empty": (head(b"Content-Length:"), 400),
    "length-too-large": (head(b"Content-Length: 18446744073709551621") + b"hello", 400),
    "length-wide-digit": (head(b"Content-Length: \xef\xbc\x95") + b"hello", 400),
    "length-space-before-colon": (head(b"Content-Length : 5") + b"hello", 400),
    "length-tab-before-colon": (head(b"Content-Length\t: 5") + b"hello", 400),
    "length-folded": (head(b"Content-Length:", b" 5") + b"hello", 400),
    # Codings that one reader knows and another does not (RFC 9112 §6.1).
    "coding-identity": (head(b"Transfer-Encoding: identity"), 501),
    "coding-gzip": (head(b"Transfer-Encoding: gzip"), 501),
    "coding-twice": (head(*[b"Transfer-Encoding: chunked"] * 2) + b"0\r\n\r\n", 501),
    "coding-list": (head(b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n", 501),
    "coding-prefixed": (head(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n", 501),
    "coding-quoted": (head(b'Transfer-Encoding: "chunked"') + b"0\r\n\r\n", 501),
    "coding-parameter": (head(b"Transfer-Encoding: chunked;a=b") + b"0\r\n\r\n", 501),
    "coding-comma": (head(b"Transfer-Encoding: ,chunked") + b"0\r\n\r\n", 501),
    "coding-empty": (head(b"Transfer-Encoding:"), 501),
    "coding-vertical-tab": (head(b"Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n", 400),
    "coding-no-break-space": (head(b"Transfer-Encoding: \xa0chunked") + b"0\r\n\r\n", 501),
    "coding-space-before-colon": (head(b"Transfer-Encoding : chunked") + b"0\r\n\r\n", 400),
    "coding-folded": (head(b"Transfer-Encoding:", b"\tchunked") + b"0\r\n\r\n", 400),
    "coding-leading-space": (head(b" Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "coding-behind-bare-lf": (head(b"A: b\nTransfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "coding-behind-bare-cr": (head(b"A: b\rTransfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "coding-in-http10": (
        head(b"Transfer-Encoding: chunked", start=b"POST / HTTP/1.0") + b"0\r\n\r\n",
        400,
    ),
    # Line ends and control characters (RFC 9112 §2.2, RFC 9110 §5.5).
    "bare-lf-everywhere": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "bare-lf-at-the-end": (b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
    "bare-cr": (b"GET / HTTP/1.1\rHost: a\r\r\r\n\r\n", 400),
    "nul-in-value": (head(b"A: b\0c"), 400),
    "nul-in-name": (head(b"A\0B: c"), 400),
    "nul-in-target": (head(start=b"GET /a\0b HTTP/1.1"), 400),
    "delete-in-value": (head(b"A: \x7f"), 400),
    "two-empty-lines-first": (b"\r\n\r\n" + head(), 400),
    "space-first": (b" " + head(), 400),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    # Request line (RFC 9112 §3).
    "no-version": (head(start=b"GET /"), 400),
    "two-spaces": (head(start=b"GET  / HTTP/1.1"), 400),
    "tab": (head(start=b"GET\t/\tHTTP/1.1"), 400),
    "space-in-target": (head(start=b"GET /a b HTTP/1.1"), 400),
    "space-at-the-end": (head(start=b"GET / HTTP/1.1 "), 400),
    "version-lower-case": (head(start=b"GET / http/1.1"), 400),
    "version-long": (head(start=b"GET / HTTP/1.10"), 400),
    "version-1.2": (head(start=b"GET / HTTP/1.2"), 505),
    "version-2": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "version-0.9": (head(start=b"GET / HTTP/0.9"), 505),
    "fragment": (head(start=b"GET /a#/../b HTTP/1.1"), 400),
    "fragment-in-absolute-form": (head(start=b"GET http://a/#b HTTP/1.1"), 400),
    "user-in-authority": (head(start=b"GET http://b@a/ HTTP/1.1"), 400),
    "other-scheme": (head(start=b"GET file:///etc/passwd HTTP/1.1"), 400),
    "connect": (head(start=b"CONNECT a:443 HTTP/1.1"), 400),
    # Host (RFC 9112 §3.2).
    "no-host": (head(host=None), 400),
    "two-hosts": (head(b"Host: b"), 400),
    "no-host-with-absolute-form": (head(start=b"GET http://a/ HTTP/1.1", host=None), 400),
    "host-list": (head(host=b"a, b"), 400),
    "host-path": (head(host=b"a/b"), 400),
    "host-user": (head(host=b"b@a"), 400),
    # Names (RFC 9112 §5.1).
    "no-colon": (head(b"A"), 400),
    "empty-name": (head(b": b"), 400),
    "name-with-space": (head(b"A b: c"), 400),
    "name-beyond-ascii": (head(b"\xc3\xa9: c"), 400),
    # Sizes.
    "long-request-line": (head(start=b"GET /" + LONG + b" HTTP/1.1"), 414),
    "long-method": (head(start=LONG + b" / HTTP/1.1"), 414),
    "long-line": (head(b"A: " + LONG), 400),
    "long-name": (head(LONG + b": a"), 400),
    "long-head": (head(*[b"A: " + b"x" * 8000] * 5), 431),
    "many-lines": (head(*[b"A: b"] * 200), 431),
}
"""Name -> request and the status it is refused with before any byte of it goes upstream."""

HOSTILE_BODIES: Final[dict[str, bytes]] = {
    name: chunked(body)
    for name, body in {
        "size-plus": b"+1\r\na\r\n0\r\n\r\n",
        "size-minus": b"-1\r\na\r\n0\r\n\r\n",
        "size-0x": b"0x1\r\na\r\n0\r\n\r\n",
        "size-underscore": b"1_0\r\nhellohellohello!\r\n0\r\n\r\n",
        "size-space": b"1 \r\na\r\n0\r\n\r\n",
        "size-tab": b"\t1\r\na\r\n0\r\n\r\n",
        "size-comma": b"1,1\r\na\r\n0\r\n\r\n",
        "size-empty": b"\r\na\r\n0\r\n\r\n",
        "size-too-large": b"10000000000000001\r\na\r\n0\r\n\r\n",
        "size-many-zeros": b"00000000000000001\r\na\r\n0\r\n\r\n",
        "size-wide-digit": b"\xef\xbc\x91\r\na\r\n0\r\n\r\n",
        "size-then-bare-lf": b"1\na\r\n0\r\n\r\n",
        "size-then-bare-cr": b"1\ra\r\n0\r\n\r\n",
        "extension-with-bare-lf": b"1;a\nb\r\na\r\n0\r\n\r\n",
        "extension-with-nul": b"1;a\0\r\na\r\n0\r\n\r\n",
        "extension-without-end": b"1;" + LONG,
        "data-too-long": b"1\r\nab\r\n0\r\n\r\n",
        "data-then-bare-lf": b"1\r\na\n0\r\n\r\n",
        "data-then-nothing": b"1\r\na0\r\n\r\n",
        "trailer-without-colon": b"0\r\nGET / HTTP/1.1\r\n\r\n",
        "trailer-folded": b"0\r\nA: b\r\n c\r\n\r\n",
        "trailer-with-nul": b"0\r\nA: \0\r\n\r\n",
        "trailer-with-bare-lf": b"0\r\nA: b\nC: d\r\n\r\n",
        "trailer-length": b"0\r\nContent-Length: 30\r\n\r\n",
        "trailer-coding": b"0\r\ntransfer-encoding: chunked\r\n\r\n",
        "trailer-host": b"0\r\nHost: b\r\n\r\n",
        "trailer-too-long": b"0\r\nA: " + LONG + b"\r\n\r\n",
        "end-with-bare-lf": b"0\r\n\n",
    }.items()
}
"""Name -> chunked request whose framing is broken: 400, as soon as that shows."""

HONEST_REQUESTS: Final[dict[str, bytes]] = {
    "get": head(start=b"GET / HTTP/1.1"),
    "http10": head(start=b"GET / HTTP/1.0", host=None),
    "length": head(b"Content-Length: 5") + b"hello",
    "chunked": chunked(b"5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
    "absolute-form": head(start=b"GET http://b.test/c?d HTTP/1.1"),
    "empty-line-first": b"\r\n" + head(start=b"GET / HTTP/1.1"),
    "upgrade": head(
        *(b"Connection: keep-alive, Upgrade", b"Upgrade: websocket"), start=b"GET /chat HTTP/1.1"
    ),
    "expect": head(b"Expect: 100-continue", b"Content-Length: 2") + b"ok",
}
"""Name -> request that is read as it was meant."""


def answer(*lines: bytes, start: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """Return the head of an answer."""
    return b"\r\n".join((start, *lines, b"", b""))


HOSTILE_ANSWERS: Final[dict[str, bytes]] = {
    "length-and-coding": answer(b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "coding-and-length": answer(b"Transfer-Encoding: chunked", b"Content-Length: 2") + b"0\r\n\r\n",
    "two-lengths": answer(b"Content-Length: 0", b"Content-Length: 2") + b"ok",
    "same-length-twice": answer(b"Content-Length: 2", b"Content-Length: 2") + b"ok",
    "length-list": answer(b"Content-Length: 2, 2") + b"ok",
    "length-plus": answer(b"Content-Length: +2") + b"ok",
    "length-minus": answer(b"Content-Length: -2") + b"ok",
    "length-hex": answer(b"Content-Length: 0x2") + b"ok",
    "length-empty": answer(b"Content-Length:") + b"ok",
    "length-space-before-colon": answer(b"Content-Length : 2") + b"ok",
    "length-folded": answer(b"Content-Length:", b" 2") + b"ok",
    "coding-gzip": answer(b"Transfer-Encoding: gzip") + b"ok",
    "coding-identity": answer(b"Transfer-Encoding: identity") + b"ok",
    "coding-twice": answer(*[b"Transfer-Encoding: chunked"] * 2) + b"0\r\n\r\n",
    "coding-list": answer(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "coding-space-before-colon": answer(b"Transfer-Encoding : chunked") + b"0\r\n\r\n",
    "coding-vertical-tab": answer(b"Transfer-Encoding:\x0bchunked") + b"0\r\n\r\n",
    "coding-in-http10": answer(b"Transfer-Encoding: chunked", start=b"HTTP/1.0 200 OK")
    + b"0\r\n\r\n",
    "bare-lf": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "bare-lf-in-value": answer(b"A: b\nContent-Length: 2") + b"ok",
    "bare-cr-in-value": answer(b"A: b\rContent-Length: 2") + b"ok",
    "nul": answer(b"A: \0") + b"ok",
    "folded": answer(b"A: b", b" c", b"Content-Length: 2") + b"ok",
    "leading-space": answer(b" A: b", b"Content-Length: 2") + b"ok",
    "no-colon": answer(b"A", b"Content-Length: 2") + b"ok",
    "empty-line-first": b"\r\n" + answer(b"Content-Length: 2") + b"ok",
    "version-2": answer(b"Content-Length: 2", start=b"HTTP/2.0 200 OK") + b"ok",
    "version-lower-case": answer(b"Content-Length: 2", start=b"http/1.1 200 OK") + b"ok",
    "no-status-line": b"<html>Hello</html>\r\n\r\n",
    "status-short": answer(b"Content-Length: 2", start=b"HTTP/1.1 20 OK") + b"ok",
    "status-long": answer(b"Content-Length: 2", start=b"HTTP/1.1 2000 OK") + b"ok",
    "status-0": answer(b"Content-Length: 2", start=b"HTTP/1.1 000 OK") + b"ok",
    "status-999": answer(b"Content-Length: 2", start=b"HTTP/1.1 999 OK") + b"ok",
    "status-signed": answer(b"Content-Length: 2", start=b"HTTP/1.1 +20 OK") + b"ok",
    "two-spaces": answer(b"Content-Length: 2", start=b"HTTP/1.1  200 OK") + b"ok",
    "body-of-interim": answer(b"Content-Length: 2", start=b"HTTP/1.1 100 Continue") + b"ok\r\n\r\n",
    "interim-flood": answer(start=b"HTTP/1.1 103 Early Hints") * 100,
    "switch-unasked": answer(b"Upgrade: websocket", start=b"HTTP/1.1 101 Switching Protocols"),
    "long-status-line": answer(b"Content-Length: 2", start=b"HTTP/1.1 200 " + LONG) + b"ok",
    "long-line": answer(b"A: " + LONG, b"Content-Length: 2") + b"ok",
    "long-head": answer(*[b"A: " + b"x" * 8000] * 5),
    "many-lines": answer(*[b"A: b"] * 200),
}
"""Name -> answer that is replaced by 502, and whose connection is not used again."""
