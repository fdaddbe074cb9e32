r"""Text of others in a log line, such that no line can be forged. Pure.

As nginx does: a quote, a backslash, and every byte that is not printable ASCII become ``\xXX``,
and what is not there is ``-``. ``escaping.pyx`` is the compiled twin: every line asks three times.
"""

import re

__all__ = ["escaped", "escaped_word"]

UNSAFE = re.compile(rb"[^ !#-\[\]-~]")
SPLITTING = re.compile(rb"[^!#-\[\]-~]")


def escaped(value: bytes | None) -> bytes:
    """Return ``value`` for a place between quotes."""
    if value is None:
        return b"-"
    return value if UNSAFE.search(value) is None else UNSAFE.sub(code, value)


def escaped_word(value: bytes) -> bytes:
    """Return ``value`` for a place without quotes, where a blank would end it."""
    return SPLITTING.sub(code, value) or b"-"


def code(match: re.Match[bytes]) -> bytes:
    """Return what stands for one byte."""
    return b"\\x%02X" % match[0][0]
