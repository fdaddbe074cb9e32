"""Chunked bodies (RFC 9112 §7.1): where they end, and what they carry. No I/O.

:class:`ChunkedScanner` follows the framing so that the bytes can be passed on as they are;
:class:`ChunkedDecoder` takes the payload out, for HTTP/1.0 clients, filters and buffers. Both
are one machine::

    SIZE ──size > 0──► DATA ──all bytes──► DATA_END ──CRLF──► SIZE
      └────size 0────► TRAILER ──blank line──► DONE

A size is 1 to 15 hexadecimal digits and nothing else: no sign, prefix, underscore or space. Like
heads, framing has one interpretation or is refused with status 400.
"""

import re
from typing import Final

from colobus.errors import ProtocolError

__all__ = ["LAST_CHUNK", "ChunkedDecoder", "ChunkedScanner", "ChunkedTrailerDecoder", "chunk"]

LAST_CHUNK: Final = b"0\r\n\r\n"

CRLF = b"\r\n"
NO_DIGIT = 255
# What each byte is worth as a hexadecimal digit. int() would allow signs, spaces, "0x" and "_".
HEX_VALUES = bytes(
    int(chr(code), 16) if chr(code) in "0123456789abcdefABCDEF" else NO_DIGIT for code in range(256)
)
TEXT = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
# 15 digits always fit into a signed 64-bit integer.
MAX_SIZE_DIGITS = 15
# Extensions are hardly ever used; HAProxy and Go also stop at a few KiB.
MAX_SIZE_LINE = MAX_SIZE_DIGITS + 4096
# nginx's buffer for one header line; trailers are short (a checksum, a status).
MAX_TRAILER = 8192

# Never in a trailer section: framing, routing and the connection (RFC 9110 §6.5.1). Whoever merges
# trailers into the head would read the message, or the next one, in another way than we did.
HEAD_ONLY = frozenset(
    (
        *(b"connection", b"content-length", b"host", b"keep-alive", b"te", b"trailer"),
        *(b"transfer-encoding", b"upgrade"),
    )
)

SIZE = 0
DATA = 1
DATA_END = 2
TRAILER = 3
DONE = 4

is_trailer_line = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*").fullmatch


def chunk(data: bytes) -> bytes:
    """Return ``data``, which must not be empty, as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class ChunkedBody:
    """The machine: follows one chunked body through the pieces it arrives in.

    Attributes:
        done: the message is complete; bytes after it belong to the next one.
        payload: payload bytes so far.
    """

    __slots__ = ("done", "line", "payload", "remaining", "state", "trailer_size")

    def __init__(self) -> None:
        self.done = False
        self.payload = 0
        self.state = SIZE
        self.remaining = 0  # bytes of the current chunk still to come
        self.line = b""  # the part of an unfinished line that came earlier; bounded
        self.trailer_size = 0

    def scan(self, data: bytes, start: int, pieces: list[bytes] | None) -> int:
        """Read on at ``start`` and return the offset where the message, or ``data``, ends.

        Payload is appended to ``pieces`` if that is given.
        """
        at = start
        size = len(data)
        while at < size and self.state != DONE:
            if self.state == DATA:
                stop = min(size, at + self.remaining)
                if pieces is not None:
                    pieces.append(data[at:stop])
                self.payload += stop - at
                self.remaining -= stop - at
                at = stop
                if self.remaining == 0:
                    self.state = DATA_END
            elif self.state == DATA_END and not self.line and data.startswith(CRLF, at):
                at += 2
                self.state = SIZE
            else:
                at = self.read_line(data, at)
        return at

    def read_line(self, data: bytes, at: int) -> int:
        """Read one line, or keep its beginning; return the offset after it."""
        if self.line.endswith(b"\r") and data.startswith(b"\n", at):
            line = self.line[:-1]  # two pieces share the CRLF
            after = at + 1
        else:
            end = data.find(CRLF, at)
            if end < 0:
                self.keep_unfinished(data[at:])
                return len(data)
            line = self.line + data[at:end] if self.line else data[at:end]
            after = end + 2
        self.line = b""
        if self.state == SIZE:
            self.start_chunk(line)
        elif self.state == DATA_END:
            if line:
                raise ProtocolError("chunk longer than its size")
            self.state = SIZE
        else:
            self.take_trailer_line(line)
        return after

    def keep_unfinished(self, part: bytes) -> None:
        """Remember the beginning of a line; refuse early what no further byte can mend."""
        line = self.line + part
        text = line.removesuffix(b"\r")
        if text.translate(None, TEXT):
            raise ProtocolError("control character in chunked framing")
        if self.state == DATA_END and text:
            raise ProtocolError("chunk longer than its size")
        if len(text) > (MAX_SIZE_LINE if self.state == SIZE else MAX_TRAILER - self.trailer_size):
            raise ProtocolError("chunked framing too long")
        self.line = line

    def start_chunk(self, line: bytes) -> None:
        """Read the line with the size of a chunk (RFC 9112 §7.1), ignoring extensions."""
        digits = line
        if b";" in line:
            digits, _, extension = line.partition(b";")
            if len(extension) >= MAX_SIZE_LINE - MAX_SIZE_DIGITS:
                raise ProtocolError("chunked framing too long")
            if extension.translate(None, TEXT):
                raise ProtocolError("control character in chunked framing")
        if not 0 < len(digits) <= MAX_SIZE_DIGITS:
            raise ProtocolError("invalid chunk size")
        size = 0
        for digit in digits:
            value = HEX_VALUES[digit]
            if value == NO_DIGIT:
                raise ProtocolError("invalid chunk size")
            size = size * 16 + value
        self.remaining = size
        self.state = DATA if size else TRAILER

    def take_trailer_line(self, line: bytes) -> None:
        """Check one line of the trailer section (RFC 9112 §7.1.2); a blank one ends the message."""
        if not line:
            self.state = DONE
            self.done = True
            return
        self.trailer_size += len(line) + 2
        if self.trailer_size > MAX_TRAILER:
            raise ProtocolError("trailers too long")
        if is_trailer_line(line) is None:
            raise ProtocolError("malformed trailer")
        if line.partition(b":")[0].lower() in HEAD_ONLY:
            raise ProtocolError("trailer that belongs into the head")


class ChunkedScanner(ChunkedBody):
    """Says which bytes belong to a chunked body, to pass them on as they are."""

    __slots__ = ()

    def feed(self, data: bytes, start: int) -> int:
        """Read on at ``start``; return how many bytes from there belong to this message.

        That is all of them unless the message ends within ``data``.

        Raises:
            ProtocolError: the framing is broken; the scanner must not be used again.
        """
        return self.scan(data, start, None) - start


class ChunkedDecoder(ChunkedBody):
    """Takes the payload out of a chunked body; trailers are checked and dropped."""

    __slots__ = ()

    def feed(self, data: bytes, start: int) -> tuple[bytes, int]:
        """Read on at ``start``; return the payload, and how many bytes belong to this message.

        Raises:
            ProtocolError: the framing is broken; the decoder must not be used again.
        """
        pieces: list[bytes] = []
        end = self.scan(data, start, pieces)
        return b"".join(pieces), end - start


class ChunkedTrailerDecoder(ChunkedDecoder):
    """Takes the payload out of a chunked body, and keeps the trailers.

    Attributes:
        trailers: their lines, each with its CRLF; at most :data:`MAX_TRAILER` bytes.
    """

    __slots__ = ("trailers",)

    def __init__(self) -> None:
        super().__init__()
        self.trailers = b""

    def take_trailer_line(self, line: bytes) -> None:
        """Check a line of the trailer section, and keep it."""
        ChunkedBody.take_trailer_line(self, line)
        if line:
            self.trailers += line + CRLF
