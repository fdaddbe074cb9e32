"""Answers of the data path, taken apart for HTTP/2."""

import pytest

from colobus.gateway.http2_answer import AnswerReader

HEAD = b"HTTP/1.1 201 Created\r\nX-One: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"


def test_fields_are_in_lower_case_and_those_of_a_connection_are_left_out() -> None:
    reader = AnswerReader()
    lines = b"Connection: close\r\nKeep-Alive: 1\r\nUpgrade: TLS/1.2\r\nContent-Length: 2\r\n\r\n"
    assert reader.feed(HEAD + lines + b"o") == b"o"
    assert reader.feed(b"k") == b"k"
    assert reader.status == 201
    assert reader.fields == [
        (b":status", b"201"),
        (b"x-one", b"1"),
        (b"set-cookie", b"a"),
        (b"set-cookie", b"b"),
        (b"content-length", b"2"),
    ]
    assert reader.trailers == []


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_chunks_are_opened_and_trailers_kept(step: int) -> None:
    reader = AnswerReader()
    body = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\nX-Other:\r\n\r\n"
    payload = reader.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for at in range(0, len(body), step):
        payload += reader.feed(body[at : at + step])
    assert payload == b"abcde"
    assert reader.trailers == [(b"x-sum", b"5"), (b"x-other", b"")]
    assert all(name != b"transfer-encoding" for name, _ in reader.fields)
