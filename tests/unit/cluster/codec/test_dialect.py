"""MessagePack within limits."""

from typing import Any

import msgpack
import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec.dialect import (
    ObjectLimits,
    ObjectScanner,
    load_prefix,
    pack_new,
    pack_old,
)
from colobus.errors import ClusterProtocolError

LIMITS = ObjectLimits(size=4096, items=64, depth=4)
ROOMY = ObjectLimits(size=1 << 20, items=1 << 16, depth=16)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=300)
)
objects = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.binary(max_size=40), inner, max_size=20)
    ),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(objects, st.booleans(), st.binary(max_size=3))
def test_an_object_ends_where_the_library_says(value: Any, is_new: bool, rest: bytes) -> None:
    data = pack_new(value) if is_new else pack_old(value)
    assert ObjectScanner(ROOMY).advance(data + rest) == len(data)
    assert load_prefix(data + rest, ROOMY) == (value, len(data))


@settings(max_examples=60, deadline=None)
@given(objects, st.data())
def test_it_does_not_matter_how_an_object_comes_in(value: Any, data: st.DataObject) -> None:
    whole = pack_old(value)
    scanner = ObjectScanner(ROOMY)
    ends = sorted(data.draw(st.sets(st.integers(0, len(whole) - 1), max_size=6)))
    assert [scanner.advance(whole[:end]) for end in ends] == [None] * len(ends)
    assert scanner.advance(whole) == len(whole)


@settings(max_examples=60, deadline=None)
@given(objects)
def test_an_object_that_is_cut_off_is_refused(value: Any) -> None:
    with pytest.raises(ClusterProtocolError, match="truncated"):
        load_prefix(pack_old(value)[:-1], ROOMY)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60))
def test_noise_is_an_object_or_refused(data: bytes) -> None:
    try:
        _, end = load_prefix(data, LIMITS)
    except ClusterProtocolError:
        return
    assert 0 < end <= len(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("c1", "byte c1"),  # never used
        ("d400ff", "byte d4"),  # fixext
        ("c70100ff", "byte c7"),  # ext 8
        ("dd00000041", "more than 64 values"),
        ("ddffffffff", "more than 64 values"),
        ("df00000021", "more than 64 values"),
        ("dfffffffff", "more than 64 values"),
        ("dc0020dc0020dc0020", "more than 64 values"),
        ("db00001001", "exceeds 4096 bytes"),
        ("c6ffffffff", "exceeds 4096 bytes"),
        ("9191919191", "deeper than 4"),
        ("81908000", "TypeError"),  # a map whose key is a list
    ],
)
def test_what_breaks_a_limit_is_refused_before_it_is_complete(data: str, reason: str) -> None:
    with pytest.raises(ClusterProtocolError, match=reason):
        load_prefix(bytes.fromhex(data), LIMITS)


def test_limits_themselves_are_allowed() -> None:
    load_prefix(pack_old([0] * 64), LIMITS)
    load_prefix(pack_old(b"x" * 4093), LIMITS)
    load_prefix(pack_old([[[[]]]]), LIMITS)


@pytest.mark.parametrize(
    ("value", "old", "new"),
    [
        ("n1", "a26e31", "a26e31"),
        (b"n1", "a26e31", "c4026e31"),
        ("x" * 32, "da0020" + "78" * 32, "d920" + "78" * 32),
        (b"x" * 32, "da0020" + "78" * 32, "c420" + "78" * 32),
        ("\udcff", "a1ff", "a1ff"),
        (127, "7f", "7f"),
        (128, "cc80", "cc80"),
        (300, "cd012c", "cd012c"),
        (-1, "ff", "ff"),
        (0.5, "cb3fe0000000000000", "cb3fe0000000000000"),
    ],
)
def test_each_dialect_writes_its_types(value: object, old: str, new: str) -> None:
    assert (pack_old(value).hex(), pack_new(value).hex()) == (old, new)


def test_half_a_surrogate_pair_cannot_be_written() -> None:
    with pytest.raises(ClusterProtocolError, match="UTF-8"):
        pack_old("\ud800")


def test_the_newer_types_are_read_as_bytes() -> None:
    data = msgpack.packb([b"a", "b" * 40], use_bin_type=True)
    assert load_prefix(data, LIMITS) == ([b"a", b"b" * 40], len(data))
