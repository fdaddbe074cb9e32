"""Tags as meta bytes."""

import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec.tags import decode_tags, encode_tags
from colobus.errors import ClusterError, ClusterProtocolError
from support.gossip_messages import names


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(names, names, max_size=4))
def test_tags_come_back(tags: dict[str, str]) -> None:
    assert decode_tags(encode_tags(tags)) == tags


@pytest.mark.parametrize(
    ("meta", "tags"),
    [
        ("ff80", {}),
        ("", {}),
        ("ff82a4726f6c65a26c62a26463a178", {"role": "lb", "dc": "x"}),
        ("6c62", {"role": "lb"}),  # protocol 2 knew no tags
        ("ff81a161c0", {"a": ""}),
        ("ff8000", {}),  # trailing bytes
    ],
)
def test_meta_is_read(meta: str, tags: dict[str, str]) -> None:
    assert decode_tags(bytes.fromhex(meta)) == tags


@pytest.mark.parametrize("meta", ["ff", "ffc0", "ff9101", "ff81a16101", "ff810102"])
def test_meta_without_a_map_of_texts_is_refused(meta: str) -> None:
    with pytest.raises(ClusterProtocolError):
        decode_tags(bytes.fromhex(meta))


def test_meta_has_at_most_512_bytes() -> None:
    assert len(encode_tags({"a": "x" * 505})) == 512
    with pytest.raises(ClusterError, match="Encoded length of tags exceeds limit of 512 bytes"):
        encode_tags({"a": "x" * 506})
