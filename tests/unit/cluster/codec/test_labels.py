"""Label headers."""

import pytest

from colobus.cluster.codec.labels import label_header, strip_label
from colobus.errors import ClusterProtocolError


def test_a_label_is_stripped_by_its_own_pool() -> None:
    header = label_header(b"dc1")
    assert header == b"\xf4\x03dc1"
    assert strip_label(header + b"rest", b"dc1") == len(header)


def test_without_a_label_there_is_no_header() -> None:
    assert label_header(b"") == b""
    assert strip_label(b"\x00", b"") == 0


@pytest.mark.parametrize("data", [b"", b"\xf4", b"\xf4\x03", b"\xf4\x03dc"])
def test_a_part_of_a_header_says_nothing_yet(data: bytes) -> None:
    assert strip_label(data, b"dc1") is None


@pytest.mark.parametrize(
    ("data", "label"),
    [
        (b"\x00", b"dc1"),
        (b"\xf4\x03dc2", b"dc1"),
        (b"\xf4\x04dc12", b"dc1"),
        (b"\xf4\x03dc1", b""),
        (b"\xf4\x00", b""),
        (b"\xf4\x00", b"dc1"),
    ],
)
def test_traffic_of_another_pool_is_refused(data: bytes, label: bytes) -> None:
    with pytest.raises(ClusterProtocolError, match="label"):
        strip_label(data, label)


def test_a_label_has_at_most_255_bytes() -> None:
    assert len(label_header(b"x" * 255)) == 257
    with pytest.raises(ClusterProtocolError, match="255"):
        label_header(b"x" * 256)
