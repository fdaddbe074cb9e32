"""The compressed form of a message."""

import pytest

from colobus.cluster.codec import lzw
from colobus.cluster.codec.compression import pack, unpack
from colobus.cluster.codec.dialect import ObjectLimits, load_prefix, pack_old
from colobus.errors import ClusterProtocolError

LIMITS = ObjectLimits(size=1 << 16, items=16)


def test_a_message_comes_back() -> None:
    packed = pack(b"\x0bmessage")
    value, end = load_prefix(packed[1:], LIMITS)
    assert (packed[0], end) == (9, len(packed) - 1)
    assert unpack(value, 8) == b"\x0bmessage"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "not a map"),
        ({b"Algo": 1, b"Buf": lzw.compress(b"a")}, "algorithm 1 is unknown"),
        ({b"Algo": 0}, "no end code"),
        ({b"Buf": 7}, "Compressed.Buf"),
        ({b"Buf": lzw.compress(b"123456789")}, "more than 8 bytes"),
    ],
)
def test_what_cannot_be_unpacked_is_refused(value: object, reason: str) -> None:
    with pytest.raises(ClusterProtocolError, match=reason):
        unpack(value, 8)


def test_the_form_is_that_of_an_agent() -> None:
    assert pack(b"") == b"\x09" + pack_old({"Algo": 0, "Buf": bytes.fromhex("000302")})
