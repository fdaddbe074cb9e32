"""The streams of one node: one connection carries one exchange (reference: memberlist §2.2).

Owns who dialled, who waits for what, and every deadline; knows no sockets and no byte layout. The
transport opens, writes, and closes what the ``take`` methods say, and reports what happens.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from colobus.cluster.codec.stream import StreamCodec, StreamReader
from colobus.cluster.messages import ErrorMessage, StreamMessage
from colobus.cluster.refusals import Refusal, Refusals
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.schedule import Schedule, Timer
from colobus.errors import ClusterProtocolError

__all__ = ["REFUSED", "OpenStream", "StreamWrite", "Streams"]

# The reason of a stream that could not be opened since nothing listens there. The transport must
# say this word for that and for nothing else: it is evidence (``refusal``).
REFUSED = "connection refused"

logger = logging.getLogger(__name__)

# Incoming exchanges at once; more are turned away (reference: memberlist §2.2).
MOST_ACCEPTED = 128
# Outgoing ones; joins wait for their turn (``exchange``), a probe adds one.
MOST_DIALLED = 64

Answered = Callable[[StreamMessage, float], None]
Failed = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Ask the transport to connect, then to send ``data`` and report what comes back."""

    stream: int
    address: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class StreamWrite:
    """Ask the transport to send ``data``, and then to close if ``is_last``."""

    stream: int
    data: bytes
    is_last: bool


@dataclass(slots=True)
class _Stream:
    reader: StreamReader
    timer: Timer
    answered: Answered | None = None  # None: accepted
    failed: Failed | None = None
    peer: str = ""


class Streams:
    """All streams, dialled and accepted. Each ends by an answer, a failure or its deadline."""

    def __init__(
        self,
        codec: StreamCodec,
        *,
        schedule: Schedule,
        timeout_s: float,
        serve: Callable[[int, StreamMessage, str, float], None],
        refusals: Refusals,
    ) -> None:
        self._codec = codec
        self._schedule = schedule
        self._timeout_s = timeout_s
        self._serve = serve
        self._refusals = refusals
        self._streams: dict[int, _Stream] = {}
        self._accepted = 0
        self._numbered = 0
        self._opens: list[OpenStream] = []
        self._writes: list[StreamWrite] = []

    def __len__(self) -> int:
        """Return the number of streams that have not ended."""
        return len(self._streams)

    def take_opens(self) -> list[OpenStream]:
        """Return what is to be opened, and forget it."""
        opens, self._opens = self._opens, []
        return opens

    def take_writes(self) -> list[StreamWrite]:
        """Return what is to be written or closed, and forget it."""
        writes, self._writes = self._writes, []
        return writes

    def dial(
        self,
        address: Address,
        message: StreamMessage,
        now: float,
        *,
        answered: Answered,
        failed: Failed,
        timeout_s: float | None = None,
    ) -> None:
        """Send ``message`` on a new stream; exactly one of the callbacks will be called."""
        if len(self._streams) - self._accepted >= MOST_DIALLED:
            failed("too many streams are open", now)
            return
        try:
            data = self._codec.encode(message)
        except ClusterProtocolError as exc:
            failed(str(exc), now)
            return
        deadline = now + (self._timeout_s if timeout_s is None else timeout_s)
        stream = self._add(deadline, answered, failed, address[0])
        self._opens.append(OpenStream(stream, address, data))

    def accept(self, peer: str, now: float) -> int | None:
        """Return the number of an incoming stream, or None if it must be closed at once."""
        if self._accepted >= MOST_ACCEPTED:
            reason = f"{MOST_ACCEPTED} streams are open"
            self._refusals.note(Refusal.STREAM_TURNED_AWAY, peer, reason, now)
            return None
        self._accepted += 1
        return self._add(now + self._timeout_s, None, None, peer)

    def receive(self, stream: int, data: bytes, now: float) -> None:
        """Take bytes of a stream; those of one that has ended are dropped."""
        entry = self._streams.get(stream)
        if entry is None:
            return
        try:
            message = entry.reader.feed(data)
        except ClusterProtocolError as exc:
            self._refuse(stream, entry, exc, now)
            return
        if message is None:
            return
        if entry.answered is None:
            self._serve(stream, message, entry.peer, now)
        else:
            self._remove(stream)
            self._writes.append(StreamWrite(stream, b"", is_last=True))
            entry.answered(message, now)

    def ended(self, stream: int, reason: str, now: float) -> None:
        """Learn that the peer closed, or that connecting or the connection failed."""
        entry = self._remove(stream)
        if entry is not None and entry.failed is not None:
            entry.failed(reason, now)

    def reply(self, stream: int, message: StreamMessage | None) -> None:
        """Answer an accepted stream, or just close it for None; either ends it."""
        if self._remove(stream) is not None:
            self._writes.append(StreamWrite(stream, self._encode_reply(message), is_last=True))

    def _add(
        self, deadline: float, answered: Answered | None, failed: Failed | None, peer: str
    ) -> int:
        self._numbered += 1
        stream = self._numbered
        timer = self._schedule.call_at(deadline, lambda at: self._expire(stream, at))
        reader = self._codec.reader(is_reply=answered is not None)
        self._streams[stream] = _Stream(reader, timer, answered, failed, peer)
        return stream

    def _remove(self, stream: int) -> _Stream | None:
        entry = self._streams.pop(stream, None)
        if entry is not None:
            self._schedule.cancel(entry.timer)
            self._accepted -= entry.answered is None
        return entry

    def _expire(self, stream: int, now: float) -> None:
        entry = self._streams[stream]
        if entry.answered is None:
            reason = "a stream without a message"
            self._refusals.note(Refusal.STREAM_TIMED_OUT, entry.peer, reason, now)
        self._writes.append(StreamWrite(stream, b"", is_last=True))
        self.ended(stream, "timed out", now)

    def _encode_reply(self, message: StreamMessage | None) -> bytes:
        if message is None:
            return b""
        try:
            return self._codec.encode(message, is_reply=True)
        except ClusterProtocolError as exc:
            logger.warning("an answer cannot be sent: %s", exc)
            return b""

    def _refuse(self, stream: int, entry: _Stream, error: ClusterProtocolError, now: float) -> None:
        """End a stream whose bytes cannot be used; who dialled is told why (§2.2)."""
        reason = str(error)
        self._refusals.note_error(Refusal.MALFORMED_STREAM, entry.peer, error, now)
        if entry.answered is None:
            self.reply(stream, ErrorMessage(reason))
        else:
            self._writes.append(StreamWrite(stream, b"", is_last=True))
            self.ended(stream, reason, now)
