"""Request targets: which of the four forms it is, and what it asks for. Pure.

==================  ==========================================================================
``/path?query``     origin-form: what clients send
``http://h/path``   absolute-form: its authority stands over the Host header (RFC 9112 §3.2.2)
``*``               asterisk-form: for OPTIONS alone (RFC 9112 §3.2.4)
``host:port``       authority-form: for CONNECT alone, and this gateway is no forward proxy: 400
==================  ==========================================================================

A fragment is part of none of them (RFC 9112 §3.2): where some servers cut it off and others do
not, ``#`` is refused.
"""

import re

from colobus.errors import ProtocolError

__all__ = ["Target", "read_target"]

match_absolute = re.compile(
    rb"https?://([^/?]*)([^?]*)(?:\?(.*))?", re.IGNORECASE | re.DOTALL
).match
# uri-host and port without user information (RFC 9110 §4.2.4): registered name or IP literal.
is_authority = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]+)(?::[0-9]*)?"
).fullmatch


class Target:
    """What a request line asks for.

    Attributes:
        path: not decoded; ``*`` in asterisk-form.
        query: the bytes behind the first question mark; None when there is none.
        authority: host and port of an absolute-form target, else None.
    """

    __slots__ = ("authority", "path", "query")

    def __init__(self, path: bytes, query: bytes | None, authority: bytes | None) -> None:
        self.path = path
        self.query = query
        self.authority = authority


def read_target(method: bytes, target: bytes) -> Target:
    """Take a request target apart.

    Raises:
        ProtocolError: it has a form that ``method`` may not have, or none at all.
    """
    if method == b"CONNECT":
        raise ProtocolError("CONNECT is not served")
    if b"#" in target:
        raise ProtocolError("fragment in the request target")
    if target.startswith(b"/"):
        mark = target.find(b"?")
        if mark < 0:
            return Target(target, None, None)
        return Target(target[:mark], target[mark + 1 :], None)
    if target == b"*":
        if method != b"OPTIONS":
            raise ProtocolError("asterisk-form is for OPTIONS")
        return Target(target, None, None)
    match = match_absolute(target)
    if match is None or is_authority(match[1]) is None:
        raise ProtocolError("malformed request target")
    path: bytes = match[2]
    if not path:
        # RFC 9112 §3.2.4: OPTIONS for a whole server, sent to a proxy.
        path = b"*" if method == b"OPTIONS" and match[3] is None else b"/"
    return Target(path, match[3], match[1])
