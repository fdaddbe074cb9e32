"""What a client of HTTP/2 may cost, beside the limits it shares with HTTP/1. Pure.

A frame of nine bytes can make more work than it takes to send. So frames that carry nothing are
paid for: out of a budget that grows with time, with each request and with each payload byte that
passes either way. A peer that does honest work never notices; one that does not is told
ENHANCE_YOUR_CALM and its connection ends.

======================================  ==========================================================
attack                                  what bounds it
======================================  ==========================================================
rapid reset (CVE-2023-44487)            RESET_BURST and RESETS_PER_S; a request that was reset is
                                        cancelled at its upstream at once
resets provoked by broken frames        the same budget: whatever ends a stream early is counted
(CVE-2025-8671)
PING, SETTINGS, PRIORITY, RST_STREAM,   CONTROL_BURST and CONTROLS_PER_S
WINDOW_UPDATE, unknown frames, empty
DATA (CVE-2019-9511 to -9518)
CONTINUATION flood (CVE-2024-27316)     HEADER_BLOCK_BYTES and CONTINUATIONS of one header block,
                                        ``head_timeout`` for its end
HPACK bomb (CVE-2016-6581)              HEADER_LIST_BYTES, counted while decoding
many streams                            CONCURRENT_STREAMS; more are refused
slow reading (CVE-2019-9517)            ANSWER_BYTES for each stream, then its upstream waits;
                                        ``send_timeout`` without a byte taken resets it
slow sending                            STREAM_WINDOW for each stream, ``body_timeout``
acknowledgements never read             UNREAD_BYTES
======================================  ==========================================================
"""

from typing import Final

__all__ = [
    "ANSWER_BYTES",
    "BYTES_PER_CONTROL",
    "CONCURRENT_STREAMS",
    "CONNECTION_WINDOW",
    "CONTINUATIONS",
    "CONTROLS_PER_REQUEST",
    "CONTROLS_PER_S",
    "CONTROL_BURST",
    "DRAIN_NOTICE_S",
    "HEADER_BLOCK_BYTES",
    "HEADER_LIST_BYTES",
    "REMEMBERED_STREAMS",
    "RESETS_PER_S",
    "RESET_BURST",
    "STREAM_WINDOW",
    "UNREAD_BYTES",
    "Budget",
]

CONCURRENT_STREAMS: Final = 128
"""As nginx; RFC 9113 §6.5.2 advises 100 or more."""

STREAM_WINDOW: Final = 65_535
"""Payload of a stream that may be on its way to a slow upstream: the default of RFC 9113 §6.9.2."""

CONNECTION_WINDOW: Final = CONCURRENT_STREAMS * STREAM_WINDOW
"""So that streams which wait for their upstreams never hold up another one: 8 MiB."""

ANSWER_BYTES: Final = 65_536
"""Unsent payload of one stream above which its upstream has to wait; one read more may come."""

UNREAD_BYTES: Final = 1_048_576
"""Unsent bytes of a connection, four times what makes answers wait: what is above are replies to
control frames that the client does not read."""

HEADER_BLOCK_BYTES: Final = 65_536
CONTINUATIONS: Final = 16
HEADER_LIST_BYTES: Final = 65_536
"""Twice the head that HTTP/1 may have: what lies between is answered with 431."""

CONTROL_BURST: Final = 1000.0
CONTROLS_PER_S: Final = 50.0
CONTROLS_PER_REQUEST: Final = 8.0
"""A request may come with a PRIORITY, some WINDOW_UPDATEs, an empty last DATA and its reset."""
BYTES_PER_CONTROL: Final = 1024
"""Payload, either way, that allows for one more control frame: clients update their windows for
half of them, 32 KiB, at a time, a few for each frame."""

RESET_BURST: Final = 256.0
"""A page that is left resets all its streams at once, twice over."""
RESETS_PER_S: Final = 10.0

REMEMBERED_STREAMS: Final = 4096
"""Closed streams whose late frames are still told from frames of streams that never were."""

DRAIN_NOTICE_S: Final = 1.0
"""How long requests that crossed with GOAWAY are waited for when the client does not answer."""


class Budget:
    """Grows steadily up to a limit, and is spent.

    Args:
        limit: of what is saved; where it starts.
        per_second: growth.
        now: monotonic seconds.
    """

    __slots__ = ("left", "limit", "per_second", "since")

    def __init__(self, limit: float, per_second: float, now: float) -> None:
        self.limit = limit
        self.per_second = per_second
        self.left = limit
        self.since = now

    def __repr__(self) -> str:
        return f"<Budget {self.left:.1f} of {self.limit:.1f}>"

    def earn(self, amount: float) -> None:
        """Add to what is left."""
        self.left = min(self.limit, self.left + amount)

    def spend(self, now: float) -> bool:
        """Take one away; False when there was none left."""
        self.earn(max(0.0, now - self.since) * self.per_second)
        self.since = now
        if self.left < 1:
            return False
        self.left -= 1
        return True
