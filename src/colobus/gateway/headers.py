"""Header text: between the bytes of a message and the ``str`` a plugin works with. Pure.

Bytes are read as UTF-8; what is none survives as surrogates, so that a value a plugin only looks
at, or hands on, keeps its bytes.
"""

import re

__all__ = ["header_key", "header_line", "text"]

MAX_KEYS = 1024
"""Names remembered in folded form: plugins use few, configurations a few more."""

is_name = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
# Everything a field value must not hold (RFC 9110 §5.5) becomes a space, as the RFC advises.
CONTROLS = bytes((*range(9), *range(10, 32), 127))
TO_SPACES = bytes.maketrans(CONTROLS, b" " * len(CONTROLS))

keys: dict[str, bytes] = {}


def text(value: bytes) -> str:
    """Return header bytes as ``str``."""
    return value.decode("utf-8", "surrogateescape")


def header_key(name: str) -> bytes:
    """Return the folded form of a header name, by which lines are found."""
    key = keys.get(name)
    if key is None:
        key = name.lower().encode("utf-8", "surrogateescape")
        if len(keys) >= MAX_KEYS:
            keys.clear()
        keys[name] = key
    return key


def header_line(name: str, value: str) -> bytes:
    """Return a header line with its CRLF; control characters in ``value`` become spaces.

    Raises:
        ValueError: ``name`` is no header name.
    """
    field = name.encode("utf-8", "surrogateescape")
    if is_name(field) is None:
        raise ValueError(f"{name!r} is no header name")
    raw = value.encode("utf-8", "surrogateescape").translate(TO_SPACES)
    return b"%b: %b\r\n" % (field, raw.strip(b" \t"))
