"""LZW as Go does it."""

import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec.lzw import compress, decompress
from colobus.errors import ClusterProtocolError
from support.serf_vectors import load

VECTORS = [(bytes.fromhex(v["plain"]), bytes.fromhex(v["lzw"])) for v in load("codec")["lzw"]]

texts = st.binary(max_size=400) | st.lists(st.sampled_from([b"ab", b"abc", b"x"])).map(b"".join)


@pytest.mark.parametrize(("plain", "packed"), VECTORS)
def test_it_packs_and_unpacks_as_go_does(plain: bytes, packed: bytes) -> None:
    assert compress(plain) == packed
    assert decompress(packed, len(plain)) == plain


@settings(max_examples=100, deadline=None)
@given(texts, st.binary(max_size=3))
def test_what_was_packed_comes_back(plain: bytes, rest: bytes) -> None:
    assert decompress(compress(plain) + rest, len(plain)) == plain


def all_pairs(symbols: int) -> bytes:
    """Return bytes in which no pair comes twice, so that each of them is a code of its own."""
    sequence = []
    for first in range(symbols):
        sequence.append(first)
        for second in range(first + 1, symbols):
            sequence += [first, second]
    return bytes(sequence)


# Codes after which the width changes, and after which a full table is cleared.
@pytest.mark.parametrize("edge", [255, 767, 1791, 3838, 2 * 3838])
def test_the_edges_of_width_and_table_come_back(edge: int) -> None:
    plain = all_pairs(100)
    for size in range(edge - 3, edge + 3):
        packed = compress(plain[:size])
        assert decompress(packed, size) == plain[:size]


def test_a_text_that_ends_with_the_table_ends_with_a_clear() -> None:
    """Go clears before it ends; then the end code has 9 bits again."""
    sizes = [len(compress(all_pairs(100)[:size])) for size in (3837, 3838, 3839)]
    bits = 9 + 9 * 255 + 10 * 512 + 11 * 1024 + 12 * 2046
    assert sizes == [-(-(bits + more) // 8) for more in (12, 12 + 12 + 9, 12 + 12 + 9 + 9)]


def codes(*values: tuple[int, int]) -> bytes:
    """Return (code, width) pairs as bits."""
    buffer = bits = 0
    for code, width in values:
        buffer |= code << bits
        bits += width
    return buffer.to_bytes((bits + 7) // 8, "little")


def test_no_clear_is_needed_at_the_start() -> None:
    assert decompress(codes((97, 9), (258, 9), (257, 9)), 3) == b"aaa"


def test_a_full_table_stays_as_it_is() -> None:
    """An encoder may go on with 4096 entries instead of clearing."""
    widths = [9] * 255 + [10] * 512 + [11] * 1024 + [12] * 2048 + [12] * 5
    literals = [(number % 251, width) for number, width in enumerate(widths)]
    packed = codes(*literals, (258, 12), (257, 12))
    plain = bytes(number % 251 for number in range(len(widths))) + bytes((0, 1))
    assert decompress(packed, len(plain)) == plain


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (b"", "no end"),
        (codes((256, 9)), "no end"),
        (codes((256, 9), (97, 9)), "no end"),
        (codes((256, 9), (258, 9), (257, 9)), "not in the table"),  # nothing before it
        (codes((256, 9), (97, 9), (259, 9), (257, 9)), "not in the table"),
        (codes((97, 9), (98, 9), (256, 9), (258, 9), (257, 9)), "not in the table"),
        (compress(b"abcd"), "more than 3 bytes"),
    ],
)
def test_what_cannot_be_unpacked_is_refused(packed: bytes, reason: str) -> None:
    with pytest.raises(ClusterProtocolError, match=reason):
        decompress(packed, 3)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = compress(bytes(1 << 20))
    assert len(bomb) < 5000
    with pytest.raises(ClusterProtocolError, match="more than 65536 bytes"):
        decompress(bomb, 65536)
