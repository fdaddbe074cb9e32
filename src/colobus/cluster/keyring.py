"""The keys of the gossip: which one seals, which ones open, and the file format that keeps them.

Pure: reading and writing the file is ``keyring_file``. Keys appear in no ``repr`` and no error.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from colobus.errors import KeyringError

__all__ = ["Keyring", "decode_key", "encode_key", "format_keyring", "parse_keyring"]

KEY_SIZES: Final = (16, 24, 32)
# Every datagram that no key opens costs a try per key, and a list of keys must fit an answer.
MAX_KEYS: Final = 64


class Keyring:
    """An ordered list of keys without duplicates; the first, the primary, is used to seal.

    An empty keyring stands for a cluster without encryption (reference: memberlist §2.6).
    """

    def __init__(self, keys: Iterable[bytes] = ()) -> None:
        self._ciphers: dict[bytes, AESGCM] = {}
        for key in keys:
            self.add(key)

    def __bool__(self) -> bool:
        return bool(self._ciphers)

    def __repr__(self) -> str:
        return f"<Keyring of {len(self._ciphers)} keys>"

    @property
    def keys(self) -> tuple[bytes, ...]:
        """All keys, the primary first."""
        return tuple(self._ciphers)

    @property
    def ciphers(self) -> tuple[AESGCM, ...]:
        """A cipher for each key, in the same order."""
        return tuple(self._ciphers.values())

    @property
    def primary(self) -> AESGCM:
        """The cipher that seals.

        Raises:
            KeyringError: the keyring is empty.
        """
        for cipher in self._ciphers.values():
            return cipher
        raise KeyringError("Keyring is empty (encryption not enabled)")

    def add(self, key: bytes) -> None:
        """Append ``key``; one that is there stays where it is.

        Raises:
            KeyringError: a size AES does not have, or too many keys.
        """
        if len(key) not in KEY_SIZES:
            raise KeyringError("key size must be 16, 24 or 32 bytes")
        if key in self._ciphers:
            return
        if len(self._ciphers) >= MAX_KEYS:
            raise KeyringError(f"a keyring holds at most {MAX_KEYS} keys")
        self._ciphers[key] = AESGCM(key)

    def use(self, key: bytes) -> None:
        """Make ``key`` the primary; the others keep their order behind it.

        Raises:
            KeyringError: it is not in the keyring.
        """
        if key not in self._ciphers:
            raise KeyringError("Requested key is not in the keyring")
        self._ciphers = {key: self._ciphers[key]} | self._ciphers

    def remove(self, key: bytes) -> None:
        """Drop ``key``; one that is not there is no error.

        Raises:
            KeyringError: it is the primary.
        """
        if self and key == self.keys[0]:
            raise KeyringError("Removing the primary key is not allowed")
        self._ciphers.pop(key, None)


def encode_key(key: bytes) -> str:
    """Return the text a key is written as: base64."""
    return base64.b64encode(key).decode("ascii")


def decode_key(text: str) -> bytes:
    """Return the key that ``text`` is the base64 of.

    Raises:
        KeyringError: no base64, or a size AES does not have.
    """
    try:
        key = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        # Without the cause: its text could quote the key.
        raise KeyringError("key is not base64") from None
    if len(key) not in KEY_SIZES:
        raise KeyringError("key size must be 16, 24 or 32 bytes")
    return key


def format_keyring(keys: Sequence[bytes]) -> str:
    """Return the content of a keyring file: a JSON list of base64 texts, the primary first."""
    return json.dumps([encode_key(key) for key in keys], indent=2) + "\n"


def parse_keyring(text: str) -> Keyring:
    """Return the keyring that the content of a keyring file describes.

    Raises:
        KeyringError: no JSON list of texts, an unusable key (named by its place), or no key.
    """
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        raise KeyringError("keyring file is not JSON") from None
    if not isinstance(entries, list) or not entries:
        raise KeyringError("keyring file is not a list of keys, the primary first")
    keyring = Keyring()
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, str):
            raise KeyringError(f"key {number} of the keyring file is not a text")
        try:
            keyring.add(decode_key(entry))
        except KeyringError as exc:
            raise KeyringError(f"key {number} of the keyring file: {exc}") from None
    return keyring
