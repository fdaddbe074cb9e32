"""Where the body of an answer ends (RFC 9112 §6.3)."""

import pytest

from colobus.errors import ProtocolError
from colobus.gateway.answer_framing import AnswerFraming
from colobus.gateway.wire import HeadLimits, parse_response

REST = b"HTTP/1.1 200 forged"


@pytest.mark.parametrize(
    ("lines", "is_head", "body"),
    [
        (b"200 OK\r\nContent-Length: 5", False, b"hello"),
        (b"200 OK\r\nContent-Length: 0", False, b""),
        (b"200 OK\r\nContent-Length: 5", True, b""),
        (b"200 OK\r\nTransfer-Encoding: chunked", True, b""),
        (b"204 No Content", False, b""),
        (b"204 No Content\r\nContent-Length: 5", False, b""),
        (b"304 Not Modified\r\nContent-Length: 5", False, b""),
        (b"200 OK\r\nTransfer-Encoding: chunked", False, b"5\r\nhello\r\n0\r\n\r\n"),
        (b"200 OK\r\nTransfer-Encoding: chunked", False, b"0\r\nA: b\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("piece", [1, 3, 100])
def test_an_answer_ends_where_its_head_says(
    lines: bytes, body: bytes, piece: int, *, is_head: bool
) -> None:
    head = parse_response(b"HTTP/1.1 " + lines + b"\r\n\r\n", HeadLimits())
    assert head is not None
    framing = AnswerFraming()
    framing.begin(head, is_head=is_head)
    data = body + REST
    at = 0
    while not framing.is_done:
        end = min(len(data), at + piece)
        at = framing.follow(data[:end], at)
    assert at == len(body)


def test_an_answer_without_framing_lasts_until_the_connection_ends() -> None:
    head = parse_response(b"HTTP/1.1 200 OK\r\n\r\n", HeadLimits())
    assert head is not None
    framing = AnswerFraming()
    framing.begin(head, is_head=False)
    assert framing.is_until_close
    assert framing.follow(b"..anything", 2) == 10
    assert not framing.is_done


def test_broken_chunks_are_refused() -> None:
    head = parse_response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HeadLimits())
    assert head is not None
    framing = AnswerFraming()
    framing.begin(head, is_head=False)
    with pytest.raises(ProtocolError):
        framing.follow(b"nonsense\r\n", 0)
