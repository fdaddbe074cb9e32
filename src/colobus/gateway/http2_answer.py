"""An answer of the data path, which is one of HTTP/1.1, taken apart for HTTP/2. Pure.

Only the gateway's own heads are read here, so they are taken at their word. Chunks are the
upstream's and were scanned before they came.
"""

from typing import Final

from colobus.gateway.framing import ChunkedTrailerDecoder
from colobus.gateway.http2_request import CONNECTION_FIELDS
from colobus.gateway.wire import find, names_and_values

__all__ = ["AnswerReader"]

HEAD_END: Final = b"\r\n\r\n"


class AnswerReader:
    """Reads one answer.

    Attributes:
        status: 0 as long as there is none.
        fields: of its head, the status first; names in lower case, without those that belong to
            a connection.
    """

    __slots__ = ("decoder", "fields", "status")

    def __init__(self) -> None:
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.decoder: ChunkedTrailerDecoder | None = None

    def feed(self, data: bytes) -> bytes:
        """Take a piece, the first one with the whole head; return the payload in it."""
        if not self.status:
            head, _, data = data.partition(HEAD_END)
            self.read_head(head + b"\r\n")
        if self.decoder is None or not data:
            return data
        payload, _ = self.decoder.feed(data, 0)
        return payload

    def read_head(self, head: bytes) -> None:
        """Read status and fields."""
        status = head[9:12]
        lines = head[head.index(b"\r\n") + 2 :]
        self.status = int(status)
        self.fields = [(b":status", status), *sent_fields(lines, CONNECTION_FIELDS)]
        if find(lines, b"transfer-encoding") is not None:
            self.decoder = ChunkedTrailerDecoder()

    @property
    def trailers(self) -> list[tuple[bytes, bytes]]:
        """The trailers, once the answer is complete."""
        if self.decoder is None:
            return []
        return sent_fields(self.decoder.trailers, CONNECTION_FIELDS)


def sent_fields(lines: bytes, unwanted: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    """Return header lines as fields, without the ``unwanted`` ones."""
    fields = []
    for name, value in names_and_values(lines):
        folded = name.lower()
        if folded not in unwanted:
            fields.append((folded, value))
    return fields
