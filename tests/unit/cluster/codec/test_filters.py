"""Filters of queries."""

import pytest

from colobus.cluster.codec.filters import (
    Filter,
    NodeFilter,
    TagFilter,
    decode_filter,
    encode_filter,
)
from colobus.errors import ClusterProtocolError

FILTERS = [
    (NodeFilter(("n2",)), "0091a26e32"),
    (NodeFilter(()), "0090"),
    (TagFilter("role", "d.*"), "0182a445787072a3642e2aa3546167a4726f6c65"),
]


@pytest.mark.parametrize(("condition", "data"), FILTERS)
def test_a_filter_is_read_and_written(condition: Filter, data: str) -> None:
    assert decode_filter(bytes.fromhex(data)) == condition
    assert encode_filter(condition).hex() == data


def test_nil_names_nobody() -> None:
    assert decode_filter(b"\x00\xc0") == NodeFilter(())


@pytest.mark.parametrize(
    "data", ["", "00", "0080", "009101", "01c0", "0190", "0281", "0181a354616701"]
)
def test_a_filter_that_cannot_be_read_is_refused(data: str) -> None:
    with pytest.raises(ClusterProtocolError):
        decode_filter(bytes.fromhex(data))
