"""The head of a request that came over HTTP/2, as the data path knows heads. Pure.

What RFC 9113 §8 forbids is refused here and ends the stream. What remains is written down as a
head of HTTP/1.1 and read by the one parser there is, so that everything behind it, limits
included, has one interpretation whatever the client speaks.

======================================================  ==========================================
refused with the stream                                 rule (RFC 9113)
======================================================  ==========================================
pseudo-header unknown, repeated or behind a field       §8.3
``:method``, ``:scheme`` or ``:path`` missing or empty  §8.3.1
``:path`` that begins with neither ``/`` nor is ``*``   §8.3.1; another form would name a host
``:scheme`` or ``:path`` with CONNECT                   §8.5
``:authority`` and another Host                         §8.3.1
name that is no token in lower case                     §8.2, §8.2.1
NUL, CR, LF, or space or tab at either end of a value   §8.2.1
Connection, Keep-Alive, Proxy-Connection, Upgrade,      §8.2.2
Transfer-Encoding, TE other than ``trailers``
Content-Length above 0 and no body                      §8.1.1
======================================================  ==========================================
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from colobus.errors import MalformedError, ProtocolError
from colobus.gateway.wire import HeadLimits, RequestHead, parse_request

__all__ = ["CONNECTION_FIELDS", "HIDDEN_LENGTH", "check_trailers", "request_head"]

Fields = Iterable[tuple[bytes, bytes]]

HIDDEN_LENGTH: Final = b"content-length "
"""Stands for Content-Length where the machine must not see it (``http2_machine.py``); no name that
a client sends can be this, since a space is refused."""

CONNECTION_FIELDS: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
PSEUDO: Final = frozenset((b":method", b":scheme", b":path", b":authority"))

is_name = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+").fullmatch
is_value = re.compile(rb"(?:[^\0\r\n\t ](?:[^\0\r\n]*[^\0\r\n\t ])?)?").fullmatch
is_scheme = re.compile(rb"[A-Za-z][A-Za-z0-9+\-.]*").fullmatch


def request_head(fields: Fields, limits: HeadLimits, *, is_whole: bool) -> RequestHead:
    """Return the head of a request; ``is_whole``: no body follows.

    Raises:
        MalformedError: it breaks a rule of the table above.
        ProtocolError: it would break one in HTTP/1 too; ``status`` is the answer.
    """
    pseudo: dict[bytes, bytes] = {}
    lines: list[bytes] = []
    cookies: list[bytes] = []
    hosts: list[bytes] = []
    for name, value in fields:
        if name.startswith(b":"):
            if lines or cookies or hosts:
                raise MalformedError("pseudo-header behind a field")
            take_pseudo(pseudo, name, value)
            continue
        name = checked_name(name, value)
        if name == b"cookie":
            cookies.append(value)
        elif name == b"host":
            hosts.append(value)
        else:
            lines.append(b"%b: %b\r\n" % (name, value))
    if cookies:
        lines.append(b"cookie: %b\r\n" % b"; ".join(cookies))  # RFC 9113 §8.2.3
    method, target = request_line(pseudo)
    text = b"%b %b HTTP/1.1\r\n%b%b\r\n" % (
        method,
        target,
        host_lines(pseudo.get(b":authority"), hosts),
        b"".join(lines),
    )
    head = parse_request(text, limits)
    if head is None:
        raise ProtocolError("head too large", 431)
    if not is_whole:
        head.chunked = head.content_length < 0  # its end is not known yet
    elif head.content_length > 0:
        raise MalformedError("Content-Length without a body")
    return head


def take_pseudo(pseudo: dict[bytes, bytes], name: bytes, value: bytes) -> None:
    """Take a pseudo-header."""
    if name not in PSEUDO:
        raise MalformedError("unknown pseudo-header")
    if name in pseudo:
        raise MalformedError("repeated pseudo-header")
    if is_value(value) is None:
        raise MalformedError("forbidden character in a pseudo-header")
    pseudo[name] = value


def checked_name(name: bytes, value: bytes) -> bytes:
    """Return the name of a field, which may stand in a request with that value."""
    if name == HIDDEN_LENGTH:
        name = b"content-length"
    elif is_name(name) is None:
        raise MalformedError("malformed name of a field")
    if is_value(value) is None:
        raise MalformedError("forbidden character in a field")
    if name in CONNECTION_FIELDS or (name == b"te" and value.lower() != b"trailers"):
        raise MalformedError("field that belongs to a connection of HTTP/1")
    return name


def request_line(pseudo: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """Return method and target."""
    method = pseudo.get(b":method")
    scheme = pseudo.get(b":scheme")
    path = pseudo.get(b":path")
    if not method:
        raise MalformedError("no :method")
    if method == b"CONNECT":
        if scheme is not None or path is not None or not pseudo.get(b":authority"):
            raise MalformedError("malformed CONNECT")
        return method, pseudo[b":authority"]
    if scheme is None or is_scheme(scheme) is None:
        raise MalformedError("no :scheme")
    if path is None or not (path.startswith(b"/") or path == b"*"):
        raise MalformedError("no :path")
    return method, path


def host_lines(authority: bytes | None, hosts: list[bytes]) -> bytes:
    """Return the Host line; more than one are left to the parser to refuse."""
    if authority is None:
        return b"".join([b"host: %b\r\n" % host for host in hosts])
    if any(host != authority for host in hosts):
        raise MalformedError(":authority and another Host")
    return b"host: %b\r\n" % authority


def check_trailers(fields: Fields) -> None:
    """Check the trailers of a request; like those of HTTP/1 they go no further.

    Raises:
        MalformedError: one of them may not stand there.
    """
    for name, value in fields:
        checked_name(name, value)
