"""The access log of the proxy: a line for every request, gathered and handed on in blocks.

A block leaves when it is large, a second after its first line at the latest, and at the end. What
becomes of it is not known here: the ``sink`` takes bytes and returns at once (a thread writes
them, see :mod:`colobus.logs.file`). A worker without an access log has none of these.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from colobus.gateway.wire import find
from colobus.logs.escaping import escaped, escaped_word
from colobus.logs.line import TimeStamp, combined_line, request_line

if TYPE_CHECKING:
    from colobus.gateway.exchange import Exchange
    from colobus.gateway.loop import Loop

__all__ = ["AccessLog", "Sink"]

Sink = Callable[[bytes], object]

BLOCK_BYTES: Final = 65_536
FLUSH_S: Final = 1.0

# Of a request that is none, so much of its first line is shown.
SHOWN_BYTES: Final = 1024


class AccessLog:
    """The lines of one worker.

    Args:
        loop: time, and the timer that flushes.
        sink: takes blocks of whole lines.
    """

    __slots__ = ("is_armed", "lines", "loop", "sink", "size", "stamp")

    def __init__(self, loop: "Loop", sink: Sink) -> None:
        self.loop = loop
        self.sink = sink
        self.lines: list[bytes] = []
        self.size = 0
        self.is_armed = False
        self.stamp = TimeStamp(loop.clock)

    def add(self, exchange: "Exchange") -> None:
        """Write the line of a request that is over."""
        head = exchange.head
        ended_at = exchange.ended_at
        client = exchange.client
        address = client.peer
        if head.forwarded_for is not None and client.is_trusted:
            address = exchange.client_ip
        forwarded_at = exchange.forwarded_at
        request = request_line(escaped(head.method), escaped(head.target), exchange.protocol)
        line = combined_line(
            address.encode(),
            b"-" if exchange.consumer is None else name_of(exchange.consumer),
            self.stamp.at(ended_at),
            request,
            exchange.status,
            max(0, exchange.sent_bytes - exchange.head_bytes),
            escaped(find(head.lines, b"referer")),
            escaped(find(head.lines, b"user-agent")),
            ended_at - exchange.received_at,
            ended_at - forwarded_at if forwarded_at else -1.0,
        )
        self.append(line)

    def add_refused(self, peer: str, status: int, size: int, data: bytes, seconds: float) -> None:
        """Write the line of bytes that were no request, or not a whole one.

        Args:
            peer: the address they came from.
            status: of the answer.
            size: bytes of its body.
            data: what came.
            seconds: since its first byte.
        """
        first = data[:SHOWN_BYTES].lstrip(b"\r\n").split(b"\n", 1)[0].rstrip(b"\r")
        now = self.loop.clock.monotonic()
        self.append(
            combined_line(
                peer.encode(), b"-", self.stamp.at(now), escaped(first), status, size,
                b"-", b"-", seconds, -1.0,
            )
        )  # fmt: skip

    def append(self, line: bytes) -> None:
        """Take a line; pass the block on if that makes it a large one."""
        if not self.is_armed:
            self.is_armed = True
            self.loop.timers.schedule(self.loop.now + FLUSH_S, self.on_timer)
        self.lines.append(line)
        self.size += len(line)
        if self.size >= BLOCK_BYTES:
            self.flush()

    def on_timer(self) -> None:
        """Pass on what came in the last second; an idle log has no timer."""
        self.is_armed = False
        self.flush()

    def flush(self) -> None:
        """Pass on what is there."""
        if self.lines:
            block = b"".join(self.lines)
            self.lines.clear()
            self.size = 0
            self.sink(block)


def name_of(consumer: dict[str, object]) -> bytes:
    """Return the name of an authenticated consumer, as one word."""
    name = consumer.get("username") or consumer.get("custom_id") or consumer.get("id", "-")
    return escaped_word(str(name).encode("utf-8", "surrogateescape"))
