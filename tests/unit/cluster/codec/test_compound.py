"""Several messages in one datagram."""

import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec.compound import HEADER_SIZE, MAX_PARTS, PART_SIZE, join, split
from colobus.errors import ClusterProtocolError


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=2, max_size=MAX_PARTS))
def test_parts_come_back_in_order_and_cost_what_is_said(parts: list[bytes]) -> None:
    data = join(parts)
    assert data[0] == 7
    assert split(data[1:]) == (tuple(parts), 0)
    assert len(data) == HEADER_SIZE + sum(PART_SIZE + len(part) for part in parts)


def test_one_message_stays_as_it_is() -> None:
    assert join([b"\x0babc"]) == b"\x0babc"


@pytest.mark.parametrize("parts", [[], [b"x"] * 128, [b"x", bytes(65536)]])
def test_what_a_compound_cannot_hold_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(ClusterProtocolError, match="compound"):
        join(parts)


@pytest.mark.parametrize(
    ("data", "parts", "lost"),
    [
        ("00", (), 0),
        ("0100016162", (b"a",), 0),  # trailing bytes
        ("02000100026162", (b"a",), 1),
        ("030001000500016162", (b"a",), 2),
        ("0200000000", (b"", b""), 0),
    ],
)
def test_parts_before_the_first_that_is_cut_off_are_kept(
    data: str, parts: tuple[bytes, ...], lost: int
) -> None:
    assert split(bytes.fromhex(data)) == (parts, lost)


@pytest.mark.parametrize("data", ["", "01", "020001", "ff0001"])
def test_incomplete_lengths_are_refused(data: str) -> None:
    with pytest.raises(ClusterProtocolError, match="compound"):
        split(bytes.fromhex(data))
