"""Public keys of credentials: read once, kept while they are in use.

Reading a PEM text takes longer than checking a signature with it. A text always means the same
key, so nothing has to be invalidated.

The library is loaded with the first key: it takes 6 MiB, and most workers never see one.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["MINIMUM_BITS", "RECOMMENDED_BITS", "p256_key", "rsa_key"]

MINIMUM_BITS = 1024
"""A shorter RSA key can be factored by anybody; 768 bits were in 2009."""

RECOMMENDED_BITS = 2048
"""What NIST SP 800-131A asks for."""

KEYS_KEPT = 1024
"""Keys remembered per worker; one takes about 2 KiB."""


@lru_cache(KEYS_KEPT)
def rsa_key(pem: str) -> "RSAPublicKey | None":
    """Return the RSA key in a PEM text, or None when there is none."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key = _load(pem)
    return key if isinstance(key, RSAPublicKey) else None


@lru_cache(KEYS_KEPT)
def p256_key(pem: str) -> "EllipticCurvePublicKey | None":
    """Return the key on the curve P-256 in a PEM text, or None when there is none."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

    key = _load(pem)
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    return None


def _load(pem: str) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
