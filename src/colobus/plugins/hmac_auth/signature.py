"""Signatures of requests: how they are written, what they are over. Pure.

The scheme is an early draft of HTTP signatures, in kong 0.10's reading of it: always HMAC-SHA1,
whatever ``algorithm`` says.
"""

import hashlib
import hmac
import re
from calendar import timegm
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_tz
from typing import Protocol

from colobus.plugins.credentials import decoded_base64

__all__ = ["Signature", "Signed", "is_signed_by", "parse_date", "parse_signature", "signing_text"]

# Commas are needed, blanks behind them are not; the order is fixed.
_PARTS = re.compile(
    r'[Hh]mac\s*username="([^"]+)",\s*algorithm="([^"]+)",\s*headers="([^"]+)"'
    r',\s*signature="([^"]+)"'
)

NAMES_LIMIT = 100
"""Headers that a signature may be over: a request has no more lines. One header line holds some
thousand names, and each of them could stand for another long line."""

_DATE = re.compile(r"[A-Za-z]{3,9},? [A-Za-z0-9 :-]{12,20} (?:GMT|[0-9]{4})")
"""What the three forms of RFC 9110 §5.6.7 have in common."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a header of the scheme says: who signed, which headers, and the signature itself."""

    username: str
    headers: tuple[str, ...]
    signature: str


class Signed(Protocol):
    """The part of a request that can be signed."""

    @property
    def request_line(self) -> str:
        """The first line as received."""

    def get_headers(self, name: str) -> Sequence[str]:
        """Return every value of the header."""


def parse_signature(header: str) -> Signature | None:
    """Return the signature that the header holds anywhere in it, or None."""
    found = _PARTS.search(header)
    if found is None:
        return None
    username, _, headers, signature = found.groups()
    names = tuple(headers.split(" "))
    return Signature(username, names, signature) if len(names) <= NAMES_LIMIT else None


def signing_text(request: Signed, names: Sequence[str]) -> str:
    """Return what the client signed: one line for each name, none at the end.

    A repeated header counts as one, its values joined by commas (RFC 9110 §5.2).
    """
    return "\n".join(_line(request, name) for name in names)


def _line(request: Signed, name: str) -> str:
    values = request.get_headers(name.replace("_", "-")) if name else ()
    if values:
        return f"{name}: {', '.join(values)}"
    return request.request_line if name == "request-line" else f"{name}:"


def is_signed_by(secret: str, text: str, signature: str) -> bool:
    """Say whether ``signature`` is that of ``text``; takes as long for any signature."""
    given = decoded_base64(signature)
    if given is None or not secret:
        return False
    key, content = (part.encode("utf-8", "surrogateescape") for part in (secret, text))
    return hmac.compare_digest(given, hmac.digest(key, content, hashlib.sha1))


def parse_date(text: str) -> float | None:
    """Return an HTTP date (RFC 9110 §5.6.7) in seconds since the epoch, or None."""
    if _DATE.fullmatch(text) is None:
        return None
    parsed = parsedate_tz(text)
    if parsed is None:
        return None
    try:
        return float(timegm(parsed[:9]))
    except (ValueError, OverflowError):
        return None
