"""What a plugin sees of the request, and changes on its way upstream.

Header lines stay one blob of bytes; each access works on it directly. The lines that the parser
took out because they end at the gateway are answered from the facts it drew from them. Setting
one of those has no effect, save for Host: framing and forwarding are the gateway's own.
"""

from typing import Final

from colobus.gateway.body import RequestBody
from colobus.gateway.headers import header_key, header_line, prepared, text
from colobus.gateway.query import Query
from colobus.gateway.wire import RequestHead, find, find_all, remove, remove_all
from colobus.plugins.context import HeaderChanges, ShortCircuit

__all__ = ["Request"]

OWN: Final = frozenset(
    (
        *(b"connection", b"content-length", b"expect", b"keep-alive", b"proxy-connection", b"te"),
        *(b"trailer", b"transfer-encoding", b"upgrade"),
        *(b"x-forwarded-for", b"x-forwarded-proto", b"x-real-ip"),
    )
)
"""Names the parser takes out of the lines, besides Host."""


class Request:
    """Implements :class:`colobus.plugins.context.Request`.

    Attributes:
        head: the parsed head; its lines go upstream.
        protocol: as in a request line.
        host: what a plugin set as Host for the upstream, if one did.
        body_source: the body, as it came or as a plugin replaced it; None when there is none.
    """

    __slots__ = (
        "body_source",
        "client_host",
        "head",
        "host",
        "protocol",
        "query",
        "raw_path",
        "scheme",
    )

    def __init__(
        self,
        head: RequestHead,
        path: bytes,
        query: bytes | None,
        scheme: str,
        client_host: bytes | None,
        body: RequestBody | None,
        protocol: bytes = b"HTTP/1.1",
    ) -> None:
        self.head = head
        self.raw_path = path
        self.query = Query(query)
        self.scheme = scheme
        self.client_host = client_host
        self.protocol = protocol
        self.host: bytes | None = None
        self.body_source = body

    @property
    def method(self) -> str:
        """The method: as sent, or as it was changed."""
        return text(self.head.method)

    @property
    def target(self) -> str:
        """The request target as received."""
        return text(self.head.target)

    @property
    def request_line(self) -> str:
        """The first line as received."""
        return text(b"%b %b %b" % (self.head.method, self.head.target, self.protocol))

    @property
    def path(self) -> str:
        """The path of the target as received."""
        return text(self.raw_path)

    def get_header(self, name: str) -> str | None:
        """Return the first value of the header."""
        key = header_key(name)
        value = self.own_header(key) if key in OWN or key == b"host" else find(self.head.lines, key)
        return None if value is None else text(value)

    def get_headers(self, name: str) -> list[str]:
        """Return every value of the header, in order."""
        key = header_key(name)
        if key in OWN or key == b"host":
            value = self.own_header(key)
            return [] if value is None else [text(value)]
        return [text(value) for value in find_all(self.head.lines, key)]

    def set_header(self, name: str, value: str) -> None:
        """Replace every header of that name by one."""
        key = header_key(name)
        line = header_line(name, value)
        if key == b"host":
            self.host = line[6:-2]
        elif key not in OWN:
            self.head.lines = remove(self.head.lines, key) + line

    def add_header(self, name: str, value: str) -> None:
        """Add a header line."""
        key = header_key(name)
        if key == b"host":
            self.set_header(name, value)
        elif key not in OWN:
            self.head.lines += header_line(name, value)

    def remove_header(self, name: str) -> None:
        """Remove every header of that name."""
        key = header_key(name)
        if key == b"host":
            self.host = None
        else:
            self.head.lines = remove(self.head.lines, key)

    def change_headers(self, changes: HeaderChanges) -> None:
        """Set and remove several headers."""
        done = prepared(changes, OWN)
        self.head.lines = remove_all(self.head.lines, done.names) + done.lines

    def set_method(self, method: str) -> None:
        """Ask the upstream with another method."""
        self.head.method = method.encode("ascii")

    def limit_body(self, limit: int, refusal: ShortCircuit) -> None:
        """Answer with ``refusal`` as soon as the body turns out longer than ``limit`` bytes.

        Raises:
            ShortCircuit: ``refusal``, when more than that is here already.
        """
        if self.body_source is not None:
            self.body_source.limit_to(limit, refusal)

    async def body(self, limit: int = 1_048_576) -> bytes:
        """Return the whole body, read into memory.

        Raises:
            ShortCircuit: 413, it is larger than ``limit`` bytes.
        """
        return b"" if self.body_source is None else await self.body_source.read(limit)

    def set_body(self, body: bytes) -> None:
        """Send ``body`` upstream in place of the one that came (only after :meth:`body`)."""
        if self.body_source is None:
            self.body_source = RequestBody(None)
        if not self.body_source.is_complete:
            raise RuntimeError("set_body comes after body")
        self.body_source.replace(body)

    def own_header(self, key: bytes) -> bytes | None:
        """Return the value of a header that the parser took out, as far as it is known."""
        head = self.head
        if key == b"host":
            return self.client_host if self.host is None else self.host
        if key == b"content-length":
            return None if head.content_length < 0 else b"%d" % head.content_length
        if key == b"transfer-encoding":
            return head.coding
        if key == b"expect":
            return b"100-continue" if head.expect_continue else None
        return {
            b"connection": head.connection,
            b"upgrade": head.upgrade,
            b"x-forwarded-for": head.forwarded_for,
            b"x-forwarded-proto": head.forwarded_proto,
        }.get(key)
