"""What plugins may change of the exchange itself: its method, its status, the limit of its body."""

from typing import Any

import pytest

from colobus.plugins.context import Exchange, ShortCircuit
from support.phases import plugin, plugin_row
from support.proxying import client, exchange, get, proxied
from support.raw_upstream import Peer, reply
from support.waiting import wait_until

pytestmark = pytest.mark.integration

TOO_LONG = b'{"message":"too long"}\n'


def probe(**phases: Any) -> dict[str, Any]:
    return {"plugins": [plugin(**phases)], "plugin_rows": [plugin_row()]}


def limit(exchange: Exchange) -> None:
    exchange.request.limit_body(10, ShortCircuit(413, "too long"))


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)


POST_CHUNKED = get(b"/", b"Transfer-Encoding: chunked", method=b"POST")


def test_a_body_is_refused_while_it_goes_upstream() -> None:
    arrived: list[bytes] = []

    def serve(peer: Peer) -> None:
        arrived.append(peer.read_head())
        while peer.receive():
            pass
        arrived.append(peer.buffer)

    with proxied(serve, **probe(access=limit)) as (gateway, _), client(gateway) as peer:
        peer.send(POST_CHUNKED + chunked(b"12345"))
        wait_until(lambda: len(arrived) == 1)
        peer.send(chunked(b"67890", b"1"))
        head, body = peer.read_message()
        assert head.startswith(b"HTTP/1.1 413 ")
        assert b"Connection: close" in head
        assert body == TOO_LONG
        wait_until(lambda: len(arrived) == 2)
        assert b"\r\n0\r\n" not in arrived[1]  # the upstream can tell that it is not whole


def test_a_body_of_exactly_the_limit_passes() -> None:
    with proxied(**probe(access=limit)) as (gateway, upstream):
        head, _ = exchange(gateway, POST_CHUNKED + chunked(b"1234567890") + b"0\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert upstream.bodies == [b"1234567890"]


def test_a_body_that_is_too_long_from_the_start_never_goes_upstream() -> None:
    with proxied(**probe(access=limit)) as (gateway, upstream):
        head, body = exchange(gateway, POST_CHUNKED + chunked(b"12345678901") + b"0\r\n\r\n")
        assert (head[:13], body) == (b"HTTP/1.1 413 ", TOO_LONG)
        assert upstream.connections == 0


def test_a_plugin_that_reads_a_body_meets_the_limit_too() -> None:
    async def read(exchange: Exchange) -> None:
        exchange.request.limit_body(10, ShortCircuit(413, "too long"))
        await exchange.request.body()

    with proxied(**probe(access=read)) as (gateway, upstream), client(gateway) as peer:
        peer.send(POST_CHUNKED + chunked(b"12345"))
        peer.send(chunked(b"67890", b"1"))
        assert peer.read_message()[1] == TOO_LONG
        assert upstream.connections == 0


def end_with_mark(exchange: Exchange) -> None:
    exchange.response.set_header("X-Mark", "1")
    exchange.response.end(429)


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"hello", b"X-From: upstream"),
        b"HTTP/1.1 200 OK\r\nX-From: upstream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
    ids=["whole", "endless"],
)
def test_an_answer_is_ended_by_a_header_filter(answer: bytes) -> None:
    seen: list[int] = []
    phases: dict[str, Any] = {
        "header_filter": end_with_mark,
        "log": lambda x: seen.append(x.response.status),
    }
    with (
        proxied(answer=answer, **probe(**phases)) as (gateway, _),
        client(gateway) as peer,
    ):
        for _ in range(2):
            peer.send(get())
            head, body = peer.read_message()
            assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
            for line in (b"X-From: upstream", b"X-Mark: 1", b"Content-Length: 0", b"Via: "):
                assert b"\r\n" + line in head
            assert body == b""
        wait_until(lambda: len(seen) == 2)
    assert seen == [429, 429]


def test_an_answer_of_the_gateway_is_ended_by_a_header_filter() -> None:
    def refuse(exchange: Exchange) -> None:
        raise ShortCircuit(403, "no")

    with proxied(**probe(access=refuse, header_filter=end_with_mark)) as (gateway, _):
        head, body = exchange(gateway, get())
        assert head.startswith(b"HTTP/1.1 429 ")
        assert b"Content-Length: 0\r\n" in head
        assert body == b""


def test_a_body_filter_is_asked_whether_it_wants_to_see_an_answer() -> None:
    filtering = plugin(body_filter=lambda _x, chunk, _last: chunk.upper())
    wanted = [False]
    type(filtering).filters_body = lambda *_: wanted[0]  # type: ignore[attr-defined]  # made by the test
    rows: dict[str, Any] = {"plugins": [filtering], "plugin_rows": [plugin_row()]}
    with proxied(answer=reply(b"hello"), **rows) as (gateway, _):
        head, body = exchange(gateway, get())
        assert b"Content-Length: 5\r\n" in head
        assert body == b"hello"
        wanted[0] = True
        head, body = exchange(gateway, get())
        assert b"Transfer-Encoding: chunked\r\n" in head
        assert body == b"HELLO"


def with_method(method: str) -> dict[str, Any]:
    return probe(access=lambda x: x.request.set_method(method))


def test_a_get_that_becomes_a_head_gets_no_body() -> None:
    with (
        proxied(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", **with_method("HEAD")) as (
            gateway,
            upstream,
        ),
        client(gateway) as peer,
    ):
        for _ in range(2):
            peer.send(get())
            head, body = peer.read_message()
            assert b"Content-Length: 0\r\n" in head
            assert body == b""
        assert upstream.heads[0].startswith(b"HEAD / HTTP/1.1\r\n")
        assert upstream.connections == 1


@pytest.mark.parametrize(
    "answer",
    [reply(b"hello"), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\n\r\n"],
)
def test_a_head_that_becomes_a_get_is_answered_without_body(answer: bytes) -> None:
    with (
        proxied(answer=answer, **with_method("GET")) as (gateway, upstream),
        client(gateway) as peer,
    ):
        for _ in range(2):
            peer.send(get(method=b"HEAD"))
            head, _ = peer.read_message(is_head=True)
            assert head.startswith(b"HTTP/1.1 200 ")
        assert upstream.heads[1].startswith(b"GET / HTTP/1.1\r\n")
        assert upstream.connections == 1
        assert peer.buffer == b""
