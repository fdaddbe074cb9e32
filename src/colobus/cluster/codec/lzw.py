"""LZW as Go's ``compress/lzw`` does it, least significant bit first, literals of 8 bits.

The GIF flavour, not that of TIFF, PDF or Unix ``compress`` (reference: memberlist §2.5):

=========  =====================================================================================
codes      0 to 255 literals, 256 clear, 257 end, from 258 on the table; 9 to 12 bits wide
width      one more when the number of codes reaches a power of two, 9 again after a clear
encoder    begins with a clear, and clears again when the highest code is 4095
decoder    the first code after a clear adds no entry; a full table of 4096 stays as it is until
           a clear; the code about to be added stands for the code before plus its first byte
=========  =====================================================================================

The loops keep their state in local variables and move 48 bits at a time: pure Python spends its
time on operations, and a state of 64 KiB holds up the event loop for as long as this takes.
"""

from typing import Final

from colobus.errors import ClusterProtocolError

__all__ = ["compress", "decompress"]

_CLEAR: Final = 256
_END: Final = 257
_FIRST_WIDTH: Final = 9
_LAST_WIDTH: Final = 12
_LAST_CODE: Final = (1 << _LAST_WIDTH) - 1
_CHUNK_BYTES: Final = 6
_CHUNK_BITS: Final = 8 * _CHUNK_BYTES
_CHUNK_MASK: Final = (1 << _CHUNK_BITS) - 1
# Clear and end stand for no bytes: that is how the decoder knows them.
_START_TABLE: Final = (*(bytes((value,)) for value in range(256)), b"", b"")


def decompress(data: bytes, limit: int) -> bytes:
    """Return what ``data`` unpacks to; what follows the end code is ignored.

    Costs time by the codes in ``data``, not by what they unpack to.

    Raises:
        ClusterProtocolError: more than ``limit`` bytes come out, a code that is not in the table,
            or no end code.
    """
    pieces: list[bytes] = []
    table = list(_START_TABLE)
    size = buffer = bits = position = 0
    width, mask, known = _FIRST_WIDTH, (1 << _FIRST_WIDTH) - 1, len(table)
    before = b""  # what the last code stood for; nothing after a clear, or when the table is full
    while True:
        while bits < width:
            buffer, bits, position = _refill(data, buffer, bits, position)
        code = buffer & mask
        buffer >>= width
        bits -= width
        if code < known:
            entry = table[code]
            if not entry:
                if code == _END:
                    return b"".join(pieces)
                table = list(_START_TABLE)
                width, mask, known, before = _FIRST_WIDTH, (1 << _FIRST_WIDTH) - 1, len(table), b""
                continue
        elif code == known and before:
            entry = before + before[:1]
        else:
            raise ClusterProtocolError("LZW code is not in the table")
        pieces.append(entry)
        size += len(entry)
        if size > limit:
            raise ClusterProtocolError(f"LZW unpacks to more than {limit} bytes")
        if before:
            table.append(before + entry[:1])
            known += 1
            if known > mask and width < _LAST_WIDTH:
                width += 1
                mask = (1 << width) - 1
        before = entry if known <= _LAST_CODE else b""


def _refill(data: bytes, buffer: int, bits: int, position: int) -> tuple[int, int, int]:
    """Return the bit buffer with the next bytes on top, its bits, and the new position."""
    chunk = data[position : position + _CHUNK_BYTES]
    if not chunk:
        raise ClusterProtocolError("LZW has no end code")
    buffer |= int.from_bytes(chunk, "little") << bits
    return buffer, bits + 8 * len(chunk), position + _CHUNK_BYTES


def compress(data: bytes) -> bytes:
    """Return ``data`` packed, byte for byte as Go packs it; noise grows by two fifths."""
    packed = bytearray()
    table: dict[int, int] = {}
    buffer, bits = _CLEAR, _FIRST_WIDTH
    width, highest = _FIRST_WIDTH, _END
    code = -1  # of the longest run so far that is in the table
    for value in data:
        key = code << 8 | value
        if code < 0:
            code = value
        elif key in table:
            code = table[key]
        else:
            buffer |= code << bits
            bits += width
            code = value
            highest += 1
            if highest == _LAST_CODE:
                buffer |= _CLEAR << bits
                bits += width
                table.clear()
                width, highest = _FIRST_WIDTH, _END
            else:
                table[key] = highest
                if highest >> width:
                    width += 1
            if bits >= _CHUNK_BITS:
                packed += (buffer & _CHUNK_MASK).to_bytes(_CHUNK_BYTES, "little")
                buffer >>= _CHUNK_BITS
                bits -= _CHUNK_BITS
    return bytes(packed) + _finish(code, buffer, bits, width, highest)


def _finish(code: int, buffer: int, bits: int, width: int, highest: int) -> bytes:
    """Return the last code, the end code, and zero bits up to a whole byte."""
    if code >= 0:
        buffer |= code << bits
        bits += width
        highest += 1
        if highest == _LAST_CODE:
            buffer |= _CLEAR << bits
            bits += width
            width = _FIRST_WIDTH
        elif highest >> width:
            width += 1
    buffer |= _END << bits
    bits += width
    return buffer.to_bytes((bits + 7) // 8, "little")
