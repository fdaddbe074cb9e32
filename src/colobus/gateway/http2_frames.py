"""Watches the frames of a client go by, in front of the machine that understands them. Pure.

It reads the nine bytes at the head of each frame and counts what ``http2_limits.py`` limits,
before anything is decoded. A client's GOAWAY is taken out: the machine would give up at once,
while the client only says that it will open no more streams (RFC 9113 §6.8).
"""

from typing import Final

from colobus.errors import AbuseError, MalformedError
from colobus.gateway.http2_limits import (
    BYTES_PER_CONTROL,
    CONTINUATIONS,
    CONTROL_BURST,
    CONTROLS_PER_REQUEST,
    CONTROLS_PER_S,
    HEADER_BLOCK_BYTES,
    Budget,
)

__all__ = ["PREFACE", "PREFACE_HEAD", "FrameWatch"]

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PREFACE_HEAD: Final = PREFACE[:18]
"""What of it looks like the head of a request."""
"""What every client sends first (RFC 9113 §3.4)."""

HEAD_BYTES: Final = 9

DATA: Final = 0x0
HEADERS: Final = 0x1
GOAWAY: Final = 0x7
CONTINUATION: Final = 0x9

END_STREAM: Final = 0x1
END_HEADERS: Final = 0x4

# RFC 9113 §4.2: the least limit there is, and the one that is never raised here.
MAX_FRAME_BYTES: Final = 16_384
GOAWAY_BYTES: Final = 8


class FrameWatch:
    """Follows the bytes of one connection, from its preface on.

    Args:
        now: monotonic seconds.

    Attributes:
        is_in_headers: a header block has begun and is not complete.
        is_leaving: the client will open no more streams.
    """

    __slots__ = (
        "block_bytes",
        "budget",
        "continuations",
        "held",
        "is_dropping",
        "is_in_headers",
        "is_leaving",
        "remaining",
    )

    def __init__(self, now: float) -> None:
        self.budget = Budget(CONTROL_BURST, CONTROLS_PER_S, now)
        self.remaining = len(PREFACE)  # bytes up to the next frame
        self.held = b""  # the beginning of the head of a frame
        self.is_dropping = False
        self.is_in_headers = False
        self.is_leaving = False
        self.block_bytes = 0
        self.continuations = 0

    def feed(self, data: bytes, now: float) -> bytes:
        """Return what the machine shall see of ``data``.

        Raises:
            AbuseError: the client went too far.
            MalformedError: a frame is larger than was allowed.
        """
        if self.held:
            data = self.held + data
            self.held = b""
        kept = []
        at = 0
        size = len(data)
        while at < size:
            if self.remaining:
                end = min(size, at + self.remaining)
                self.remaining -= end - at
                if not self.is_dropping:
                    kept.append(data[at:end])
            elif size - at < HEAD_BYTES:
                self.held = data[at:]
                break
            else:
                end = at + HEAD_BYTES
                self.begin(data[at:end], now)
                if not self.is_dropping:
                    kept.append(data[at:end])
            at = end
        return b"".join(kept)

    def begin(self, head: bytes, now: float) -> None:
        """Look at the head of a frame."""
        length = int.from_bytes(head[:3], "big")
        kind = head[3]
        flags = head[4]
        if length > MAX_FRAME_BYTES:
            raise MalformedError(f"frame of {length} bytes")  # before any of it is held
        self.remaining = length
        self.is_dropping = False
        if kind == HEADERS:
            self.budget.earn(CONTROLS_PER_REQUEST)
            self.block_bytes = self.continuations = 0
            self.take_block(length, flags)
        elif kind == CONTINUATION:
            self.continuations += 1
            self.take_block(length, flags)
        elif kind == DATA and (length or flags & END_STREAM):
            self.budget.earn(length / BYTES_PER_CONTROL)
        elif not self.budget.spend(now):
            raise AbuseError(f"too many frames that carry nothing, the last of type {kind}")
        elif kind == GOAWAY and is_sound_goaway(head, length) and not self.is_in_headers:
            self.is_leaving = True
            self.is_dropping = True

    def take_block(self, length: int, flags: int) -> None:
        """Take a piece of a header block."""
        self.block_bytes += length
        if self.block_bytes > HEADER_BLOCK_BYTES or self.continuations > CONTINUATIONS:
            raise AbuseError("header block without end")
        self.is_in_headers = not flags & END_HEADERS

    def passed(self, size: int) -> None:
        """Note that ``size`` bytes of an answer were sent: the client may update its windows."""
        self.budget.earn(size / BYTES_PER_CONTROL)


def is_sound_goaway(head: bytes, length: int) -> bool:
    """Say whether a GOAWAY breaks no rule that the machine would have to object to."""
    stream = int.from_bytes(head[5:9], "big") & 0x7FFFFFFF
    return stream == 0 and length >= GOAWAY_BYTES
