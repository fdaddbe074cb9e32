"""Keys, their order, and the content of their file."""

import json

import pytest

from colobus.cluster.keyring import (
    Keyring,
    decode_key,
    encode_key,
    format_keyring,
    parse_keyring,
)
from colobus.errors import KeyringError

FIRST, SECOND, THIRD = (bytes([number]) * size for number, size in ((1, 16), (2, 24), (3, 32)))
NONCE = bytes(12)


def test_the_first_key_is_the_primary_and_duplicates_go() -> None:
    keyring = Keyring([FIRST, SECOND, FIRST])
    assert keyring.keys == (FIRST, SECOND)
    assert keyring.primary.encrypt(NONCE, b"x", None) == keyring.ciphers[0].encrypt(
        NONCE, b"x", None
    )
    assert len(keyring.ciphers) == 2


def test_a_new_key_comes_last_and_one_that_is_there_stays() -> None:
    keyring = Keyring([FIRST])
    for key in (SECOND, THIRD, FIRST, SECOND):
        keyring.add(key)
    assert keyring.keys == (FIRST, SECOND, THIRD)


def test_a_key_in_use_comes_first() -> None:
    keyring = Keyring([FIRST, SECOND, THIRD])
    keyring.use(THIRD)
    assert keyring.keys == (THIRD, FIRST, SECOND)
    assert keyring.primary is keyring.ciphers[0]
    assert keyring.primary.decrypt(NONCE, Keyring([THIRD]).primary.encrypt(NONCE, b"x", None), None)


def test_removing_leaves_the_primary_alone_and_ignores_strangers() -> None:
    keyring = Keyring([FIRST, SECOND])
    keyring.remove(THIRD)
    keyring.remove(SECOND)
    assert keyring.keys == (FIRST,)
    with pytest.raises(KeyringError, match=r"^Removing the primary key is not allowed$"):
        keyring.remove(FIRST)


def test_a_key_that_is_not_there_cannot_be_used() -> None:
    with pytest.raises(KeyringError, match=r"^Requested key is not in the keyring$"):
        Keyring([FIRST]).use(SECOND)


@pytest.mark.parametrize("size", [0, 15, 17, 31, 33])
def test_keys_have_the_sizes_of_aes(size: int) -> None:
    with pytest.raises(KeyringError, match=r"^key size must be 16, 24 or 32 bytes$"):
        Keyring().add(bytes(size))


def test_without_keys_there_is_no_encryption() -> None:
    keyring = Keyring()
    assert not keyring
    assert Keyring([FIRST])
    keyring.remove(FIRST)
    with pytest.raises(KeyringError, match="not enabled"):
        _ = keyring.primary


def test_a_keyring_is_bounded() -> None:
    keyring = Keyring(bytes([number]) * 16 for number in range(64))
    keyring.add(bytes(16))
    with pytest.raises(KeyringError, match="at most 64"):
        keyring.add(SECOND)


def test_a_key_is_written_in_base64() -> None:
    assert encode_key(bytes(range(32))) == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert decode_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=") == bytes(range(32))


@pytest.mark.parametrize(
    "text", ["", "AAEC", "AAECAwQF BgcICQoLDA0ODw==", "ä", "AAECAwQFBgcICQoLDA0ODw"]
)
def test_a_text_that_is_no_key_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(KeyringError) as raised:
        decode_key(text)
    assert not text or text not in str(raised.value)
    assert raised.value.__cause__ is None


def test_the_file_is_a_list_of_texts_the_primary_first() -> None:
    keyring = Keyring([SECOND, FIRST])
    text = format_keyring(keyring.keys)
    assert json.loads(text) == [encode_key(SECOND), encode_key(FIRST)]
    assert parse_keyring(text).keys == keyring.keys


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("[" * 100000, "not JSON"),
        ("{}", "not a list of keys"),
        ("[]", "not a list of keys"),
        ("null", "not a list of keys"),
        ("[1]", "key 1 of the keyring file is not a text"),
        (json.dumps([encode_key(FIRST), "!!"]), "key 2 of the keyring file: key is not base64"),
        (json.dumps([encode_key(b"abc")]), "key 1 of the keyring file: key size must be"),
    ],
)
def test_a_file_of_something_else_is_refused(text: str, reason: str) -> None:
    with pytest.raises(KeyringError, match=reason):
        parse_keyring(text)


def test_no_key_shows() -> None:
    assert repr(Keyring([FIRST, SECOND])) == "<Keyring of 2 keys>"
