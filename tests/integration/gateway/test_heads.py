"""What the upstream gets to see of a request head, and the client of an answer's."""

from ipaddress import ip_network

import pytest

from colobus.gateway.service import GatewaySettings
from colobus.version import VERSION
from support.proxying import api, client, exchange, get, proxied
from support.raw_upstream import Peer, reply

pytestmark = pytest.mark.integration

TRUSTING = GatewaySettings(trusted_ips=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")))


def lines_of(head: bytes) -> list[bytes]:
    return head.split(b"\r\n")[:-2]


def values(head: bytes, name: bytes) -> list[bytes]:
    mark = name.lower() + b":"
    return [
        line[len(mark) :].strip()
        for line in head.split(b"\r\n")[1:]
        if line.lower().startswith(mark)
    ]


def test_the_upstream_gets_the_request_with_the_gateways_own_lines() -> None:
    with proxied() as (gateway, upstream):
        exchange(
            gateway,
            get(
                b"/a%2Fb?x=1&x=2&y",
                b"Accept: */*",
                b"X_Under_Score: kept",
                b"X-Empty:",
                b"Cookie: a=1",
                b"Cookie: b=2",
            ),
        )
        assert lines_of(upstream.heads[0]) == [
            b"GET /a%2Fb?x=1&x=2&y HTTP/1.1",
            b"Host: 127.0.0.1:%d" % upstream.port,
            b"Connection: keep-alive",
            b"X-Real-IP: 127.0.0.1",
            b"X-Forwarded-Proto: http",
            b"X-Forwarded-For: 127.0.0.1",
            b"Accept: */*",
            b"X_Under_Score: kept",
            b"X-Empty:",
            b"Cookie: a=1",
            b"Cookie: b=2",
        ]


@pytest.mark.parametrize(
    "line",
    [
        b"Connection: close, X-Secret",
        b"Keep-Alive: timeout=5",
        b"TE: trailers",
        b"Trailer: X-Sum",
        b"Proxy-Connection: keep-alive",
        b"Upgrade: h2c",
        b"X-Real-IP: 6.6.6.6",
        b"X-Forwarded-Proto: https",
    ],
)
def test_lines_that_end_here_do_not_reach_the_upstream(line: bytes) -> None:
    with proxied() as (gateway, upstream):
        exchange(gateway, get(b"/", line, b"X-Secret: hop", b"X-Kept: 1"))
        head = upstream.heads[0]
        name, _, value = line.partition(b": ")
        assert value not in values(head, name)
        assert values(head, b"X-Secret") == ([] if b"X-Secret" in line else [b"hop"])
        assert values(head, b"X-Kept") == [b"1"]


@pytest.mark.parametrize(
    ("settings", "sent", "chain", "real_ip"),
    [
        (GatewaySettings(), [], b"127.0.0.1", b"127.0.0.1"),
        (GatewaySettings(), [b"1.2.3.4"], b"1.2.3.4, 127.0.0.1", b"127.0.0.1"),
        (GatewaySettings(), [b"1.1.1.1", b"2.2.2.2"], b"1.1.1.1, 2.2.2.2, 127.0.0.1", b"127.0.0.1"),
        (TRUSTING, [b"1.2.3.4"], b"1.2.3.4, 127.0.0.1", b"1.2.3.4"),
        (TRUSTING, [b"1.2.3.4, 10.0.0.9"], b"1.2.3.4, 10.0.0.9, 127.0.0.1", b"1.2.3.4"),
        (TRUSTING, [b"9.9.9.9, 1.2.3.4"], b"9.9.9.9, 1.2.3.4, 127.0.0.1", b"1.2.3.4"),
        (TRUSTING, [b"10.0.0.1, 10.0.0.2"], b"10.0.0.1, 10.0.0.2, 127.0.0.1", b"10.0.0.1"),
        (TRUSTING, [b"junk, 10.0.0.2"], b"junk, 10.0.0.2, 127.0.0.1", b"10.0.0.2"),
        (TRUSTING, [b""], b"127.0.0.1", b"127.0.0.1"),
    ],
)
def test_only_trusted_peers_speak_for_others(
    settings: GatewaySettings, sent: list[bytes], chain: bytes, real_ip: bytes
) -> None:
    with proxied(settings=settings) as (gateway, upstream):
        exchange(gateway, get(b"/", *(b"X-Forwarded-For: " + value for value in sent)))
        assert values(upstream.heads[0], b"X-Forwarded-For") == [chain]
        assert values(upstream.heads[0], b"X-Real-IP") == [real_ip]


@pytest.mark.parametrize(
    ("preserve", "request_bytes", "host"),
    [
        (True, b"GET / HTTP/1.1\r\nHost: Shop.Test:80\r\n\r\n", b"Shop.Test:80"),
        (False, b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n", None),
        (True, b"GET / HTTP/1.0\r\n\r\n", None),
        # RFC 9112 §3.2.2: an absolute-form target stands over Host.
        (True, b"GET http://a.test:81/ HTTP/1.1\r\nHost: b.test\r\n\r\n", b"a.test:81"),
    ],
)
def test_host_is_the_clients_only_where_the_api_says_so(
    *, preserve: bool, request_bytes: bytes, host: bytes | None
) -> None:
    with proxied(fields={"preserve_host": preserve}) as (gateway, upstream):
        exchange(gateway, request_bytes)
        expected = b"127.0.0.1:%d" % upstream.port if host is None else host
        assert values(upstream.heads[0], b"Host") == [expected]


@pytest.mark.parametrize(
    ("request_line", "target"),
    [
        (b"GET http://any.test/a?b HTTP/1.1", b"/a?b"),
        (b"GET HTTP://any.test HTTP/1.1", b"/"),
        (b"GET https://any.test:8443?q HTTP/1.1", b"/?q"),
        (b"OPTIONS * HTTP/1.1", b"*"),
        (b"OPTIONS http://any.test HTTP/1.1", b"*"),
        (b"GET /a?b?c=/../d HTTP/1.1", b"/a?b?c=/../d"),
        (b"GET /a? HTTP/1.1", b"/a?"),
        (b"GET /a/./b/%2e%2E/c//d HTTP/1.1", b"/a/c//d"),
        (b"GET //host/x HTTP/1.1", b"//host/x"),
        (b"BREW /pot HTTP/1.1", b"/pot"),
    ],
)
def test_targets_as_the_upstream_is_asked_for_them(request_line: bytes, target: bytes) -> None:
    # An API without uris takes "*" too, which is no path.
    with proxied(fields={"uris": [], "methods": ["GET", "OPTIONS", "BREW"]}) as (gateway, upstream):
        exchange(gateway, request_line + b"\r\nHost: shop.test\r\n\r\n")
        assert upstream.heads[0].split(b" ")[1] == target


def test_the_base_path_comes_before_the_path_and_the_matched_uri_is_stripped() -> None:
    fields: dict[str, object] = {"uris": ["/shop"], "strip_uri": True}
    with proxied(fields=fields, path="/v1/") as (gateway, upstream):
        exchange(gateway, get(b"/shop/items?id=1"))
        assert upstream.heads[0].startswith(b"GET /v1/items?id=1 HTTP/1.1\r\n")


def test_the_target_that_names_the_server_has_no_base_path() -> None:
    fields: dict[str, object] = {"uris": [], "methods": ["OPTIONS"]}
    with proxied(fields=fields, path="/v1") as (gateway, upstream):
        exchange(gateway, get(b"*", method=b"OPTIONS"))
        assert upstream.heads[0].startswith(b"OPTIONS * HTTP/1.1\r\n")


def test_raw_paths_keep_their_dot_segments() -> None:
    with proxied(settings=GatewaySettings(path_handling="raw")) as (gateway, upstream):
        exchange(gateway, get(b"/a/../b"))
        assert upstream.heads[0].startswith(b"GET /a/../b HTTP/1.1\r\n")


def test_dot_segments_do_not_smuggle_a_path_past_its_api() -> None:
    with proxied(fields={"uris": ["/public"]}) as (gateway, _):
        head, _ = exchange(gateway, get(b"/public/%2e%2e/admin"))
        assert head.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET * HTTP/1.1", 400),
        (b"CONNECT shop.test:443 HTTP/1.1", 400),
        (b"CONNECT / HTTP/1.1", 400),
        (b"GET shop.test:80 HTTP/1.1", 400),
        (b"GET ftp://shop.test/ HTTP/1.1", 400),
        (b"GET http:/// HTTP/1.1", 400),
        (b"GET http://user@shop.test/ HTTP/1.1", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1", 414),
        (b"GET / HTTP/2.0", 505),
        (b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 9000, 400),
        (
            b"GET / HTTP/1.1\r\n" + b"\r\n".join(b"X-%d: %b" % (n, b"a" * 900) for n in range(40)),
            431,
        ),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked", 501),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1", 400),
        (b"GET / HTTP/1.1\r\nHost: twice", 400),
    ],
)
def test_a_malformed_head_gets_a_page_and_the_end_of_the_connection(
    request_line: bytes, status: int
) -> None:
    with proxied() as (gateway, upstream), client(gateway) as peer:
        peer.send(request_line + b"\r\nHost: shop.test\r\n\r\n" + get())
        answer = peer.read_all()
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"Connection: close\r\n" in answer
        assert b"Content-Type: text/plain\r\n" in answer
        assert b"Server: colobus/%b\r\n" % VERSION.encode() in answer
        assert upstream.connections == 0


def test_the_client_gets_the_answers_lines_and_the_gateways_own() -> None:
    lines = (
        *(b"Date: Mon, 01 Jan 2024 00:00:00 GMT", b"Server: unit", b"Set-Cookie: a=1"),
        *(b"Set-Cookie: b=2", b"Via: 1.0 other", b"X-Odd:  spaced "),
        *(b"Connection: X-Hop", b"Keep-Alive: timeout=5", b"X-Hop: 1", b"Upgrade: h2c"),
        b"X-Kong-Proxy-Latency: 99",
    )
    with proxied(answer=reply(b"ok", *lines, status=b"201 Made It")) as (gateway, _):
        head, body = exchange(gateway, get())
        got = lines_of(head)
        assert got[:7] == [
            b"HTTP/1.1 201 Made It",
            *(b"Date: Mon, 01 Jan 2024 00:00:00 GMT", b"Server: unit", b"Set-Cookie: a=1"),
            *(b"Set-Cookie: b=2", b"Via: 1.0 other", b"X-Odd:  spaced "),
        ]
        assert got[7].startswith(b"X-Kong-Upstream-Latency: ")
        assert got[8].startswith(b"X-Kong-Proxy-Latency: ")
        assert got[9:] == [b"Via: 1.1 colobus/%b" % VERSION.encode(), b"Content-Length: 2"]
        assert body == b"ok"


def test_latencies_are_whole_milliseconds_and_a_missing_date_is_added() -> None:
    with proxied() as (gateway, _):
        head, _ = exchange(gateway, get())
        for name in (b"X-Kong-Upstream-Latency", b"X-Kong-Proxy-Latency"):
            (value,) = values(head, name)
            assert 0 <= int(value) < 5000
        (date,) = values(head, b"Date")
        assert date.endswith(b" GMT")


def test_tokens_can_be_left_out() -> None:
    settings = GatewaySettings(server_tokens=False, latency_tokens=False)
    with proxied(settings=settings, fields={"uris": ["/shop"]}) as (gateway, _):
        head, _ = exchange(gateway, get(b"/shop"))
        assert b"X-Kong" not in head
        assert b"Via" not in head
        head, _ = exchange(gateway, get(b"/nowhere"))
        assert b"Server" not in head


def test_a_client_that_asks_learns_the_name_of_the_api() -> None:
    with proxied(fields={"uris": ["/shop"]}) as (gateway, upstream):
        head, _ = exchange(gateway, get(b"/shop", b"kong-DEBUG: 1"))
        assert values(head, b"Kong-Api-Name") == [b"shop"]
        head, _ = exchange(gateway, get(b"/shop"))
        assert b"Kong-Api-Name" not in head
        head, _ = exchange(gateway, get(b"/nowhere", b"Kong-Debug: 1"))
        assert b"Kong-Api-Name" not in head
        upstream.answer = b"garbage\r\n\r\n"
        head, _ = exchange(gateway, get(b"/shop", b"Kong-Debug: 1"))
        assert head.startswith(b"HTTP/1.1 502 ")
        assert values(head, b"Kong-Api-Name") == [b"shop"]


def test_routes_put_while_running_are_used_by_the_next_request() -> None:
    with proxied(fields={"uris": ["/shop"]}) as (gateway, upstream), client(gateway) as peer:
        peer.send(get(b"/other"))
        assert peer.read_message()[0].startswith(b"HTTP/1.1 404 ")
        row = api(upstream.url, uris=["/other"], id="2")
        gateway.call(lambda: gateway.router.put(row))
        peer.send(get(b"/other"))
        assert peer.read_message()[1] == b"ok"


def test_interim_answers_of_the_upstream_are_not_passed_on() -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        peer.send(reply(b"ok"))

    with proxied(serve) as (gateway, _):
        head, body = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert body == b"ok"
