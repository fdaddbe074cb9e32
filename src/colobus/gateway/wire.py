"""HTTP/1 heads: bytes in, facts out. Knows nothing of sockets, routes or bodies.

This is the pure build. ``wire.pyx`` beside it is its compiled twin: the same names, the same
answers; Python imports whichever is there (``BUILD`` says which). One suite runs over both.

Every byte of a head has one interpretation or the head is refused; what two parsers could read
in two ways is how requests are smuggled (RFC 9112 §11.2). A response breaks the same rules with
status 502.

======================================================  ======  ================================
what                                                    status  rule
======================================================  ======  ================================
one CRLF before the request line                        read    RFC 9112 §2.2
bare CR or LF, NUL, control character (HTAB is allowed  400     RFC 9112 §2.2, RFC 9110 §5.5
in values)
request line other than token SP target SP version      400     RFC 9112 §3
version other than HTTP/1.0 and HTTP/1.1                505     RFC 9110 §15.6.6
request line over its limit, also unfinished            414     RFC 9112 §3
header line over its limit                              400     nginx, large_client_header_buffers
head over its limit, also unfinished; too many lines    431     RFC 6585 §5
folded line, empty name, no colon, space before colon   400     RFC 9112 §5.1, §5.2
Host missing in HTTP/1.1, repeated, or not a host       400     RFC 9112 §3.2, RFC 3986 §3.2.2
empty Host                                              400     nginx, "invalid host header"
Content-Length repeated or not 1 to 18 digits           400     RFC 9112 §6.3, RFC 9110 §8.6
Content-Length with Transfer-Encoding                   400     RFC 9112 §6.1
Transfer-Encoding in HTTP/1.0                           400     RFC 9112 §6.1
Transfer-Encoding other than one ``chunked``            501     RFC 9112 §6.1
``close`` beside ``keep-alive``                         close   RFC 9112 §9.3
Expect: 100-continue in HTTP/1.0                        unread  RFC 9110 §10.1.1
======================================================  ======  ================================

Of two errors in one head the first by this order is reported: characters, length of the request
line, request line, number and length of lines, lines from first to last, Host, transfer coding.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from colobus.errors import ProtocolError

__all__ = [
    "BUILD",
    "Head",
    "HeadLimits",
    "RequestHead",
    "ResponseHead",
    "drop_lines",
    "find",
    "find_all",
    "find_byte",
    "length_line",
    "line_of",
    "names_and_values",
    "parse_request",
    "parse_response",
    "remove",
    "remove_all",
]

BUILD: Final = "pure"

CRLF = b"\r\n"
HEAD_END = b"\r\n\r\n"
OWS = b" \t"
# What no field value may hold becomes a space, as RFC 9110 §5.5 advises.
CONTROLS = bytes((*range(9), *range(10, 32), 127))
TO_SPACES = bytes.maketrans(CONTROLS, b" " * len(CONTROLS))
# field-vchar, SP and HTAB (RFC 9110 §5.5); obs-text is passed on as it came.
TEXT = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
# uri-host and port (RFC 3986 §3.2.2): unreserved, sub-delims, pct-encoded, IP-literal, colon.
HOST_TEXT = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=%:[]"
METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"))
# 18 digits always fit into a signed 64-bit integer, which the compiled build uses.
MAX_LENGTH_DIGITS = 18
# Spellings of header names remembered: more than honest traffic has, 256 KiB at most.
MAX_SPELLINGS = 4096
MAX_SPELLING_BYTES = 64
# Never removed because a Connection header names them: framing, routing and fields "intended
# for all recipients of the content" (RFC 9110 §7.6.1).
PROTECTED = frozenset(
    (
        *(b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding"),
        *(b"content-range", b"cache-control", b"date"),
    )
)

is_token = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
is_version = re.compile(rb"HTTP/[0-9]\.[0-9]").fullmatch
match_status_line = re.compile(rb"HTTP/1\.([0-9]) ([1-5][0-9][0-9])(?: (.*))?", re.DOTALL).fullmatch


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """Most bytes and lines a head may have (nginx: four buffers of 8 KiB).

    Attributes:
        request_line: bytes of the request or status line, without its CRLF.
        header_line: bytes of one header line, without its CRLF.
        head: bytes of everything, the blank line included.
        header_count: header lines.
    """

    request_line: int = 8192
    header_line: int = 8192
    head: int = 32768
    header_count: int = 100


class Head:
    """What requests and responses have in common. Made per message, with one owner.

    Attributes:
        lines: all lines to pass on, each ended by CRLF, in order and spelt as sent.
        connection: lower-case tokens of Connection, joined by commas, without ``close`` and
            ``keep-alive``; None when none is left.
        upgrade: value of Upgrade; several are joined by ``, ``.
        content_length: -1 when there is none.
        chunked: the body is chunked.
        http10: the message is of HTTP/1.0.
        keep_alive: the sender wants the connection to go on (RFC 9112 §9.3).
        size: bytes of the head with its blank line, and with the CRLF skipped before it.
        coding: Transfer-Encoding as sent; several are joined by commas.
    """

    __slots__ = (
        "chunked",
        "coding",
        "connection",
        "content_length",
        "http10",
        "keep_alive",
        "lines",
        "size",
        "upgrade",
    )

    def __init__(self) -> None:
        self.lines = b""
        self.connection: bytes | None = None
        self.upgrade: bytes | None = None
        self.content_length = -1
        self.chunked = False
        self.http10 = False
        self.keep_alive = True
        self.size = 0
        self.coding: bytes | None = None


class RequestHead(Head):
    """The head of a request.

    Attributes:
        method: as sent.
        target: as sent.
        host: value of Host, trimmed, letter case kept.
        forwarded_for: X-Forwarded-For; several are joined by ``, ``.
        forwarded_proto: X-Forwarded-Proto if there is exactly one, empty if there are several.
        expect_continue: the client waits for ``100 Continue``.
        start: offset of the request line in the data: 0, or 2 after a CRLF that was skipped.
    """

    __slots__ = (
        "expect_continue",
        "forwarded_for",
        "forwarded_proto",
        "host",
        "method",
        "start",
        "target",
    )

    def __init__(self) -> None:
        super().__init__()
        self.method = b""
        self.target = b""
        self.host: bytes | None = None
        self.forwarded_for: bytes | None = None
        self.forwarded_proto: bytes | None = None
        self.expect_continue = False
        self.start = 0

    def __repr__(self) -> str:
        """Say method and size; target and headers may hold secrets."""
        return f"<RequestHead {self.method!r}, {self.size} bytes>"


class ResponseHead(Head):
    """The head of a response.

    Attributes:
        status: 100 to 599.
        reason: as sent; may be empty.
    """

    __slots__ = ("reason", "status")

    def __init__(self) -> None:
        super().__init__()
        self.status = 0
        self.reason = b""

    def __repr__(self) -> str:
        """Say status and size; headers may hold secrets."""
        return f"<ResponseHead {self.status}, {self.size} bytes>"


AnyHead = TypeVar("AnyHead", bound=Head)
Taker: TypeAlias = Callable[[AnyHead, bytes], None]


class Spellings(Generic[AnyHead]):
    """What to do with a header line, by its name as spelt: a bounded memo over a table.

    ``memo`` and ``special`` map a name to the function that takes its value, or to None when
    the line is passed on as it is.
    """

    __slots__ = ("memo", "special")

    def __init__(self, special: Mapping[bytes, Taker[AnyHead]]) -> None:
        self.special: Mapping[bytes, Taker[AnyHead]] = special
        self.memo: dict[bytes, Taker[AnyHead] | None] = dict(special)

    def learn(self, name: bytes) -> Taker[AnyHead] | None:
        """Return what to do with a spelling not seen before; refuse what is no token."""
        if is_token(name) is None:
            raise ProtocolError("malformed header name")
        take = self.special.get(name.lower())
        if len(name) <= MAX_SPELLING_BYTES:
            if len(self.memo) >= MAX_SPELLINGS:
                self.memo = dict(self.special)
            self.memo[name] = take
        return take


def leave_out(_: Head, __: bytes) -> None:
    """Take a line that ends here: hop-by-hop, or rebuilt by the gateway."""


def take_connection(head: Head, value: bytes) -> None:
    """Collect Connection; :func:`settle_connection` reads it once all lines are known."""
    head.connection = value if head.connection is None else head.connection + b"," + value


def take_length(head: Head, value: bytes) -> None:
    """Read Content-Length (RFC 9110 §8.6)."""
    if head.content_length >= 0:
        raise ProtocolError("repeated Content-Length")
    if not value.isdigit() or len(value) > MAX_LENGTH_DIGITS:
        raise ProtocolError("invalid Content-Length")
    head.content_length = int(value)


def take_coding(head: Head, value: bytes) -> None:
    """Collect Transfer-Encoding; :func:`settle_framing` reads it once all lines are known."""
    head.coding = value if head.coding is None else head.coding + b"," + value


def take_upgrade(head: Head, value: bytes) -> None:
    """Collect Upgrade."""
    head.upgrade = value if head.upgrade is None else head.upgrade + b", " + value


def take_host(head: RequestHead, value: bytes) -> None:
    """Read Host (RFC 9112 §3.2)."""
    if head.host is not None:
        raise ProtocolError("repeated Host")
    if not value or value.translate(None, HOST_TEXT):
        raise ProtocolError("invalid Host")
    head.host = value


def take_forwarded_for(head: RequestHead, value: bytes) -> None:
    """Collect X-Forwarded-For."""
    known = head.forwarded_for
    head.forwarded_for = value if known is None else known + b", " + value


def take_forwarded_proto(head: RequestHead, value: bytes) -> None:
    """Read X-Forwarded-Proto; several of them say nothing."""
    head.forwarded_proto = value if head.forwarded_proto is None else b""


def take_expect(head: RequestHead, value: bytes) -> None:
    """Read Expect; other expectations are not ours to meet (RFC 9110 §10.1.1)."""
    if not head.http10 and value.lower() == b"100-continue":
        head.expect_continue = True


HOP_BY_HOP: dict[bytes, Callable[[Head, bytes], None]] = {
    b"connection": take_connection,
    b"content-length": take_length,
    b"keep-alive": leave_out,
    b"proxy-connection": leave_out,
    b"te": leave_out,
    b"trailer": leave_out,
    b"transfer-encoding": take_coding,
    b"upgrade": take_upgrade,
}
REQUEST_SPELLINGS: Spellings[RequestHead] = Spellings(
    {
        **HOP_BY_HOP,
        b"expect": take_expect,
        b"host": take_host,
        b"x-forwarded-for": take_forwarded_for,
        b"x-forwarded-proto": take_forwarded_proto,
        b"x-real-ip": leave_out,
    }
)
RESPONSE_SPELLINGS: Spellings[ResponseHead] = Spellings(
    {
        **HOP_BY_HOP,
        # Of a gateway behind this one, which says its own.
        b"x-kong-proxy-latency": leave_out,
        b"x-kong-upstream-latency": leave_out,
    }
)


def parse_request(data: bytes, limits: HeadLimits) -> RequestHead | None:
    """Read the request head at the front of ``data``; None while it is incomplete.

    Raises:
        ProtocolError: the head breaks a rule of the table above; ``status`` is the answer.
    """
    start = 2 if data.startswith(CRLF) else 0
    end = data.find(HEAD_END, start, limits.head)
    if end < 0:
        refuse_unfinished(data, start, limits)
        return None
    lines = split_lines(data[start:end], limits)
    head = RequestHead()
    head.start = start
    head.size = end + 4
    read_request_line(lines.pop(0), head)
    check_lines(lines, head.size, limits)
    take_fields(lines, head, REQUEST_SPELLINGS)
    if head.host is None and not head.http10:
        raise ProtocolError("missing Host")
    settle_framing(head)
    return head


def parse_response(data: bytes, limits: HeadLimits) -> ResponseHead | None:
    """Read the response head at the front of ``data``; None while it is incomplete.

    Raises:
        ProtocolError: the head breaks a rule of the table above; ``status`` is 502.
    """
    try:
        end = data.find(HEAD_END, 0, limits.head)
        if end < 0:
            refuse_unfinished(data, 0, limits)
            return None
        lines = split_lines(data[:end], limits)
        head = ResponseHead()
        head.size = end + 4
        read_status_line(lines.pop(0), head)
        check_lines(lines, head.size, limits)
        take_fields(lines, head, RESPONSE_SPELLINGS)
        settle_framing(head)
    except ProtocolError as error:
        error.status = 502
        raise
    return head


def refuse_unfinished(data: bytes, start: int, limits: HeadLimits) -> None:
    """Refuse early what no further byte can mend."""
    window = data[start : limits.head].removesuffix(b"\r")
    if window.translate(None, TEXT) != CRLF * window.count(CRLF):
        raise ProtocolError("control character in the head")
    end = data.find(CRLF, start, limits.head)
    length = end - start if end >= 0 else len(data.removesuffix(b"\r")) - start
    if length > limits.request_line:
        raise ProtocolError("request line too long", 414)
    if end == start:
        raise ProtocolError("malformed request line")
    if len(data) > limits.head:
        raise ProtocolError("head too large", 431)


def split_lines(head: bytes, limits: HeadLimits) -> list[bytes]:
    """Return the lines of a whole head once all its characters are known to be allowed.

    What remains after taking the text away must be one CRLF per line end: a bare CR or LF, a
    NUL or another control character shows up here, in one pass.
    """
    lines = head.split(CRLF)
    if head.translate(None, TEXT) != CRLF * (len(lines) - 1):
        raise ProtocolError("control character in the head")
    if len(lines[0]) > limits.request_line:
        raise ProtocolError("request line too long", 414)
    return lines


def check_lines(lines: list[bytes], size: int, limits: HeadLimits) -> None:
    """Refuse too many header lines, or one that is too long."""
    if len(lines) > limits.header_count:
        raise ProtocolError("too many header lines", 431)
    if size > limits.header_line and max(map(len, lines), default=0) > limits.header_line:
        raise ProtocolError("header line too long")


def read_request_line(line: bytes, head: RequestHead) -> None:
    """Read method, target and version (RFC 9112 §3)."""
    words = line.split(b" ")
    if len(words) != 3 or b"\t" in line:
        raise ProtocolError("malformed request line")
    method, target, version = words
    if not target or (method not in METHODS and is_token(method) is None):
        raise ProtocolError("malformed request line")
    head.method = method
    head.target = target
    if version != b"HTTP/1.1":
        if version != b"HTTP/1.0":
            if is_version(version) is None:
                raise ProtocolError("malformed request line")
            raise ProtocolError("HTTP version not supported", 505)
        head.http10 = True
        head.keep_alive = False


def read_status_line(line: bytes, head: ResponseHead) -> None:
    """Read version, status and reason (RFC 9112 §4).

    A minor version above 1 is read as HTTP/1.1 (RFC 9110 §2.5). The space before an empty
    reason is often forgotten, and its absence leaves nothing unclear.
    """
    match = match_status_line(line)
    if match is None:
        raise ProtocolError("malformed status line")
    minor, status, reason = match.groups(b"")
    head.status = int(status)
    head.reason = reason
    if minor == b"0":
        head.http10 = True
        head.keep_alive = False


def take_fields(lines: list[bytes], head: AnyHead, spellings: Spellings[AnyHead]) -> None:
    """Give each special line to the function of its name; keep the others for ``head.lines``."""
    memo = spellings.memo
    kept = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise ProtocolError("header line without a colon")
        try:
            take = memo[name]
        except KeyError:
            take = spellings.learn(name)
        if take is None:
            kept.append(line)
        else:
            take(head, value.strip(OWS))
    kept.append(b"")
    head.lines = CRLF.join(kept)
    if head.connection is not None:
        settle_connection(head, head.connection)


def settle_connection(head: Head, value: bytes) -> None:
    """Draw persistence from the Connection header and keep its other tokens (RFC 9112 §9.3)."""
    value = value.lower()
    if value == b"keep-alive":
        head.keep_alive = True
        head.connection = None
        return
    tokens = [token.strip(OWS) for token in value.split(b",")]
    if b"close" in tokens:
        head.keep_alive = False
    elif b"keep-alive" in tokens:
        head.keep_alive = True
    others = [token for token in tokens if token not in (b"", b"close", b"keep-alive")]
    head.connection = b",".join(others) if others else None


def settle_framing(head: Head) -> None:
    """Decide whether the body is chunked (RFC 9112 §6.1)."""
    if head.coding is None:
        return
    if head.content_length >= 0:
        raise ProtocolError("Content-Length with Transfer-Encoding")
    if head.http10:
        raise ProtocolError("Transfer-Encoding in HTTP/1.0")
    if head.coding.lower() != b"chunked":
        raise ProtocolError("transfer coding not supported", 501)
    head.chunked = True


def find(lines: bytes, name: bytes) -> bytes | None:
    """Return the value of the first line called ``name`` (lower-case), trimmed."""
    folded = lines.lower()
    mark = name + b":"
    if folded.startswith(mark):
        at = len(mark)
    else:
        at = folded.find(CRLF + mark)
        if at < 0:
            return None
        at += 2 + len(mark)
    return lines[at : lines.index(CRLF, at)].strip(OWS)


def find_all(lines: bytes, name: bytes) -> list[bytes]:
    """Return the values of all lines called ``name`` (lower-case), trimmed, in order."""
    mark = name + b":"
    if mark not in lines.lower():
        return []
    size = len(mark)
    return [line[size:].strip(OWS) for line in lines.split(CRLF) if line[:size].lower() == mark]


def remove(lines: bytes, name: bytes) -> bytes:
    """Return ``lines`` without those called ``name`` (lower-case)."""
    mark = name + b":"
    if mark not in lines.lower():
        return lines
    size = len(mark)
    return CRLF.join([line for line in lines.split(CRLF) if line[:size].lower() != mark])


def remove_all(lines: bytes, names: tuple[bytes, ...]) -> bytes:
    """Return ``lines`` without those called by one of ``names`` (lower-case)."""
    folded = lines.lower()
    for name in names:
        if name + b":" in folded:
            lines = remove(lines, name)
    return lines


def length_line(length: int) -> bytes:
    """Return the Content-Length line of a body of ``length`` bytes."""
    return b"Content-Length: %d\r\n" % length


def find_byte(data: bytes, code: int, start: int) -> int:
    """Return where the byte is, from ``start`` on; -1 if it is not."""
    return data.find(code, start)


def line_of(start: bytes, value: bytes) -> bytes:
    """Return a line of ``start``, the trimmed value and CRLF; control characters become spaces."""
    return start + value.translate(TO_SPACES).strip(OWS) + CRLF


def drop_lines(lines: bytes, names: bytes) -> bytes:
    """Return ``lines`` without those that a Connection header names (RFC 9110 §7.6.1).

    ``names`` is :attr:`Head.connection`. Fields that a peer may not have removed stay.
    """
    unwanted = set(names.split(b",")) - PROTECTED
    return CRLF.join(
        [line for line in lines.split(CRLF) if line.partition(b":")[0].lower() not in unwanted]
    )


def names_and_values(lines: bytes) -> list[tuple[bytes, bytes]]:
    """Return name, as spelt, and trimmed value of every line, in order."""
    pairs = []
    for line in lines.split(CRLF)[:-1]:
        name, _, value = line.partition(b":")
        pairs.append((name, value.strip(OWS)))
    return pairs
