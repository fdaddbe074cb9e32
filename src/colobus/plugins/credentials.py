"""Credentials in the headers ``Authorization`` and ``Proxy-Authorization``.

What the plugins that read these headers do alike; which rows a credential is, they know
themselves.
"""

import binascii
import re
from collections.abc import Iterator

from colobus.plugins.context import Request

__all__ = [
    "TEXT_LIMIT",
    "basic_credentials",
    "decoded_base64",
    "is_possible",
    "is_presented",
    "presented",
]

TEXT_LIMIT = 8192
"""No longer text is looked up; it is what a request header line can hold."""

HEADERS = ("Proxy-Authorization", "Authorization")
"""In the order in which they are consulted."""

_BASIC = re.compile(r"[Bb]asic\s*(\S.*)", re.DOTALL)


def presented(request: Request, *, hide: bool) -> Iterator[str]:
    """Yield the value of each header that is there; with ``hide`` each is removed as it comes.

    Of several lines the first counts. All of them are removed.
    """
    for name in HEADERS:
        value = request.get_header(name)
        if value is None:
            continue
        if hide:
            request.remove_header(name)
        yield value


def is_presented(request: Request) -> bool:
    """Say whether the request has one of the two headers, whatever is in it."""
    return any(request.get_header(name) is not None for name in HEADERS)


def basic_credentials(header: str) -> tuple[str, str] | None:
    """Return user and password of the scheme Basic (RFC 7617), or None.

    As in kong 0.10, the scheme is found anywhere in the header. A password may hold colons.
    """
    found = _BASIC.search(header)
    decoded = None if found is None else decoded_base64(found.group(1).strip())
    if decoded is None:
        return None
    user, colon, password = decoded.decode("utf-8", "surrogateescape").partition(":")
    return (user, password) if colon and user else None


def decoded_base64(text: str) -> bytes | None:
    """Return what ``text`` encodes, its padding complete or not; None if it is no base64."""
    unpadded = text.rstrip("=")
    try:
        return binascii.a2b_base64(unpadded + "=" * (-len(unpadded) % 4), strict_mode=True)
    except ValueError:
        return None


def is_possible(text: str) -> bool:
    """Say whether a row can have this text: anything else is not worth a question.

    No datastore keeps NUL or half a surrogate pair, and no credential is named by nothing.
    """
    if not text or len(text) > TEXT_LIMIT or "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
