"""Digests of passwords, as kong 0.10 stores and shows them, so that its rows work here.

SHA-1 salted with the consumer's id costs about a microsecond, to a gateway and to whoever steals
the rows alike.
"""

import hashlib
import hmac

__all__ = ["digest", "is_digest_of"]


def digest(password: str, consumer_id: str) -> str:
    """Return the lower-case hexadecimal digest of a consumer's password."""
    salted = (password + consumer_id).encode("utf-8", "surrogateescape")
    return hashlib.sha1(salted, usedforsecurity=False).hexdigest()


def is_digest_of(stored: object, password: str, consumer_id: str) -> bool:
    """Say whether ``stored`` is the digest of the password; takes as long for any password."""
    if not isinstance(stored, str) or not stored.isascii() or not password:
        return False
    return hmac.compare_digest(stored.lower(), digest(password, consumer_id))
