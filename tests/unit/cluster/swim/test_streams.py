import pytest

from colobus.cluster.codec.stream import StreamCodec
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import Ack, ErrorMessage, Ping, StreamMessage
from colobus.cluster.refusals import Refusal, Refusals
from colobus.cluster.swim.schedule import Schedule
from colobus.cluster.swim.streams import MOST_ACCEPTED, MOST_DIALLED, Streams, StreamWrite

PEER = ("10.0.1.1", 7946)
TIMEOUT_S = 10.0


class StreamsUnderTest:
    def __init__(self) -> None:
        self.codec = StreamCodec(Keyring(), bytes, compresses=False)
        self.schedule = Schedule()
        self.served: list[tuple[int, StreamMessage]] = []
        self.outcome: list[object] = []
        self.refusals = Refusals()
        self.streams = Streams(
            self.codec,
            schedule=self.schedule,
            timeout_s=TIMEOUT_S,
            serve=lambda stream, message, _peer, _now: self.served.append((stream, message)),
            refusals=self.refusals,
        )

    def dial(self) -> int:
        self.streams.dial(
            PEER,
            Ping(1, "n1"),
            0.0,
            answered=lambda message, _now: self.outcome.append(message),
            failed=lambda reason, _now: self.outcome.append(reason),
        )
        [opening] = self.streams.take_opens()
        assert opening.address == PEER
        assert self.codec.reader().feed(opening.data) == Ping(1, "n1")
        return opening.stream

    def reply(self, message: StreamMessage) -> bytes:
        return self.codec.encode(message, is_reply=True)


@pytest.fixture
def under_test() -> StreamsUnderTest:
    return StreamsUnderTest()


def test_an_answer_ends_a_dialled_stream(under_test: StreamsUnderTest) -> None:
    stream, data = under_test.dial(), under_test.reply(Ack(1))
    for start in range(len(data)):
        assert under_test.outcome == []
        under_test.streams.receive(stream, data[start : start + 1], 1.0)
    assert under_test.outcome == [Ack(1)]
    assert under_test.streams.take_writes() == [StreamWrite(stream, b"", is_last=True)]
    under_test.streams.receive(stream, data, 1.0)
    under_test.streams.ended(stream, "closed", 1.0)
    under_test.schedule.run_due(100.0)
    assert under_test.outcome == [Ack(1)], "exactly one of the callbacks is called"
    assert len(under_test.streams) == 0


def test_a_dialled_stream_fails_when_the_peer_closes(under_test: StreamsUnderTest) -> None:
    under_test.streams.ended(under_test.dial(), "connection refused", 0.5)
    assert under_test.outcome == ["connection refused"]


def test_a_dialled_stream_fails_and_is_closed_at_its_deadline(
    under_test: StreamsUnderTest,
) -> None:
    stream = under_test.dial()
    under_test.schedule.run_due(TIMEOUT_S - 0.1)
    assert under_test.outcome == []
    under_test.schedule.run_due(TIMEOUT_S)
    assert under_test.outcome == ["timed out"]
    assert under_test.streams.take_writes() == [StreamWrite(stream, b"", is_last=True)]


def test_bytes_that_are_no_message_fail_a_dialled_stream(under_test: StreamsUnderTest) -> None:
    stream = under_test.dial()
    under_test.streams.receive(stream, b"\x63nonsense", 1.0)
    assert under_test.outcome == ["message type 99 is not supported on a stream"]
    assert [write.is_last for write in under_test.streams.take_writes()] == [True]


def test_an_accepted_stream_is_served_and_answered(under_test: StreamsUnderTest) -> None:
    stream = under_test.streams.accept("10.0.0.9", 0.0)
    assert stream is not None
    under_test.streams.receive(stream, under_test.codec.encode(Ping(5, "me")), 0.0)
    assert under_test.served == [(stream, Ping(5, "me"))]
    under_test.streams.reply(stream, Ack(5))
    under_test.streams.reply(stream, Ack(5))
    expected = StreamWrite(stream, under_test.reply(Ack(5)), is_last=True)
    assert under_test.streams.take_writes() == [expected]


def test_the_dialler_of_bad_bytes_is_told_why(under_test: StreamsUnderTest) -> None:
    stream = under_test.streams.accept("10.0.0.9", 0.0)
    assert stream is not None
    under_test.streams.receive(stream, b"\x63", 0.0)
    [write] = under_test.streams.take_writes()
    answer = under_test.codec.reader(is_reply=True).feed(write.data)
    assert answer == ErrorMessage("message type 99 is not supported on a stream")
    assert write.is_last
    assert under_test.refusals.counts[Refusal.MALFORMED_STREAM] == 1


def test_an_accepted_stream_that_says_nothing_is_closed(under_test: StreamsUnderTest) -> None:
    stream = under_test.streams.accept("10.0.0.9", 0.0)
    assert stream is not None
    under_test.schedule.run_due(TIMEOUT_S)
    assert under_test.streams.take_writes() == [StreamWrite(stream, b"", is_last=True)]
    assert len(under_test.streams) == 0
    assert under_test.refusals.counts[Refusal.STREAM_TIMED_OUT] == 1


def test_both_directions_are_limited(under_test: StreamsUnderTest) -> None:
    accepted = [under_test.streams.accept("10.0.0.9", 0.0) for _ in range(MOST_ACCEPTED + 1)]
    assert [stream is None for stream in accepted].count(True) == 1
    assert under_test.refusals.counts[Refusal.STREAM_TURNED_AWAY] == 1
    for _ in range(MOST_DIALLED):
        under_test.dial()
    assert under_test.outcome == []
    with pytest.raises(ValueError, match="not enough values"):
        under_test.dial()
    assert under_test.outcome == ["too many streams are open"]
    assert accepted[0] is not None
    under_test.streams.ended(accepted[0], "closed", 0.0)
    assert under_test.streams.accept("10.0.0.9", 0.0) is not None


def test_an_answer_too_large_to_send_closes_the_stream(under_test: StreamsUnderTest) -> None:
    stream = under_test.streams.accept("10.0.0.9", 0.0)
    assert stream is not None
    under_test.streams.reply(stream, Ack(-1))
    assert under_test.streams.take_writes() == [StreamWrite(stream, b"", is_last=True)]
    under_test.streams.dial(
        PEER,
        Ack(-1),
        0.0,
        answered=lambda message, _now: under_test.outcome.append(message),
        failed=lambda reason, _now: under_test.outcome.append(reason),
    )
    assert under_test.streams.take_opens() == []
    assert len(under_test.outcome) == 1
