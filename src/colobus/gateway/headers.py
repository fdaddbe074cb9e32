"""Header text: between the bytes of a message and the ``str`` a plugin works with. Pure.

Bytes are read as UTF-8; what is none survives as surrogates, so that a value a plugin only looks
at, or hands on, keeps its bytes.
"""

import re

from colobus.gateway.wire import line_of
from colobus.plugins.context import HeaderChanges

__all__ = ["PreparedChanges", "header_key", "header_line", "prepared", "text"]

MAX_KEYS = 1024
"""Names remembered in each form: plugins use few, configurations a few more."""

is_name = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch

keys: dict[str, bytes] = {}
starts: dict[str, bytes] = {}


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
    start = starts.get(name)
    if start is None:
        start = line_start(name)
    return line_of(start, value.encode("utf-8", "surrogateescape"))


def line_start(name: str) -> bytes:
    """Return what is before the value in a line, and remember it.

    Raises:
        ValueError: ``name`` is no header name.
    """
    field = name.encode("utf-8", "surrogateescape")
    if is_name(field) is None:
        raise ValueError(f"{name!r} is no header name")
    if len(starts) >= MAX_KEYS:
        starts.clear()
    start = starts[name] = field + b": "
    return start


class PreparedChanges:
    """What a :class:`~colobus.plugins.context.HeaderChanges` does to header lines.

    Attributes:
        names: folded, of the lines that go.
        lines: those that come.
    """

    __slots__ = ("lines", "names")

    def __init__(self, names: tuple[bytes, ...], lines: bytes) -> None:
        self.names = names
        self.lines = lines


def prepared(changes: HeaderChanges, own: frozenset[bytes]) -> PreparedChanges:
    """Return the changes in the form that is applied; made once.

    Args:
        changes: those of a plugin, for requests.
        own: folded names that cannot be set.

    Raises:
        ValueError: a name is no header name, or is Host.
    """
    done: PreparedChanges | None = changes.prepared
    if done is None:
        done = changes.prepared = prepare(changes, own)
    return done


def prepare(changes: HeaderChanges, own: frozenset[bytes]) -> PreparedChanges:
    """Do the work of :func:`prepared`."""
    names = []
    lines = b""
    for name, value in changes.values:
        key = header_key(name)
        if key == b"host":
            raise ValueError("Host is no line like others: set_header sets it")
        names.append(key)
        if value is not None and key not in own:
            lines += header_line(name, value)
    return PreparedChanges(tuple(names), lines)
