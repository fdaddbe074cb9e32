"""Request bodies between client and upstream."""

import asyncio
import itertools

import pytest
from hypothesis import given, strategies as st

from colobus.errors import MalformedError, ProtocolError
from colobus.gateway.body import KEPT_BYTES, RequestBody
from colobus.gateway.framing import ChunkedDecoder, chunk
from colobus.gateway.wire import HeadLimits, RequestHead, parse_request
from colobus.plugins.context import ShortCircuit


def head(framing: bytes) -> RequestHead:
    data = b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n"
    parsed = parse_request(data, HeadLimits())
    assert parsed is not None
    return parsed


def sized(length: int) -> RequestBody:
    return RequestBody(head(b"Content-Length: %d" % length))


def chunked() -> RequestBody:
    return RequestBody(head(b"Transfer-Encoding: chunked"))


def test_a_sized_body_takes_its_bytes_and_no_more() -> None:
    body = sized(5)
    assert body.feed(b"..hel", 2) == 3
    assert body.feed(b"loGET", 0) == 2
    assert body.is_complete
    assert body.framing() == b"Content-Length: 5\r\n\r\n"
    assert body.take() == b"hello"


def test_the_length_of_a_body_that_is_still_coming_is_the_stated_one() -> None:
    body = sized(5)
    body.feed(b"he", 0)
    assert body.framing() == b"Content-Length: 5\r\n\r\n"


def test_a_complete_chunked_body_gets_a_length() -> None:
    body = chunked()
    assert body.feed(b"3;x\r\nabc\r\n0\r\nT: 1\r\n\r\nGET", 0) == 21
    assert body.framing() == b"Content-Length: 3\r\n\r\n"
    assert body.take() == b"abc"


def test_a_chunked_body_that_is_still_coming_goes_in_chunks() -> None:
    body = chunked()
    body.feed(b"3\r\nabc\r\n", 0)
    assert body.framing() == b"Transfer-Encoding: chunked\r\n\r\n"
    assert body.take() == b"3\r\nabc\r\n"
    assert body.take() == b""
    body.feed(b"2\r\nde\r\n0\r\n\r\n", 0)
    assert body.take() == b"2\r\nde\r\n0\r\n\r\n"
    assert body.take() == b""


def test_a_rewound_body_is_sent_again_whole() -> None:
    body = chunked()
    body.feed(b"3\r\nabc\r\n", 0)
    body.framing()
    assert body.take() == b"3\r\nabc\r\n"
    body.feed(b"0\r\n\r\n", 0)
    assert body.take() == b"0\r\n\r\n"
    body.rewind()
    assert body.take() == b"3\r\nabc\r\n0\r\n\r\n"


def test_a_large_body_is_forgotten_as_it_goes() -> None:
    body = sized(3 * KEPT_BYTES)
    body.feed(b"x" * (KEPT_BYTES - 1), 0)
    body.feed(b"x" * KEPT_BYTES, 0)
    assert body.is_full
    assert len(body.take()) == 2 * KEPT_BYTES - 1
    assert (body.is_full, body.is_whole, body.size) == (False, False, 0)
    body.feed(b"y" * (KEPT_BYTES + 1), 0)
    assert body.is_complete
    assert body.take() == b"y" * (KEPT_BYTES + 1)


@pytest.mark.parametrize("size", [KEPT_BYTES - 1, KEPT_BYTES, KEPT_BYTES + 1])
def test_a_body_that_was_taken_is_never_full(size: int) -> None:
    body = sized(3 * KEPT_BYTES)
    body.feed(b"x" * size, 0)
    body.take()
    assert not body.is_full


def test_a_small_body_is_kept_while_it_goes() -> None:
    body = sized(10)
    body.feed(b"12345", 0)
    assert body.take() == b"12345"
    body.feed(b"67890", 0)
    assert body.take() == b"67890"
    assert body.is_whole
    body.rewind()
    assert body.take() == b"1234567890"


def test_a_discarded_body_is_followed_and_not_kept() -> None:
    body = sized(10)
    body.feed(b"12345", 0)
    body.discard()
    assert body.feed(b"67890GET", 0) == 5
    assert body.is_complete
    assert body.size == 0


def test_broken_framing_is_refused() -> None:
    with pytest.raises(ProtocolError):
        chunked().feed(b"zz\r\n", 0)


async def test_a_reader_gets_the_whole_body_when_it_is_there() -> None:
    wanted: list[bool] = []
    body = RequestBody(head(b"Content-Length: 5"), lambda: wanted.append(True))
    body.feed(b"he", 0)
    reading = asyncio.ensure_future(body.read(100))  # noqa: TID251  (the test owns it)
    await asyncio.sleep(0)
    assert wanted == [True]
    assert not body.is_full
    body.feed(b"llo", 0)
    assert await reading == b"hello"
    assert await body.read(5) == b"hello"
    assert body.take() == b"hello"


@pytest.mark.parametrize("framing", [b"Content-Length: 11", b"Transfer-Encoding: chunked"])
async def test_a_body_over_the_readers_limit_is_413(framing: bytes) -> None:
    body = RequestBody(head(framing))
    reading = asyncio.ensure_future(body.read(10))  # noqa: TID251  (the test owns it)
    await asyncio.sleep(0)
    if not reading.done():
        body.feed(chunk(b"x" * 11), 0)
    with pytest.raises(ShortCircuit) as caught:
        await reading
    assert caught.value.status == 413


async def test_a_body_read_whole_is_kept_whole_however_large() -> None:
    size = 3 * KEPT_BYTES
    body = sized(size)
    reading = asyncio.ensure_future(body.read(size))  # noqa: TID251  (the test owns it)
    await asyncio.sleep(0)
    body.feed(b"x" * size, 0)
    assert len(await reading) == size
    assert len(body.take()) == size
    assert body.is_whole
    body.rewind()
    assert len(body.take()) == size


def test_payload_of_unstated_length_gets_one_if_it_is_complete() -> None:
    body = chunked()
    seen = []
    for payload, is_last in ((b"abc", False), (b"de", True)):
        body.feed_payload(payload, is_last=is_last)
        seen.append(body.is_complete)
    assert seen == [False, True]
    assert body.framing() == b"Content-Length: 5\r\n\r\n"
    assert body.take() == b"abcde"


def test_payload_of_unstated_length_goes_in_chunks() -> None:
    body = chunked()
    body.feed_payload(b"abc", is_last=False)
    assert body.framing() == b"Transfer-Encoding: chunked\r\n\r\n"
    assert body.take() == b"3\r\nabc\r\n"
    body.feed_payload(b"", is_last=True)
    assert body.take() == b"0\r\n\r\n"


def test_payload_of_stated_length_is_complete_with_its_last_byte() -> None:
    body = sized(5)
    body.feed_payload(b"abc", is_last=False)
    body.feed_payload(b"de", is_last=False)
    assert body.is_complete
    body.feed_payload(b"", is_last=True)
    assert body.take() == b"abcde"


@pytest.mark.parametrize(("payload", "is_last"), [(b"abcd", True), (b"abcdef", False)])
def test_payload_of_another_length_is_malformed(payload: bytes, is_last: bool) -> None:
    with pytest.raises(MalformedError):
        sized(5).feed_payload(payload, is_last=is_last)


async def test_a_plugin_gets_payload_that_came_in_frames() -> None:
    body = chunked()
    reading = asyncio.ensure_future(body.read(100))  # noqa: TID251  (the test owns it)
    await asyncio.sleep(0)
    body.feed_payload(b"abc", is_last=False)
    body.feed_payload(b"", is_last=True)
    assert await reading == b"abc"


def test_a_replaced_body_has_its_own_length() -> None:
    body = RequestBody(None)
    assert body.is_complete
    body.replace(b"new")
    assert body.framing() == b"Content-Length: 3\r\n\r\n"
    assert body.take() == b"new"


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8), st.booleans())
def test_however_it_is_cut_the_same_bytes_arrive(
    payload: bytes, cuts: list[int], is_chunked: bool
) -> None:
    if is_chunked:
        body = chunked()
        sent = (chunk(payload) if payload else b"") + b"0\r\n\r\n"
    else:
        body = sized(len(payload))
        sent = payload
    edges = sorted({0, len(sent), *(cut for cut in cuts if cut <= len(sent))})
    out = []
    framing = body.framing() if len(edges) > 2 else None
    for start, end in itertools.pairwise(edges):
        assert body.feed(sent[start:end], 0) == end - start
        if framing is not None:
            out.append(body.take())
    if framing is None:
        framing = body.framing()
        out.append(body.take())
    assert body.is_complete
    received = b"".join(out)
    if b"chunked" in framing:
        received, used = ChunkedDecoder().feed(received, 0)
        assert used == len(b"".join(out))
    assert received == payload


def test_a_body_over_its_limit_is_refused_when_it_gets_there() -> None:
    body = RequestBody(head(b"Transfer-Encoding: chunked"))
    refusal = ShortCircuit(413, "too much")
    body.feed(b"3\r\nabc\r\n", 0)
    body.limit_to(5, refusal)
    body.feed(b"2\r\nde\r\n", 0)
    with pytest.raises(ShortCircuit) as refused:
        body.feed(b"1\r\nf\r\n", 0)
    assert refused.value is refusal


def test_the_lowest_limit_of_a_body_counts_also_when_it_was_reached_before() -> None:
    body = RequestBody(head(b"Transfer-Encoding: chunked"))
    body.feed(b"3\r\nabc\r\n", 0)
    body.limit_to(3, ShortCircuit(413, "first"))
    body.limit_to(9, ShortCircuit(413, "second"))
    with pytest.raises(ShortCircuit) as refused:
        body.limit_to(2, ShortCircuit(413, "third"))
    assert refused.value.body == "third"


def test_what_is_discarded_has_no_limit() -> None:
    body = RequestBody(head(b"Transfer-Encoding: chunked"))
    body.limit_to(1, ShortCircuit(413))
    body.discard()
    assert body.feed(b"3\r\nabc\r\n", 0) == 8
