"""Strategies for messages: mostly right, sometimes changed by a few bytes."""

from itertools import pairwise

from hypothesis import strategies as st

from support.hostile import HONEST_REQUESTS, HOSTILE_ANSWERS, HOSTILE_BODIES, HOSTILE_HEADS

__all__ = ["cuts", "messages", "mutated"]

NAMES = [
    *(b"Host", b"Content-Length", b"Transfer-Encoding", b"Connection", b"Upgrade", b"Accept"),
    *(b"X-Under_score", b"Cookie", b"Trailer", b"TE", b"a", b"Expect", b"Keep-Alive"),
]
VALUES = [
    *(b"", b"a", b"0", b"5", b"05", b"+5", b"5 ", b"5,5", b"chunked", b"Chunked", b"gzip, chunked"),
    *(b"close", b"keep-alive", b"upgrade", b"websocket", b"a b", b"a\tb", b"\xe9", b'"q"'),
]
REQUEST_STARTS = [
    *(b"GET / HTTP/1.1", b"POST /a?b HTTP/1.1", b"PUT /a HTTP/1.0", b"HEAD /%2e HTTP/1.1"),
    *(b"OPTIONS * HTTP/1.1", b"GET http://b.test/c HTTP/1.1", b"DELETE /a//b HTTP/1.1"),
]
ANSWER_STARTS = [
    *(b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found", b"HTTP/1.0 200 OK", b"HTTP/1.1 304 "),
    *(b"HTTP/1.1 503", b"HTTP/1.1 299 \xe9"),
]
BODIES = [
    *(b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n"),
    *(b"0\r\n\r\n", b"A\r\n0123456789\r\n0000\r\n\r\n", b"5\r\nhello\r\n"),
]
NOISE = [
    *(b"", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"\xff"),
    *(b"a", b"0", b"1", b"-", b"+", b"_", b"x", b"HTTP/1.1", b"chunked", b"Content-Length: 1\r\n"),
]
TABLE = {
    True: [
        *(request for request, _ in HOSTILE_HEADS.values() if len(request) < 2000),
        *(request for request in HOSTILE_BODIES.values() if len(request) < 2000),
        *HONEST_REQUESTS.values(),
    ],
    False: [answer for answer in HOSTILE_ANSWERS.values() if len(answer) < 2000],
}


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Draw ``data`` with up to three changes; more often than not with none."""
    for _ in range(max(0, draw(st.integers(-3, 3)))):
        at = draw(st.integers(0, len(data)))
        end = at + draw(st.integers(0, 2))
        data = data[:at] + draw(st.sampled_from(NOISE)) + data[end:]
    return data


@st.composite
def messages(draw: st.DrawFn, *, is_request: bool) -> bytes:
    """Draw something like a request or an answer."""
    if draw(st.booleans()):
        return draw(mutated(draw(st.sampled_from(TABLE[is_request]))))
    lines = [draw(st.sampled_from(REQUEST_STARTS if is_request else ANSWER_STARTS))]
    if is_request:
        lines.append(b"Host: a")
    fields = st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES))
    lines += [b"%b: %b" % field for field in draw(st.lists(fields, max_size=4))]
    lines.append(
        draw(st.sampled_from([b"A: b", b"Content-Length: 5", b"Transfer-Encoding: chunked"]))
    )
    return draw(mutated(b"\r\n".join((*lines, b"", draw(st.sampled_from(BODIES))))))


def cuts(data: bytes, places: list[int]) -> list[bytes]:
    """Return ``data`` cut at ``places``, taken modulo its size."""
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]
