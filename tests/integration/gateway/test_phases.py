"""Plugins at work: what each phase can do, and what its failure costs."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from colobus.errors import StoreUnavailableError
from colobus.plugins.context import Exchange, ShortCircuit
from support.phases import plugin, plugin_row
from support.proxying import client, exchange, get, proxied
from support.raw_upstream import Peer, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration

API_ID = "5e0c1f4e-0000-4000-8000-000000000001"
POST = get(b"/", b"Content-Length: 5", method=b"POST") + b"hello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"
)
UNEXPECTED = b'{"message":"An unexpected error occurred"}\n'


def with_probe(*, is_global: bool = True, **phases: Any) -> dict[str, Any]:
    """Return the harness's arguments for one plugin with these phases."""
    return {
        "plugins": [plugin(**phases)],
        "plugin_rows": [plugin_row(api_id=None if is_global else API_ID)],
    }


def later(work: Callable[[Exchange], None]) -> Callable[[Exchange], Coroutine[Any, Any, None]]:
    """Return the phase that does ``work`` after having waited."""

    async def phase(exchange: Exchange) -> None:
        await asyncio.sleep(0.01)
        work(exchange)

    return phase


def test_phases_run_in_order_and_see_the_exchange() -> None:
    seen: list[tuple[object, ...]] = []

    def body_filter(x: Exchange, chunk: bytes, last: bool) -> bytes:
        seen.append(("body", chunk, last))
        return chunk

    phases: dict[str, Any] = {
        "rewrite": lambda x: seen.append(("rewrite", x.api, x.request.method, x.request.path)),
        "access": lambda x: seen.append(("access", x.api["name"], x.client_ip, x.request.target)),
        "header_filter": lambda x: seen.append(("header", x.response.status)),
        "body_filter": body_filter,
        "log": lambda x: seen.append(
            ("log", x.response.status, x.connection_serial, x.request_serial)
        ),
    }
    with proxied(**with_probe(**phases)) as (gateway, _), client(gateway) as peer:
        for count in (1, 2):
            seen.clear()
            peer.send(get(b"/a?b=c"))
            assert peer.read_message()[1] == b"ok"
            wait_until(lambda: len(seen) == 5)
            assert seen == [
                ("rewrite", None, "GET", "/a"),
                ("access", "shop", "127.0.0.1", "/a?b=c"),
                ("header", 200),
                ("body", b"ok", True),
                ("log", 200, 1, count),
            ]


@pytest.mark.parametrize("wrap", [lambda work: work, later], ids=["at once", "later"])
def test_access_changes_the_request_and_the_answer_to_come(wrap: Callable[..., Any]) -> None:
    def access(x: Exchange) -> None:
        x.request.set_header("X-New", "1")
        x.request.set_header("X-Old", "new")
        x.request.add_header("X-Two", "b")
        x.request.remove_header("X-Gone")
        x.request.query.set("q", "a b")
        x.request.query.remove("secret")
        x.response.set_header("X-Limit", "9")
        x.response.add_header("X-Limit", "8")
        x.response.remove_header("X-Powered-By")
        x.ctx["mark"] = "seen"

    with (
        proxied(
            answer=reply(b"ok", b"X-Limit: theirs", b"X-Powered-By: PHP"),
            **with_probe(access=wrap(access)),
        ) as (gateway, upstream),
        client(gateway) as peer,
    ):
        lines = (b"X-Old: 1", b"x-old: 2", b"X-Two: a", b"X-Gone: 1")
        peer.send(get(b"/p?secret=1&keep=%20+", *lines))
        head, _ = peer.read_message()
        sent = upstream.heads[0]
        assert sent.startswith(b"GET /p?keep=%20+&q=a%20b HTTP/1.1\r\n")
        assert sent.endswith(b"X-Two: a\r\nX-New: 1\r\nX-Old: new\r\nX-Two: b\r\n\r\n")
        assert b"X-Limit: 9\r\nX-Limit: 8\r\n" in head
        assert b"theirs" not in head
        assert b"PHP" not in head


def test_header_values_of_plugins_cannot_break_out_of_their_line() -> None:
    def access(x: Exchange) -> None:
        x.request.set_header("X-Name", "a\r\nX-Forged: 1")
        x.response.set_header("X-Name", "b\r\n\r\nforged\0")

    with proxied(**with_probe(access=access)) as (gateway, upstream):
        head, body = exchange(gateway, get())
        assert b"X-Name: a  X-Forged: 1\r\n" in upstream.heads[0]
        assert b"X-Name: b    forged\r\n" in head
        assert body == b"ok"


@pytest.mark.parametrize("wrap", [lambda work: work, later], ids=["at once", "later"])
@pytest.mark.parametrize("phase", ["rewrite", "access"])
@pytest.mark.parametrize(
    ("asked", "status", "content_type", "body"),
    [
        (ShortCircuit(401), 401, b"application/json; charset=utf-8", b"Unauthorized"),
        (ShortCircuit(403, "no"), 403, b"application/json; charset=utf-8", b"no"),
        (ShortCircuit(500, "secret"), 500, b"application/json; charset=utf-8", None),
        (ShortCircuit(200, b"raw", {"Content-Type": "text/x"}), 200, b"text/x", b"raw"),
    ],
)
def test_a_phase_may_answer(
    wrap: Callable[..., Any],
    phase: str,
    asked: ShortCircuit,
    status: int,
    content_type: bytes,
    body: bytes | None,
) -> None:
    def refuse(_: Exchange) -> None:
        raise asked

    with proxied(**with_probe(**{phase: wrap(refuse)})) as (gateway, upstream):
        with client(gateway) as peer:
            for _ in range(2):
                peer.send(POST)
                head, got = peer.read_message()
                assert head.startswith(b"HTTP/1.1 %d " % status)
                assert b"Content-Type: " + content_type + b"\r\n" in head
                assert b"Server: colobus/" in head
                assert b"Via" not in head
                if body is None:
                    assert got == UNEXPECTED
                else:
                    assert body in got
        assert upstream.connections == 0


@pytest.mark.parametrize("wrap", [lambda work: work, later], ids=["at once", "later"])
@pytest.mark.parametrize("phase", ["rewrite", "access"])
def test_a_plugin_that_fails_costs_its_request_alone(
    wrap: Callable[..., Any], phase: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(x: Exchange) -> None:
        if x.request.path == "/bad":
            raise LookupError("a bug")

    with proxied(**with_probe(**{phase: wrap(fail)})) as (gateway, _), client(gateway) as peer:
        peer.send(get(b"/bad"))
        head, body = peer.read_message()
        assert head.startswith(b"HTTP/1.1 500 ")
        assert body == UNEXPECTED
        peer.send(get(b"/good"))
        assert peer.read_message()[1] == b"ok"
        assert gateway.failures == []
    records = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(records) == 1
    assert records[0].exc_info is not None
    assert "a bug" in caplog.text


def test_an_unusable_answer_of_a_plugin_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    def access(x: Exchange) -> None:
        raise {
            "/status": ShortCircuit(99),
            "/json": ShortCircuit(200, {"a": object()}),
            "/name": ShortCircuit(200, "x", {"bad name": "1"}),
        }[x.request.path]

    with proxied(**with_probe(access=access)) as (gateway, _), client(gateway) as peer:
        for path in (b"/status", b"/json", b"/name"):
            peer.send(get(path))
            assert peer.read_message()[1] == UNEXPECTED
    assert len(caplog.records) == 3


@pytest.mark.parametrize("wrap", [lambda work: work, later], ids=["at once", "later"])
def test_a_look_up_without_an_answer_fails_closed(wrap: Callable[..., Any]) -> None:
    def access(_: Exchange) -> None:
        raise StoreUnavailableError("no answer")

    with proxied(**with_probe(access=wrap(access))) as (gateway, upstream):
        head, body = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 503 ")
        assert body == b'{"message":"Service unavailable"}\n'
        assert upstream.connections == 0


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", [0, 5, 65_536, 500_000])
def test_access_may_read_and_replace_the_body(framing: str, size: int) -> None:
    body = b"ab" * (size // 2) + b"c" * (size % 2)
    seen: list[bytes] = []

    async def access(x: Exchange) -> None:
        seen.append(await x.request.body(1_000_000))
        seen.append(await x.request.body(1_000_000))
        if x.request.path == "/replace":
            x.request.set_body(b"other")

    if framing == "length":
        lines, sent = [b"Content-Length: %d" % size], body
    else:
        chunks = [body[start : start + 9000] for start in range(0, size, 9000)]
        lines = [b"Transfer-Encoding: chunked"]
        sent = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    with proxied(**with_probe(access=access)) as (gateway, upstream), client(gateway) as peer:
        for path, expected in ((b"/keep", body), (b"/replace", b"other")):
            peer.send(get(path, *lines, method=b"POST"))
            peer.send(sent)
            assert peer.read_message()[1] == b"ok"
            assert upstream.bodies[-1] == expected
            assert b"\r\nContent-Length: %d\r\n" % len(expected) in upstream.heads[-1]
        assert seen == [body] * 4


def test_a_plugin_that_waits_for_the_body_makes_the_client_continue() -> None:
    async def access(x: Exchange) -> None:
        if await x.request.body() != b"hello":
            raise ShortCircuit(400)

    with proxied(**with_probe(access=access)) as (gateway, _), client(gateway) as peer:
        lines = (b"Expect: 100-continue", b"Content-Length: 5")
        peer.send(get(b"/", *lines, method=b"POST"))
        assert peer.read_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.send(b"hello")
        assert peer.read_message()[1] == b"ok"


@pytest.mark.parametrize("framing", [b"Content-Length: 300000", b"Transfer-Encoding: chunked"])
def test_a_body_over_the_plugins_limit_is_413(framing: bytes) -> None:
    async def access(x: Exchange) -> None:
        await x.request.body(100_000)

    with proxied(**with_probe(access=access)) as (gateway, upstream), client(gateway) as peer:
        peer.send(get(b"/", framing, method=b"POST"))
        size = b"493e0\r\n" if b"chunked" in framing else b""
        peer.send(size + b"x" * 300_000)
        head, body = peer.read_message()
        assert head.startswith(b"HTTP/1.1 413 ")
        assert body == b"Payload too large\n"
        assert upstream.connections == 0


def test_a_bodiless_request_may_be_given_a_body() -> None:
    async def access(x: Exchange) -> None:
        assert await x.request.body() == b""
        x.request.set_body(b"new")

    with proxied(**with_probe(access=access)) as (gateway, upstream):
        exchange(gateway, get(method=b"POST"))
        assert upstream.bodies == [b"new"]


def test_a_client_that_leaves_cancels_what_it_waited_for() -> None:
    cancelled: list[bool] = []
    logged: list[int] = []

    async def access(_: Exchange) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    probe = with_probe(access=access, log=lambda x: logged.append(x.response.status))
    with proxied(**probe) as (gateway, upstream):
        with client(gateway) as peer:
            peer.send(get())
            wait_until(lambda: gateway.stats.connections_writing == 1)
        wait_until(lambda: cancelled == [True])
        wait_until(lambda: logged == [499])
        assert upstream.connections == 0
        assert gateway.failures == []


def test_a_waiting_request_does_not_hold_up_others() -> None:
    async def access(x: Exchange) -> None:
        if x.request.path == "/slow":
            await asyncio.sleep(60)

    with proxied(**with_probe(access=access)) as (gateway, _), client(gateway) as slow:
        slow.send(get(b"/slow"))
        for _ in range(10):
            assert exchange(gateway, get(b"/fast"))[1] == b"ok"


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"hello world"),
        CHUNKED,
        b"HTTP/1.1 200 OK\r\n\r\nhello world",
    ],
    ids=["length", "chunked", "until-close"],
)
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("piece", [1, 65536])
def test_body_filters_get_the_payload_and_give_another(
    answer: bytes, version: bytes, piece: int
) -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        for start in range(0, len(answer), piece):
            peer.send(answer[start : start + piece])

    def body_filter(x: Exchange, chunk: bytes, last: bool) -> bytes:
        lasts.append(last)
        return chunk.upper() + (b"!" if last else b"")

    lasts: list[bool] = []
    with proxied(serve, **with_probe(body_filter=body_filter)) as (gateway, _):
        with client(gateway) as peer:
            peer.send(b"GET / HTTP/%b\r\nHost: shop.test\r\n\r\n" % version)
            head, body = peer.read_message()
            assert body == b"HELLO WORLD!"
            assert b"Content-Length" not in head
            assert (b"Transfer-Encoding: chunked\r\n" in head) == (version == b"1.1")
        assert lasts[-1] is True
        assert lasts.count(True) == 1


def test_body_filters_that_swallow_everything_leave_an_empty_body() -> None:
    probe = with_probe(body_filter=lambda _exchange, _chunk, _last: b"")
    with proxied(**probe) as (gateway, _), client(gateway) as peer:
        for method in (b"GET", b"HEAD", b"GET"):
            peer.send(get(method=method))
            assert peer.read_message(is_head=method == b"HEAD")[1] == b""


def test_header_filters_change_the_answer_whoever_gives_it() -> None:
    def header_filter(x: Exchange) -> None:
        x.response.set_header("X-Status", str(x.response.status))
        x.response.remove_header("Content-Type")
        x.response.add_header("X-Length", x.response.get_header("content-length") or "?")
        x.response.set_header("Transfer-Encoding", "ignored")

    def access(x: Exchange) -> None:
        if x.request.path == "/refuse":
            raise ShortCircuit(403, "no")

    probe = with_probe(header_filter=header_filter, access=access)
    answer = reply(b"ok", b"Content-Type: text/x")
    with proxied(answer=answer, fields={"uris": ["/refuse", "/shop"]}, **probe) as (gateway, _):
        for path, status, length in ((b"/shop", 200, 2), (b"/refuse", 403, 17), (b"/no", 404, 45)):
            head, _ = exchange(gateway, get(path))
            assert b"X-Status: %d\r\n" % status in head
            assert b"X-Length: %d\r\n" % length in head
            assert b"Content-Type" not in head
            assert b"Transfer-Encoding" not in head


def test_pages_pass_no_filter_but_are_logged() -> None:
    seen: list[tuple[str, int]] = []
    probe = with_probe(
        header_filter=lambda x: seen.append(("header", x.response.status)),
        body_filter=lambda *_: seen.append(("body", 0)),
        log=lambda x: seen.append(("log", x.response.status)),
    )
    with proxied(answer=b"junk\r\n\r\n", **probe) as (gateway, _):
        assert exchange(gateway, get())[0].startswith(b"HTTP/1.1 502 ")
        wait_until(lambda: seen == [("log", 502)])


def test_a_header_filter_may_give_another_answer() -> None:
    def header_filter(x: Exchange) -> None:
        calls.append(x.response.status)
        raise ShortCircuit(429, "enough", {"X-Why": "limit"})

    calls: list[int] = []
    big = reply(b"x" * 1_000_000, b"X-Theirs: 1")
    with proxied(answer=big, **with_probe(header_filter=header_filter)) as (gateway, upstream):
        with client(gateway) as peer:
            for count in (1, 2):
                peer.send(get())
                head, body = peer.read_message()
                assert head.startswith(b"HTTP/1.1 429 ")
                assert b"X-Why: limit\r\n" in head
                assert b"X-Theirs" not in head
                assert body == b'{"message":"enough"}\n'
                assert calls == [200] * count
        assert upstream.connections == 2


def test_a_header_filter_that_fails_is_500(caplog: pytest.LogCaptureFixture) -> None:
    def header_filter(x: Exchange) -> None:
        raise LookupError("a bug")

    probe = with_probe(header_filter=header_filter)
    with proxied(fields={"uris": ["/shop"]}, **probe) as (gateway, _), client(gateway) as peer:
        for path in (b"/shop", b"/nowhere"):
            peer.send(get(path))
            head, body = peer.read_message()
            assert head.startswith(b"HTTP/1.1 500 ")
            assert body == UNEXPECTED
    assert len(caplog.records) == 2


def test_a_body_filter_that_fails_shows_as_a_truncated_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def body_filter(x: Exchange, chunk: bytes, last: bool) -> bytes:
        if last:
            raise LookupError("a bug")
        return chunk

    logged: list[int] = []
    probe = with_probe(body_filter=body_filter, log=lambda x: logged.append(x.response.status))
    with proxied(**probe) as (gateway, _), client(gateway) as peer:
        peer.send(get())
        assert b"0\r\n\r\n" not in peer.read_all()
        wait_until(lambda: logged == [200])


def test_a_log_phase_that_fails_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def log(x: Exchange) -> None:
        raise LookupError("a bug")

    with proxied(**with_probe(log=log)) as (gateway, _), client(gateway) as peer:
        for _ in range(2):
            peer.send(get())
            assert peer.read_message()[1] == b"ok"
    assert "probe" in caplog.text


@pytest.mark.parametrize(
    ("fields", "request_bytes", "status"),
    [
        ({"uris": ["/other"]}, get(), 404),
        ({"https_only": True}, get(), 426),
        ({"upstream_url": "http://gone.invalid"}, get(), 503),
        ({"upstream_url": "http://127.0.0.1:1", "retries": 0}, get(), 502),
        ({}, get(b"*"), 400),
    ],
)
def test_every_request_with_a_head_is_logged(
    fields: dict[str, object], request_bytes: bytes, status: int
) -> None:
    logged: list[int] = []
    probe = with_probe(log=lambda x: logged.append(x.response.status))
    with proxied(fields=fields, **probe) as (gateway, _):
        head, _ = exchange(gateway, request_bytes)
        assert head.startswith(b"HTTP/1.1 %d " % status)
        wait_until(lambda: logged == [status])


def test_plugins_of_an_api_log_what_is_refused_before_access() -> None:
    logged: list[int] = []
    probe = with_probe(is_global=False, log=lambda x: logged.append(x.response.status))
    with proxied(fields={"https_only": True}, **probe) as (gateway, _):
        exchange(gateway, get())
        wait_until(lambda: logged == [426])


def test_plugins_see_what_the_parser_took_out_of_the_lines() -> None:
    seen: dict[str, str | None] = {}

    def access(x: Exchange) -> None:
        for name in ("Host", "Content-Length", "X-Forwarded-For", "Expect", "Upgrade", "TE"):
            seen[name] = x.request.get_header(name)
        x.request.set_header("Host", "changed.test")
        x.request.set_header("Content-Length", "999")
        seen["host after"] = x.request.get_header("host")

    with proxied(**with_probe(access=access)) as (gateway, upstream):
        lines = (b"Content-Length: 5", b"X-Forwarded-For: 1.2.3.4", b"Upgrade: h2c")
        exchange(gateway, get(b"/", *lines, method=b"POST") + b"hello")
        assert seen == {
            "Host": "shop.test",
            "Content-Length": "5",
            "X-Forwarded-For": "1.2.3.4",
            "Expect": None,
            "Upgrade": "h2c",
            "TE": None,
            "host after": "changed.test",
        }
        assert b"\r\nHost: changed.test\r\n" in upstream.heads[0]
        assert upstream.bodies == [b"hello"]
