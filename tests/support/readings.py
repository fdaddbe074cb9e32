"""One message as different parsers read it: the two builds of ours, and llhttp."""

from dataclasses import dataclass, field
from types import ModuleType

from colobus.errors import ProtocolError

__all__ = ["Reading", "read_by_llhttp", "read_by_us"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a parser made of the bytes.

    Attributes:
        refusal: why it refused them; empty when it did not.
        start: method and target, or the status.
        fields: names in lower case and trimmed values of the lines that both sides keep.
        payload: of the body, as far as it came.
        is_whole: the message is complete.
        is_upgrade: the parser left off behind the head, for another protocol.
    """

    refusal: str = ""
    start: tuple[bytes, ...] = ()
    fields: tuple[tuple[bytes, bytes], ...] = ()
    payload: bytes = b""
    is_whole: bool = False
    is_upgrade: bool = field(default=False, compare=False)


# What our parser takes out of the lines to pass on.
TAKEN = frozenset(
    (
        *(b"connection", b"content-length", b"keep-alive", b"proxy-connection", b"te", b"trailer"),
        *(b"transfer-encoding", b"upgrade"),
    )
)
TAKEN_OF_REQUESTS = TAKEN | {
    *(b"expect", b"host", b"x-forwarded-for", b"x-forwarded-proto", b"x-real-ip")
}


def read_by_us(wire: ModuleType, framing: ModuleType, data: bytes, *, is_request: bool) -> Reading:
    """Read one message with a build of ``wire`` and of ``framing``."""
    parse = wire.parse_request if is_request else wire.parse_response
    try:
        head = parse(data, wire.HeadLimits())
        if head is None:
            return Reading()
        start = (head.method, head.target) if is_request else (b"%d" % head.status,)
        fields = tuple((name.lower(), value) for name, value in wire.names_and_values(head.lines))
        is_bodiless = not is_request and (head.status < 200 or head.status in (204, 304))
        if head.chunked and not is_bodiless:
            decoder = framing.ChunkedDecoder()
            payload, _ = decoder.feed(data, head.size)
            return Reading("", start, fields, payload, decoder.done)
    except ProtocolError as error:
        return Reading(str(error))
    length = max(0, head.content_length)
    if not is_request:
        if head.status < 200 or head.status in (204, 304):
            length = 0
        elif head.content_length < 0:  # until the connection ends
            return Reading("", start, fields, data[head.size :], False)
    payload = data[head.size : head.size + length]
    return Reading("", start, fields, payload, len(payload) == length)


class Listener:
    """Collects the first message of what httptools reports."""

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.payload = b""
        self.has_head = False
        self.count = 0

    def on_url(self, url: bytes) -> None:
        if self.count == 0:
            self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.count == 0 and not self.has_head:  # later ones are trailers
            self.fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, body: bytes) -> None:
        if self.count == 0:
            self.payload += body

    def on_message_complete(self) -> None:
        self.count += 1


def read_by_llhttp(httptools: ModuleType, data: bytes, *, is_request: bool) -> Reading:
    """Read the first message with llhttp, byte by byte so that its facts are the first one's."""
    listener = Listener()
    kind = httptools.HttpRequestParser if is_request else httptools.HttpResponseParser
    parser = kind(listener)
    start: tuple[bytes, ...] = ()
    refusal = ""
    is_upgrade = False
    for at in range(len(data)):
        try:
            parser.feed_data(data[at : at + 1])
        except httptools.HttpParserUpgrade:
            is_upgrade = True
            listener.count = max(1, listener.count)
        except httptools.HttpParserError as error:
            refusal = str(error) or type(error).__name__
        if listener.has_head and not start:
            start = (
                (parser.get_method(), listener.target)
                if is_request
                else (b"%d" % parser.get_status_code(),)
            )
        if refusal or listener.count:
            break
    if refusal and not listener.count:
        return Reading(refusal)
    taken = TAKEN_OF_REQUESTS if is_request else TAKEN
    fields = tuple((name, value) for name, value in listener.fields if name not in taken)
    if not listener.has_head:
        return Reading()
    return Reading("", start, fields, listener.payload, listener.count > 0, is_upgrade)
