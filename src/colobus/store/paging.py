"""Offset tokens: where the next page of a listing starts.

A page ends at a primary key and the next one starts behind it, so that depth costs nothing and a
row written meanwhile moves no other row to another page. The token is base64 in the alphabet that
needs no escaping in a URL, because clients pass it on as it is (admin-api §1.3).
"""

import base64
import binascii

from colobus.model.kind import Kind
from colobus.store.values import column_types, comparable

__all__ = ["decode_offset", "encode_offset"]


def encode_offset(kind: Kind, key: str) -> str:
    """Return the token of the page that starts behind ``key``."""
    return base64.urlsafe_b64encode(f"{kind.name}:{key}".encode()).decode().rstrip("=")


def decode_offset(kind: Kind, token: str | None) -> str | None:
    """Return the key that the page starts behind; None, the first page, for a foreign token."""
    if token is None:
        return None
    padding = "=" * (-len(token) % 4)
    try:
        text = base64.b64decode(token + padding, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    name, separator, key = text.partition(":")
    if name != kind.name or not separator:
        return None
    found = comparable(column_types(kind)[kind.key], key)
    return found if isinstance(found, str) else None
