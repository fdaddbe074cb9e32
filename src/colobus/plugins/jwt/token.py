"""Tokens taken apart (RFC 7515, RFC 7519), and their claims. Pure.

Taking a token apart proves nothing; :mod:`colobus.plugins.jwt.verifier` checks who signed it.
"""

import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["ALGORITHMS", "BadTokenError", "Token", "claim_errors", "parse"]

ALGORITHMS = frozenset(("HS256", "RS256", "ES256"))

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}")


class BadTokenError(ValueError):
    """The text is no token; the message says what is wrong with it, in kong 0.10's words."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says.

    Attributes:
        algorithm: one of :data:`ALGORITHMS`.
        claims: the members of its payload.
        signed: the bytes that the signature is over.
        signature: the signature.
    """

    algorithm: str
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def parse(text: str) -> Token:
    """Take a token apart.

    Raises:
        BadTokenError: it is none.
    """
    parts = text.split(".")
    if len(parts) != 3:
        raise BadTokenError("invalid JSON")
    header, claims = (_json(part) for part in parts[:2])
    if not isinstance(header, dict):
        raise BadTokenError("invalid JSON")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.upper() != "JWT":
        raise BadTokenError("invalid typ")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise BadTokenError("invalid alg")
    if not isinstance(claims, dict):
        raise BadTokenError("invalid claims")
    signature = _decoded(parts[2])
    if signature is None:
        raise BadTokenError("invalid signature")
    return Token(algorithm, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def claim_errors(claims: dict[str, Any], names: Iterable[str], now: float) -> dict[str, str]:
    """Return claim -> what is wrong with it, for each of ``names`` (``exp``, ``nbf``).

    ``now`` is seconds since the epoch; there is no leeway.
    """
    errors: dict[str, str] = {}
    for name in names:
        value = claims.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            errors[name] = "must be a number"
        elif name == "exp" and value <= now:
            errors[name] = "token expired"
        elif name == "nbf" and value > now:
            errors[name] = "token not valid yet"
    return errors


def _json(part: str) -> object:
    decoded = _decoded(part)
    if decoded is None:
        raise BadTokenError("invalid JSON")
    try:
        return json.loads(decoded, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadTokenError("invalid JSON") from None


def _refuse(name: str) -> object:
    raise BadTokenError(f"{name} is no JSON")


def _decoded(part: str) -> bytes | None:
    """Return what base64url encodes, its padding there or not (RFC 7515 §2); None if it is none."""
    if _BASE64URL.fullmatch(part) is None:
        return None
    unpadded = part.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        return binascii.a2b_base64(unpadded + "=" * (-len(unpadded) % 4))
    except ValueError:
        return None
