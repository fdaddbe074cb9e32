"""The body of one request, between the client and the upstream.

Payload is kept from its first byte for as long as it is small, so that another attempt can send
it again; a large body is handed on piece by piece, and forgotten. Whoever feeds stops at
``is_full`` and goes on after the next :meth:`RequestBody.take`.

A body whose length the client stated goes on as it is. A chunked one is decoded, and leaves with
a length if it is complete by the time the head leaves, else in chunks of our own making: neither
chunk extensions nor trailers of a client reach an upstream.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from colobus.errors import MalformedError
from colobus.gateway.framing import LAST_CHUNK, ChunkedDecoder, chunk
from colobus.gateway.wire import RequestHead
from colobus.plugins.context import ShortCircuit

__all__ = ["KEPT_BYTES", "RequestBody"]

KEPT_BYTES: Final = 65_536
"""Payload kept for another attempt, and most held while there is nobody to send it to: one read."""


class RequestBody:
    """Implements the reading side of :meth:`colobus.plugins.context.Request.body`.

    Attributes:
        is_complete: everything the client sends was fed.
        is_whole: ``pieces`` hold the body from its first byte.
        size: payload bytes in ``pieces``.
        received: bytes of the client fed so far, framing included.
        wanted: called when somebody starts to wait for the rest.
    """

    __slots__ = (
        "counted",
        "decoder",
        "discarding",
        "ended",
        "ending",
        "is_complete",
        "is_whole",
        "limit",
        "pieces",
        "reader",
        "reader_limit",
        "received",
        "refusal",
        "remaining",
        "sent",
        "size",
        "wanted",
    )

    def __init__(self, head: RequestHead | None, wanted: Callable[[], None] | None = None) -> None:
        self.remaining = 0
        self.decoder: ChunkedDecoder | None = None
        if head is not None:
            self.remaining = max(0, head.content_length)
            if head.chunked:
                self.decoder = ChunkedDecoder()
        self.is_complete = self.decoder is None and self.remaining == 0
        self.is_whole = True
        self.discarding = False
        self.pieces: list[bytes] = []
        self.size = 0
        self.received = 0
        self.sent = 0  # pieces handed on in this attempt
        self.ending = b""  # what closes the body on its way upstream
        self.ended = False
        self.reader: asyncio.Future[bytes] | None = None  # a plugin that waits for all of it
        self.reader_limit = 0
        self.wanted = wanted
        self.limit = -1  # payload bytes that may come; -1 for any number
        self.counted = 0  # payload bytes that came, while there is a limit
        self.refusal: ShortCircuit | None = None

    @property
    def is_full(self) -> bool:
        """Whether enough is held for now; reading on waits for :meth:`take`."""
        return self.is_whole and self.size >= KEPT_BYTES and self.reader is None

    def feed(self, data: bytes, start: int) -> int:
        """Take what belongs to this body from ``start`` on; return how many bytes those are.

        Raises:
            ProtocolError: the framing is broken.
            ShortCircuit: what a plugin set for a body longer than its limit.
        """
        if self.decoder is not None:
            payload, used = self.decoder.feed(data, start)
            self.is_complete = self.decoder.done
        else:
            used = min(len(data) - start, self.remaining)
            payload = data if used == len(data) else data[start : start + used]
            self.remaining -= used
            self.is_complete = self.remaining == 0
        if self.limit >= 0:
            self.count(len(payload))
        if payload and not self.discarding:
            self.pieces.append(payload)
            self.size += len(payload)
        self.received += used
        if self.reader is not None:
            self.tell_reader()
        return used

    def feed_payload(self, payload: bytes, *, is_last: bool) -> None:
        """Take payload that came in frames instead of chunks (HTTP/2).

        A body whose length was stated is complete with its last byte, another with ``is_last``.

        Raises:
            MalformedError: it is longer or shorter than was stated (RFC 9113 §8.1.1).
            ShortCircuit: what a plugin set for a body longer than its limit.
        """
        self.received += len(payload)
        if self.decoder is None:
            if len(payload) > self.remaining:
                raise MalformedError("body longer than its Content-Length")
            self.remaining -= len(payload)
            if is_last and self.remaining:
                raise MalformedError("body shorter than its Content-Length")
            self.is_complete = self.remaining == 0
        else:
            self.is_complete = is_last
        if self.limit >= 0:
            self.count(len(payload))
        if payload and not self.discarding:
            self.pieces.append(payload)
            self.size += len(payload)
        if self.reader is not None:
            self.tell_reader()

    def limit_to(self, limit: int, refusal: ShortCircuit) -> None:
        """Refuse a body longer than ``limit`` bytes; before any of it was taken.

        Raises:
            ShortCircuit: ``refusal``, when more than that is here already.
        """
        if self.limit < 0 or limit < self.limit:
            self.limit = limit
            self.refusal = refusal
            self.counted = self.size
            self.count(0)

    def count(self, size: int) -> None:
        """Count payload that came, against the limit."""
        self.counted += size
        if self.counted > self.limit and self.refusal is not None:
            raise self.refusal

    def discard(self) -> None:
        """Keep nothing any more: nobody will send it."""
        self.limit = -1
        self.discarding = True
        self.is_whole = False
        self.pieces.clear()
        self.size = 0

    def framing(self) -> bytes:
        """Return the framing lines and the blank line of a request with this body.

        Asked once, when the head is made: a chunked body that is complete gets a length.
        """
        if self.is_complete and self.is_whole:
            return b"Content-Length: %d\r\n\r\n" % self.size
        if self.decoder is None:
            # A body of stated length is asked for its framing before any of it was let go.
            return b"Content-Length: %d\r\n\r\n" % (self.size + self.remaining)
        self.ending = LAST_CHUNK
        return b"Transfer-Encoding: chunked\r\n\r\n"

    def take(self) -> bytes:
        """Return, framed, what was fed and not yet taken in this attempt."""
        pieces = self.pieces
        data = b"".join(pieces[self.sent :] if self.sent else pieces)
        if self.ending and data:
            data = chunk(data)
        if self.is_complete and not self.ended:
            self.ended = True
            data += self.ending
        if self.is_whole and (self.size < KEPT_BYTES or self.is_complete):
            self.sent = len(pieces)
        else:
            self.is_whole = False
            self.sent = 0
            self.size = 0
            pieces.clear()
        return data

    def rewind(self) -> None:
        """Start over with another attempt; only while ``is_whole``."""
        self.sent = 0
        self.ended = False

    def replace(self, payload: bytes) -> None:
        """Send ``payload`` instead of what the client sent, which was read whole."""
        self.pieces = [payload]
        self.size = len(payload)

    async def read(self, limit: int) -> bytes:
        """Return the whole payload.

        Raises:
            ShortCircuit: 413, it is larger than ``limit`` bytes.
        """
        if self.size + self.remaining > limit:
            raise ShortCircuit(413)
        if not self.is_complete:
            self.reader_limit = limit
            self.reader = asyncio.get_running_loop().create_future()
            if self.wanted is not None:
                self.wanted()
            try:
                return await self.reader
            finally:
                self.reader = None
        payload = b"".join(self.pieces)
        self.pieces = [payload]
        return payload

    def tell_reader(self) -> None:
        """Give the waiting plugin the payload, or refuse it, as soon as either is clear."""
        reader = self.reader
        if reader is None or reader.done():
            return
        if self.size > self.reader_limit:
            reader.set_exception(ShortCircuit(413))
        elif self.is_complete:
            payload = b"".join(self.pieces)
            self.pieces = [payload]
            reader.set_result(payload)
