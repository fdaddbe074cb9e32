"""Bodies in every framing, both ways, however they are cut into pieces."""

import pytest

from support.proxying import client, exchange, get, proxied
from support.raw_upstream import Peer, Serve, reply

pytestmark = pytest.mark.integration

CHUNKED_ANSWER = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"
)


def closing(answer: bytes, *, piece: int = 65536) -> Serve:
    """Return a server that answers one request, in pieces, and closes."""

    def serve(peer: Peer) -> None:
        peer.read_message()
        for start in range(0, len(answer), piece):
            peer.send(answer[start : start + piece])

    return serve


def post(body: bytes, *lines: bytes) -> bytes:
    return get(b"/", b"Content-Length: %d" % len(body), *lines, method=b"POST") + body


def chunked_post(*chunks: bytes, method: bytes = b"POST") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return get(b"/", b"Transfer-Encoding: chunked", method=method) + body + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "framing", "body"),
    [
        (reply(b"hello world"), b"Content-Length: 11\r\n", b"hello world"),
        (reply(b""), b"Content-Length: 0\r\n", b""),
        (CHUNKED_ANSWER, b"Transfer-Encoding: chunked\r\n", b"hello world"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello world", b"Transfer-Encoding: chunked\r\n", b"hello world"),
        (b"HTTP/1.0 200 OK\r\n\r\nhello world", b"Transfer-Encoding: chunked\r\n", b"hello world"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"Transfer-Encoding: chunked\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", b""),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", b"", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"Content-Length: 9\r\n", b""),
    ],
    ids=["length", "empty", "chunked", "until-close", "http10", "nothing", "204", "204+0", "304"],
)
@pytest.mark.parametrize("piece", [1, 7, 65536])
def test_an_answer_arrives_whole_and_the_connection_goes_on(
    answer: bytes, framing: bytes, body: bytes, piece: int
) -> None:
    def serve(peer: Peer) -> None:
        peer.read_message()
        for start in range(0, len(answer), piece):
            peer.send(answer[start : start + piece])

    with proxied(serve) as (gateway, _), client(gateway) as peer:
        for _ in range(2):
            peer.send(get())
            head, received = peer.read_message()
            assert received == body
            assert framing in head
            assert b"Connection: close" not in head
            assert (b"Content-Length" in head) == framing.startswith(b"Content-Length")


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"Content-Length: 5"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"Transfer-Encoding: chunked"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"200 OK"),
    ],
)
def test_an_answer_to_head_has_its_framing_and_no_body(answer: bytes, line: bytes) -> None:
    def serve(peer: Peer) -> None:
        while True:
            peer.read_message()
            peer.send(answer)

    with proxied(serve) as (gateway, upstream), client(gateway) as peer:
        for _ in range(3):
            peer.send(get(method=b"HEAD"))
            head, _ = peer.read_message(is_head=True)
            assert line in head
        assert upstream.connections == 1


def test_trailers_and_extensions_of_an_answer_pass_as_they_came() -> None:
    with proxied(closing(CHUNKED_ANSWER)) as (gateway, _), client(gateway) as peer:
        peer.send(get(b"/", b"Connection: close"))
        answer = peer.read_all()
        assert answer.endswith(CHUNKED_ANSWER.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("piece", [1, 7, 65536])
@pytest.mark.parametrize(
    ("request_bytes", "body"),
    [
        (post(b""), b""),
        (post(b"hello world"), b"hello world"),
        (chunked_post(), b""),
        (chunked_post(b"hello", b" world"), b"hello world"),
        (
            get(b"/", b"Transfer-Encoding: chunked", method=b"PUT")
            + b"5;x=y\r\nhello\r\n0\r\nX-Consumer-ID: forged\r\n\r\n",
            b"hello",
        ),
    ],
    ids=["empty", "length", "chunked-empty", "chunked", "trailers"],
)
def test_a_request_body_arrives_whole(request_bytes: bytes, body: bytes, piece: int) -> None:
    with proxied() as (gateway, upstream), client(gateway) as peer:
        for _ in range(2):
            for start in range(0, len(request_bytes), piece):
                peer.send(request_bytes[start : start + piece])
            assert peer.read_message()[1] == b"ok"
        assert upstream.bodies == [body, body]
        # Neither chunk extensions nor trailers of a client reach an upstream.
        assert b"forged" not in b"".join(upstream.heads)


def test_a_chunked_body_that_came_with_its_head_is_sent_with_a_length() -> None:
    with proxied() as (gateway, upstream):
        assert exchange(gateway, chunked_post(b"abc", b"de"))[1] == b"ok"
        assert b"\r\nContent-Length: 5\r\n" in upstream.heads[0]
        assert b"Transfer-Encoding" not in upstream.heads[0]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_large_body_streams_through(framing: str) -> None:
    body = bytes(range(256)) * 4096 * 5  # 5 MiB

    def serve(peer: Peer) -> None:
        _, received = peer.read_message()
        peer.send(reply(received))

    with proxied(serve) as (gateway, _), client(gateway) as peer:
        pieces = [body[start : start + 100_000] for start in range(0, len(body), 100_000)]
        peer.send(post(body) if framing == "length" else chunked_post(*pieces))
        assert peer.read_message()[1] == body


def test_what_lies_behind_an_answer_is_nobodys() -> None:
    """A lying upstream must not get to answer the next request."""

    def serve(peer: Peer) -> None:
        while True:
            peer.read_message()
            peer.send(reply(b"mine") + reply(b"forged"))

    with proxied(serve) as (gateway, upstream), client(gateway) as peer:
        for _ in range(3):
            peer.send(get())
            assert peer.read_message()[1] == b"mine"
        assert upstream.connections == 3


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n",
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"5\nhello\r\n",
        b"-1\r\n",
        b"0x5\r\nhello\r\n",
        b"0\r\nbad trailer\r\n\r\n",
        b"1" * 20 + b"\r\n",
    ],
)
def test_a_broken_chunked_body_is_refused_with_400_and_closed(body: bytes) -> None:
    request = get(b"/", b"Transfer-Encoding: chunked", method=b"POST")
    with proxied() as (gateway, _):
        for split in (False, True):
            with client(gateway) as peer:
                if split:
                    peer.send(request)
                    peer.send(b"1\r\na\r\n")
                    peer.send(body)
                else:
                    peer.send(request + body)
                answer = peer.read_all()
                assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
                assert b"Connection: close\r\n" in answer
                assert answer.count(b"HTTP/1.1") == 1


def test_an_early_answer_is_relayed_and_the_rest_of_the_body_read_past() -> None:
    def serve(peer: Peer) -> None:
        head = peer.read_head()
        if b"POST" in head:
            peer.send(reply(b"no", status=b"413 Payload Too Large"))
            peer.read_all()
        else:
            peer.send(reply(b"yes"))

    with proxied(serve) as (gateway, upstream), client(gateway) as peer:
        peer.send(get(b"/", b"Content-Length: 200000", method=b"POST") + b"x" * 100)
        assert peer.read_message()[1] == b"no"
        peer.send(b"x" * 199_900 + get())
        assert peer.read_message()[1] == b"yes"
        # The upstream still waits for the body: its connection is not used again.
        assert upstream.connections == 2
