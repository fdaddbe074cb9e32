"""Where the body of an answer ends (RFC 9112 §6.3). Pure.

It follows the bytes and never holds any. What lies behind the end belongs to nobody: an HTTP/1
server speaks only when asked.
"""

from typing import Final

from colobus.gateway.framing import ChunkedScanner
from colobus.gateway.wire import ResponseHead

__all__ = ["AnswerFraming"]

BODILESS: Final = 0
SIZED: Final = 1
CHUNKED: Final = 2
UNTIL_CLOSE: Final = 3


class AnswerFraming:
    """Follows one answer after the other on a connection.

    Attributes:
        is_done: the current answer is complete.
    """

    __slots__ = ("is_done", "kind", "remaining", "scanner")

    def __init__(self) -> None:
        self.kind = BODILESS
        self.remaining = 0
        self.scanner: ChunkedScanner | None = None
        self.is_done = True

    @property
    def is_until_close(self) -> bool:
        """Whether the end of the connection is the end of the body."""
        return self.kind == UNTIL_CLOSE

    def begin(self, head: ResponseHead, is_head: bool) -> None:
        """Start on the body behind ``head``; ``is_head``: it answers a HEAD request."""
        self.is_done = False
        self.scanner = None
        if is_head or head.status in (204, 304):
            self.kind = BODILESS
        elif head.chunked:
            self.kind = CHUNKED
            self.scanner = ChunkedScanner()
        elif head.content_length >= 0:
            self.kind = SIZED
            self.remaining = head.content_length
        else:
            self.kind = UNTIL_CLOSE

    def follow(self, data: bytes, start: int) -> int:
        """Read on at ``start``; return the offset behind what belongs to the answer.

        Raises:
            ProtocolError: the framing is broken.
        """
        if self.kind == SIZED:
            end = min(len(data), start + self.remaining)
            self.remaining -= end - start
            self.is_done = self.remaining == 0
            return end
        if self.scanner is not None:
            end = start + self.scanner.feed(data, start)
            self.is_done = self.scanner.done
            return end
        if self.kind == BODILESS:
            self.is_done = True
            return start
        return len(data)
