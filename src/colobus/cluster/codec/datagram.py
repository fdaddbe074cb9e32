"""Datagrams: the layers of memberlist on and off, in their order (reference: memberlist §2.1).

::

    label header | sealed ( checksum ( compressed ( message or compound of messages ) ) )

A receiver takes any subset of the layers; only whether it is sealed is decided by the keyring
alone. A sender leaves out the label and the seal unless configured, the checksum unless it knows
that the peer understands it, and compression where it does not help.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from colobus.cluster.codec import compound, compression, gossip
from colobus.cluster.codec.dialect import load_prefix
from colobus.cluster.codec.labels import label_header, strip_label
from colobus.cluster.codec.limits import DATAGRAM_SIZE, PACKET_LIMITS
from colobus.cluster.codec.sealing import NONCE_SIZE, OVERHEAD, open_sealed, seal
from colobus.cluster.codec.type_bytes import MessageType
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import Message
from colobus.errors import ClusterProtocolError

__all__ = ["DatagramCodec", "Received"]

# What UDP over IPv4 carries: 65 535 less the headers of IP and UDP.
_MAX_SENT: Final = 65507
_CHECKSUM_SIZE: Final = 5
# Compounds and compression within each other. Agents use two levels.
_MAX_NESTING: Final = 4
# Problems of one datagram that are told; a datagram of noise has a problem in every byte.
_MAX_PROBLEMS: Final = 4


@dataclass(frozen=True, slots=True)
class Received:
    """What one datagram held.

    Attributes:
        messages: those that could be read, in order.
        problems: why others could not, a few of them.
    """

    messages: tuple[Message, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Unwrapping:
    """The messages of one datagram as they come out of its inner layers."""

    room: int = DATAGRAM_SIZE  # bytes its compressed parts may still unpack to
    messages: list[Message] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, data: bytes, depth: int = 0) -> None:
        """Take a message, a compound or a compressed one; a bad part does not spoil the others."""
        try:
            self._take(data, depth)
        except ClusterProtocolError as exc:
            self._note(str(exc))

    def _take(self, data: bytes, depth: int) -> None:
        if depth > _MAX_NESTING:
            raise ClusterProtocolError(f"layers nest deeper than {_MAX_NESTING}")
        kind = data[0] if data else None
        if kind == MessageType.COMPOUND:
            parts, lost = compound.split(data[1:])
            for part in parts:
                self.take(part, depth + 1)
            if lost:
                self._note(f"compound is cut off, {lost} messages are lost")
        elif kind == MessageType.COMPRESS:
            value, _ = load_prefix(data[1:], PACKET_LIMITS)
            plain = compression.unpack(value, self.room)
            self.room -= len(plain)
            self.take(plain, depth + 1)
        elif kind == MessageType.ERROR:
            raise ClusterProtocolError("error messages belong to streams")
        else:
            self.messages.append(gossip.decode(data))

    def _note(self, problem: str) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(problem)


class DatagramCodec:
    """Messages to datagrams and back.

    Args:
        keyring: what seals and opens; an empty one means that nothing is sealed.
        random_bytes: returns as many bytes as asked for, fit to be a nonce (``secrets``).
        label: names the pool; empty for every pool of Serf.
        compresses: whether to compress what gets smaller by it.
    """

    def __init__(
        self,
        keyring: Keyring,
        random_bytes: Callable[[int], bytes],
        *,
        label: bytes = b"",
        compresses: bool = True,
    ) -> None:
        self._keyring = keyring
        self._random_bytes = random_bytes
        self._label = label
        self._header = label_header(label)
        self._compresses = compresses

    @property
    def overhead(self) -> int:
        """Bytes that label and seal take from the 1400 a datagram is filled to."""
        return len(self._header) + (OVERHEAD if self._keyring else 0)

    def encode(self, messages: Sequence[bytes], *, has_checksum: bool = False) -> bytes:
        """Return the datagram that carries encoded messages, several as a compound.

        ``has_checksum`` may be set for a peer whose pmax is 5 or more.

        Raises:
            ClusterProtocolError: more than a compound or UDP can carry.
        """
        data = compound.join(messages)
        if self._compresses:
            packed = compression.pack(data)
            if len(packed) < len(data):
                data = packed
        if has_checksum:
            data = bytes((MessageType.HAS_CRC,)) + zlib.crc32(data).to_bytes(4, "big") + data
        if self._keyring:
            nonce = self._random_bytes(NONCE_SIZE)
            data = seal(self._keyring.primary, data, nonce, self._label)
        if len(self._header) + len(data) > _MAX_SENT:
            raise ClusterProtocolError(f"datagram exceeds {_MAX_SENT} bytes")
        return self._header + data

    def decode(self, datagram: bytes) -> Received:
        """Return what a datagram holds; nothing of an empty one.

        Raises:
            ClusterProtocolError: another pool's label, a seal no key opens, a wrong checksum, or
                more bytes than UDP carries.
        """
        if not datagram:
            return Received()
        if len(datagram) > DATAGRAM_SIZE:
            raise ClusterProtocolError(f"datagram exceeds {DATAGRAM_SIZE} bytes")
        start = strip_label(datagram, self._label)
        if start is None:
            raise ClusterProtocolError("label is cut off")
        data = datagram[start:]
        if self._keyring:
            data = open_sealed(self._keyring.ciphers, data, self._label)
        if len(data) >= _CHECKSUM_SIZE and data[0] == MessageType.HAS_CRC:
            content = data[_CHECKSUM_SIZE:]
            if zlib.crc32(content) != int.from_bytes(data[1:_CHECKSUM_SIZE], "big"):
                raise ClusterProtocolError("checksum is wrong")
            data = content
        unwrapping = _Unwrapping()
        unwrapping.take(data)
        return Received(tuple(unwrapping.messages), tuple(unwrapping.problems))
