"""Offset tokens survive a URL, and nothing but a token is taken for one."""

import base64

from hypothesis import given, strategies as st

from colobus.model import APIS, CONSUMERS, NODES
from colobus.store.paging import decode_offset, encode_offset

keys = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(keys)
def test_a_token_gives_back_its_key(key: str) -> None:
    token = encode_offset(NODES, key)
    assert decode_offset(NODES, token) == key
    assert all(c.isascii() and (c.isalnum() or c in "-_") for c in token)


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()))
def test_no_other_text_is_a_token(text: str) -> None:
    assert decode_offset(APIS, text) is None


def test_a_token_belongs_to_one_kind() -> None:
    token = encode_offset(CONSUMERS, "00000000-0000-4000-8000-000000000000")
    assert decode_offset(CONSUMERS, token) is not None
    assert decode_offset(APIS, token) is None
    assert decode_offset(CONSUMERS, encode_offset(CONSUMERS, "no uuid")) is None
    assert decode_offset(APIS, None) is None
