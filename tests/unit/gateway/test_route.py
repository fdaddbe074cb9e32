"""What a route makes of an API's row."""

import pytest

from colobus.gateway.route import Match, Route


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "base_path", "host_header", "is_address"),
    [
        ("http://orders", "http", "orders", 80, b"", b"orders:80", False),
        ("http://orders/", "http", "orders", 80, b"/", b"orders:80", False),
        ("https://Orders/v1/", "https", "Orders", 443, b"/v1/", b"Orders:443", False),
        ("http://10.0.0.7:8080/v1?x=1", "http", "10.0.0.7", 8080, b"/v1", b"10.0.0.7:8080", True),
        ("http://[::1]:8080", "http", "::1", 8080, b"", b"[::1]:8080", True),
        ("https://[2001:DB8::1]", "https", "2001:DB8::1", 443, b"", b"[2001:DB8::1]:443", True),
        ("http://user:secret@orders:81", "http", "orders", 81, b"", b"orders:81", False),
        ("http://orders:", "http", "orders", 80, b"", b"orders:80", False),
    ],
)
def test_the_upstream_is_taken_apart(
    url: str,
    scheme: str,
    host: str,
    port: int,
    base_path: bytes,
    host_header: bytes,
    is_address: bool,
) -> None:
    route = Route({"id": "1", "upstream_url": url})
    assert (route.scheme, route.host, route.port) == (scheme, host, port)
    assert route.base_path == base_path
    assert route.host_header == host_header
    assert route.address == ((host, port) if is_address else None)


@pytest.mark.parametrize("url", ["http://[::1", "http://a:port", "http://", ""])
def test_an_upstream_that_cannot_be_read_gets_a_host_that_never_resolves(url: str) -> None:
    route = Route({"id": "1", "upstream_url": url})
    assert route.host == ""
    assert route.address is None


def test_timeouts_become_seconds() -> None:
    route = Route(
        {
            "id": "1",
            "upstream_url": "http://a",
            "upstream_connect_timeout": 1500,
            "upstream_send_timeout": 2,
            "upstream_read_timeout": 60_000,
        }
    )
    assert (route.connect_timeout, route.send_timeout, route.read_timeout) == (1.5, 0.002, 60.0)


def test_what_a_row_leaves_out_has_the_defaults_of_the_schema() -> None:
    route = Route({"id": "1", "upstream_url": "http://a"})
    assert (route.connect_timeout, route.send_timeout, route.read_timeout) == (60.0, 60.0, 60.0)
    assert route.retries == 5
    assert (route.strip_uri, route.preserve_host) == (True, False)
    assert (route.https_only, route.http_if_terminated) == (False, True)


def test_rules_are_bytes_each_one_once() -> None:
    route = Route(
        {
            "id": "1",
            "upstream_url": "http://a",
            "hosts": ["A.b", "a.B", "*.C"],
            "uris": ["/a", "/a"],
            "methods": ["GET"],
        }
    )
    assert route.hosts == (b"a.b", b"*.c")
    assert route.uris == (b"/a",)
    assert route.methods == (b"GET",)


def test_a_route_and_a_match_show_where_they_lead() -> None:
    route = Route({"id": "1", "name": "shop", "upstream_url": "http://orders:81/v1"})
    assert repr(route) == "<Route shop to http://orders:81>"
    assert repr(Match(route, b"/a")) == "<Match <Route shop to http://orders:81> by b'/a'>"
