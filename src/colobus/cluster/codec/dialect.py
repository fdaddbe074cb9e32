"""MessagePack within limits: where an object ends, then its value, in two dialects.

Gossip speaks the MessagePack of before 2013 (one raw type for text and bytes), RPC the newer one
(reference: memberlist §1, rpc §1). Reading accepts both and tells text from bytes by the field, not by the
type on the wire; extension types exist in neither.

The library that builds values allocates what a header announces before it has seen the content,
so an object is first walked without building anything: nothing is built from bytes that break a
limit or are not complete.
"""

from dataclasses import dataclass
from typing import Final

import msgpack

from colobus.errors import ClusterProtocolError

__all__ = ["ObjectLimits", "ObjectScanner", "load", "load_prefix", "pack_new", "pack_old"]


@dataclass(frozen=True, slots=True)
class ObjectLimits:
    """Most an object may hold.

    Attributes:
        size: bytes of the whole object.
        items: values in it at all levels, keys counted.
        depth: containers within each other. The deepest record, the state of Serf, has 5.
    """

    size: int
    items: int
    depth: int = 8


# First byte -> size of the whole value, where the first byte alone says it; 0 elsewhere.
_SIZES: Final = bytearray(256)
# First byte -> bytes of the number that follows, and values per number: 0 where it counts bytes.
_HEADERS: Final[dict[int, tuple[int, int]]] = {
    0xC4: (1, 0),  # bin, newer dialect
    0xC5: (2, 0),
    0xC6: (4, 0),
    0xD9: (1, 0),  # raw, called str in the newer dialect
    0xDA: (2, 0),
    0xDB: (4, 0),
    0xDC: (2, 1),  # lists
    0xDD: (4, 1),
    0xDE: (2, 2),  # maps
    0xDF: (4, 2),
}


def _fill_sizes() -> None:
    """Fill the table of self-describing first bytes from the MessagePack specification."""
    for first in (*range(0x80), *range(0xE0, 0x100), 0xC0, 0xC2, 0xC3):
        _SIZES[first] = 1  # small integers, nil, booleans
    for length in range(32):
        _SIZES[0xA0 + length] = 1 + length  # fixraw
    for first, size in {0xCA: 5, 0xCB: 9}.items():
        _SIZES[first] = size  # floats
    for number, size in enumerate((2, 3, 5, 9)):
        _SIZES[0xCC + number] = _SIZES[0xD0 + number] = size  # unsigned and signed integers


_fill_sizes()


class ObjectScanner:
    """Finds the end of one object in a buffer that grows, looking at every value once."""

    def __init__(self, limits: ObjectLimits) -> None:
        self._limits = limits
        self._position = 0
        self._remaining = 1  # values still to come at this level
        self._outer: list[int] = []  # the same for the levels around it
        self._items = 0

    def advance(self, data: bytes | bytearray) -> int | None:
        """Return the offset after the object that starts ``data``, or None if more is needed.

        Each call must be given the bytes of the call before, and what came after them.

        Raises:
            ClusterProtocolError: no MessagePack, or more than the limits allow.
        """
        end = len(data)
        outer, most = self._outer, self._limits.size
        position, remaining = self._position, self._remaining
        while True:
            while not remaining and outer:
                remaining = outer.pop()
            if not remaining or position >= end:
                break
            size = _SIZES[data[position]]
            if size:
                remaining -= 1
            else:
                width, length, count = self._read_header(data, position)
                if not width:
                    break
                size = width + length
                if count is None:
                    remaining -= 1
                else:
                    outer.append(remaining - 1)
                    remaining = count
            position += size
            if position > most:
                raise ClusterProtocolError(f"object exceeds {most} bytes")
        self._position, self._remaining = position, remaining
        return position if not remaining and position <= end else None

    def _read_header(self, data: bytes | bytearray, start: int) -> tuple[int, int, int | None]:
        """Return bytes of a header (0: not there yet), of its content, and values in it.

        Raw values hold bytes and None values, containers 0 bytes and some values.
        """
        first = data[start]
        if 0x80 <= first <= 0x9F:
            width, scale = 0, 1 if first & 0x10 else 2
            number = first & 0x0F
        elif first in _HEADERS:
            width, scale = _HEADERS[first]
            if len(data) <= start + width:
                return 0, 0, None
            number = int.from_bytes(data[start + 1 : start + 1 + width], "big")
        else:
            raise ClusterProtocolError(f"no MessagePack of this protocol: byte {first:02x}")
        if not scale:
            return 1 + width, number, None
        self._items += number * scale
        if self._items > self._limits.items:
            raise ClusterProtocolError(f"object holds more than {self._limits.items} values")
        if len(self._outer) >= self._limits.depth:
            raise ClusterProtocolError(f"object nests deeper than {self._limits.depth} levels")
        return 1 + width, 0, number * scale


def load_prefix(data: bytes, limits: ObjectLimits) -> tuple[object, int]:
    """Return the object that starts ``data`` and the offset after it; text and bytes as ``bytes``.

    Raises:
        ClusterProtocolError: no complete object within the limits starts there.
    """
    end = ObjectScanner(limits).advance(data)
    if end is None:
        raise ClusterProtocolError("object is truncated")
    return load(data[:end]), end


def load(data: bytes) -> object:
    """Return the one object ``data`` is, as ``ObjectScanner`` found it; all raw as ``bytes``.

    Raises:
        ClusterProtocolError: a map key that is a container.
    """
    try:
        value: object = msgpack.unpackb(data, raw=True, strict_map_key=False)
    except (ValueError, TypeError, msgpack.UnpackException) as exc:
        raise ClusterProtocolError(f"object cannot be read: {type(exc).__name__}") from exc
    return value


def pack_old(value: object) -> bytes:
    """Return ``value`` in the dialect of gossip: text and bytes alike as fixraw, raw16, raw32.

    Raises:
        ClusterProtocolError: a text with half of a surrogate pair, which JSON can make.
    """
    return _pack(value, use_bin_type=False)


def pack_new(value: object) -> bytes:
    """Return ``value`` in the dialect of RPC: ``str`` as str, ``bytes`` as bin.

    Raises:
        ClusterProtocolError: as for ``pack_old``.
    """
    return _pack(value, use_bin_type=True)


def _pack(value: object, *, use_bin_type: bool) -> bytes:
    try:
        packed: bytes = msgpack.packb(
            value, use_bin_type=use_bin_type, unicode_errors="surrogateescape"
        )
    except UnicodeEncodeError as exc:
        raise ClusterProtocolError("text cannot be encoded as UTF-8") from exc
    return packed
