"""The compiled twin of escaping.py."""

import re

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

__all__ = ["escaped", "escaped_word"]

UNSAFE = re.compile(rb'[^ !#-\[\]-~]')
SPLITTING = re.compile(rb'[^!#-\[\]-~]')


cpdef bytes escaped(bytes value):
    """See ``escaping.py``."""
    cdef const unsigned char *place
    cdef const unsigned char *end
    if value is None:
        return b"-"
    place = <const unsigned char *>PyBytes_AS_STRING(value)
    end = place + PyBytes_GET_SIZE(value)
    while place < end:
        if place[0] < 32 or place[0] > 126 or place[0] == c'"' or place[0] == c'\\':
            return UNSAFE.sub(code, value)
        place += 1
    return value


cpdef bytes escaped_word(bytes value):
    """See ``escaping.py``."""
    return SPLITTING.sub(code, value) or b"-"


def code(match):
    """See ``escaping.py``."""
    return b"\\x%02X" % match[0][0]
