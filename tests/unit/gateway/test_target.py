"""Request targets in their four forms (RFC 9112 §3.2)."""

import pytest

from colobus.errors import ProtocolError
from colobus.gateway.target import read_target


@pytest.mark.parametrize(
    ("method", "target", "path", "query", "authority"),
    [
        (b"GET", b"/", b"/", None, None),
        (b"GET", b"/a?", b"/a", b"", None),
        (b"GET", b"/a?b?c", b"/a", b"b?c", None),
        (b"GET", b"//a/../%2e", b"//a/../%2e", None, None),
        (b"GET", b"/http://x/", b"/http://x/", None, None),
        (b"OPTIONS", b"*", b"*", None, None),
        (b"GET", b"http://a.test/b?c", b"/b", b"c", b"a.test"),
        (b"GET", b"HTTPS://A.test:1/b", b"/b", None, b"A.test:1"),
        (b"GET", b"http://a.test", b"/", None, b"a.test"),
        (b"GET", b"http://a.test:", b"/", None, b"a.test:"),
        (b"GET", b"http://a.test?q", b"/", b"q", b"a.test"),
        (b"GET", b"http://[::1]:80/", b"/", None, b"[::1]:80"),
        (b"OPTIONS", b"http://a.test", b"*", None, b"a.test"),
        (b"OPTIONS", b"http://a.test/", b"/", None, b"a.test"),
        (b"OPTIONS", b"http://a.test?q", b"/", b"q", b"a.test"),
    ],
)
def test_a_target_is_taken_apart(
    method: bytes, target: bytes, path: bytes, query: bytes | None, authority: bytes | None
) -> None:
    read = read_target(method, target)
    assert (read.path, read.query, read.authority) == (path, query, authority)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"GET", b"*"),
        (b"CONNECT", b"a.test:443"),
        (b"CONNECT", b"/"),
        (b"GET", b"a.test:80"),
        (b"GET", b"a/b"),
        (b"GET", b"ftp://a.test/"),
        (b"GET", b"http:/a.test/"),
        (b"GET", b"http:///b"),
        (b"GET", b"http://user@a.test/"),
        (b"GET", b"http://user:word@a.test/"),
        (b"GET", b"http://a.test:x/"),
        (b"GET", b"http://a b/"),
        (b"GET", b'http://a"b/'),
        (b"GET", b"http://[::1/"),
        (b"GET", b"?"),
        (b"GET", b"/a#b"),
        (b"GET", b"/a?b#c"),
        (b"GET", b"http://a.test/#b"),
        (b"GET", b"http://a.test#b"),
    ],
)
def test_other_targets_are_refused(method: bytes, target: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_target(method, target)
    assert caught.value.status == 400
