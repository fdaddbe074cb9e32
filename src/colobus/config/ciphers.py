"""The sets of ciphers for TLS 1.2 that ``ssl_cipher_suite`` names, in OpenSSL's notation.

They follow Mozilla's recommendations of the same names, without what needs Diffie-Hellman
parameters and what OpenSSL 3 no longer has (3DES). With TLS 1.3 there is nothing to choose.
"""

from typing import Final

__all__ = ["CIPHER_SUITES", "ciphers_of"]

_MODERN: Final = (
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
    ":ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
    ":ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
    ":ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384"
    ":ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256"
)
_INTERMEDIATE: Final = (
    f"{_MODERN}"
    ":ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"
    ":AES256-GCM-SHA384:AES128-GCM-SHA256:AES256-SHA256:AES128-SHA256:AES256-SHA:AES128-SHA"
)
_OLD: Final = f"{_INTERMEDIATE}:CAMELLIA256-SHA:CAMELLIA128-SHA:HIGH:!aNULL:!eNULL:!PSK:!SRP"

_CIPHERS: Final = {"modern": _MODERN, "intermediate": _INTERMEDIATE, "old": _OLD}

CIPHER_SUITES: Final = (*_CIPHERS, "custom")
"""What ``ssl_cipher_suite`` may be."""


def ciphers_of(suite: str, custom: str | None) -> str:
    """Return the ciphers of a suite; ``custom`` are those of the suite of that name, if given."""
    if suite == "custom":
        return custom or _MODERN
    return _CIPHERS[suite]
