"""The node bus carries every message whole, in order, and refuses what it cannot read."""

import asyncio
import socket

import msgpack
import pytest

from colobus.errors import NodeError
from colobus.node import bus as module
from colobus.node.bus import (
    Answers,
    Applied,
    Apply,
    Bus,
    CacheAnswer,
    ClearCache,
    Configure,
    Drain,
    Failed,
    ForgetCached,
    LookUp,
    Message,
    NotWritten,
    ReadCache,
    Ready,
    Replace,
    Replaced,
    ReplaceRows,
    Write,
    Written,
    decode,
    encode,
    in_chunks,
)

MESSAGES: tuple[Message, ...] = (
    Configure({"slot": 1, "salt": b"\x00\xff"}),
    Replace(4),
    ReplaceRows("apis", [{"id": "a", "hosts": ["x"]}]),
    Replaced(4),
    Apply(5, [[5, 0, "apis", "delete", "a", {"id": "a"}, {}, None, "n", 7]]),
    Answers(5, [["consumers", "id", "c", [{"id": "c"}]]]),
    Failed("down", [["consumers", "id", "c"]]),
    Drain(10.0),
    Ready(4),
    Applied(5),
    LookUp("consumers", "id", "é"),
    ReadCache(1, [["consumers", "id", "c"]]),
    ForgetCached(2, [["consumers", "id", "c"]]),
    ClearCache(3),
    CacheAnswer(1, ["consumers", "id", "c"], [{"id": "c"}], {"hits": 1}),
    CacheAnswer(3, None, [], {}),
    Write(4, [["insert", "tags", {"id": "t"}, 300.0], ["delete", "tags", "u", None]]),
    Written(4, [{"id": "t"}, {"id": "u"}]),
    NotWritten(5, "not found"),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_survives_its_frame(message: Message) -> None:
    assert decode(encode(message)[4:]) == message


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x01", msgpack.packb([99]), msgpack.packb([0]), msgpack.packb([-12])]
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(NodeError):
        decode(body)


async def test_messages_arrive_in_order_and_the_stream_ends_with_its_peer() -> None:
    left, right = socket.socketpair()
    ours, theirs = await Bus.open(left), await Bus.open(right)
    for message in MESSAGES:
        await ours.send(message)
    received = theirs.messages()
    assert [await anext(received) for _ in MESSAGES] == list(MESSAGES)
    await ours.close()
    assert [message async for message in received] == []
    await theirs.close()


async def test_a_frame_over_the_limit_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = socket.socketpair()
    theirs = await Bus.open(right)
    left.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(left, b"\xff\xff\xff\xff")
    with pytest.raises(NodeError, match="frame of 4294967295 bytes"):
        async for _ in theirs.messages():
            pass
    await theirs.close()
    left.close()
    monkeypatch.setattr(module, "FRAME_LIMIT", 10)
    with pytest.raises(NodeError, match="too large"):
        encode(LookUp("consumers", "id", "x" * 20))


async def send_much(bus: Bus) -> None:
    for _ in range(100):
        await bus.send(ReplaceRows("apis", [{"id": "x" * 10_000}]))


async def test_sending_to_a_peer_that_is_gone_is_an_error() -> None:
    left, right = socket.socketpair()
    ours = await Bus.open(left)
    right.close()
    with pytest.raises(NodeError, match="closed"):
        await send_much(ours)
    await ours.close()


def test_chunks_hold_every_row_once() -> None:
    rows = [{"id": str(number)} for number in range(7)]
    chunks = in_chunks(rows, 3)
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    assert [row for chunk in chunks for row in chunk] == rows
