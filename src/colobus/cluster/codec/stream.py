"""Streams: one message in each direction, under the layers of memberlist (reference: memberlist §2.2).

::

    label header | type 10, length, sealed ( plain frame )   or   plain frame
    plain frame  = type 9, compressed ( plain frame )        or   type, body

Plain frames carry no length: the reader follows the objects of MessagePack as they come in. It
never waits for the end of the stream, which the peer keeps open to read the answer.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar, assert_never

from colobus.cluster.codec import compression, gossip
from colobus.cluster.codec.dialect import ObjectLimits, ObjectScanner, load, pack_old
from colobus.cluster.codec.labels import label_header, strip_label
from colobus.cluster.codec.limits import NODE_LIMITS, PACKET_LIMITS, StreamLimits
from colobus.cluster.codec.records import Field, Record, flag, unsigned
from colobus.cluster.codec.sealing import NONCE_SIZE, OVERHEAD, open_sealed, seal
from colobus.cluster.codec.type_bytes import MessageType
from colobus.cluster.keyring import Keyring
from colobus.cluster.messages import (
    Ack,
    ErrorMessage,
    NodeRecord,
    Ping,
    PushPull,
    StreamMessage,
    UserMessage,
)
from colobus.errors import ClusterProtocolError, UnsealedError

__all__ = ["StreamCodec", "StreamReader"]

# Larger frames are sent uncompressed, which every peer accepts: compressing holds up the event
# loop, 10 ms for this size in pure Python.
_MAX_COMPRESSED: Final = 65536
# What stands before the frame itself: type and length of a sealed one, and a label header.
_HEADER_ROOM: Final = 5 + 257
# A map of two keys, and some a newer peer may add.
_COMPRESSED_ITEMS: Final = 32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _PushPullHeader:
    """What stands before the nodes of a push/pull."""

    nodes: int
    user_state_size: int
    is_join: bool


@dataclass(frozen=True, slots=True)
class _UserHeader:
    """What stands before a user message on a stream."""

    size: int


# Go's int, of which only what fits the limits is taken.
_PUSH_PULL_HEADER: Final = Record(
    _PushPullHeader,
    "PushPull",
    Field("Nodes", "nodes", unsigned(31)),
    Field("UserStateLen", "user_state_size", unsigned(31)),
    Field("Join", "is_join", flag()),
)
_USER_HEADER: Final = Record(_UserHeader, "User", Field("UserMsgLen", "size", unsigned(31)))
# How the parts of a frame are read: a generator that waits for more bytes at each yield.
_Reading: TypeAlias = Generator[None, None, T]


class _Inflow:
    """The bytes of one direction of a stream: those that have come and are not read yet."""

    def __init__(self, limits: StreamLimits, data: bytes = b"") -> None:
        self.limits = limits
        self._buffer = bytearray(data)
        self._room = limits.size + _HEADER_ROOM

    def add(self, data: bytes) -> None:
        """Append what came in."""
        self._room -= len(data)
        if self._room < 0:
            raise ClusterProtocolError(f"stream exceeds {self.limits.size} bytes")
        self._buffer += data

    def take_label(self, label: bytes) -> _Reading[None]:
        """Read the label header, if one is there, and check it."""
        while (start := strip_label(self._buffer, label)) is None:
            yield
        del self._buffer[:start]

    def take(self, size: int) -> _Reading[bytes]:
        """Read ``size`` bytes."""
        while len(self._buffer) < size:
            yield
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def take_object(self, limits: ObjectLimits) -> _Reading[bytes]:
        """Read the bytes of one object of MessagePack."""
        scanner = ObjectScanner(limits)
        while (end := scanner.advance(self._buffer)) is None:
            yield
        return (yield from self.take(end))


def _read_frame(inflow: _Inflow, keyring: Keyring, label: bytes) -> _Reading[StreamMessage]:
    """Read what follows the label header."""
    kind = (yield from inflow.take(1))[0]
    if kind == MessageType.ENCRYPT:
        if not keyring:
            raise UnsealedError("Remote state is encrypted and encryption is not configured")
        length = yield from inflow.take(4)
        size = int.from_bytes(length, "big")
        if size > inflow.limits.size:
            raise ClusterProtocolError(f"sealed frame exceeds {inflow.limits.size} bytes")
        sealed = yield from inflow.take(size)
        plain = open_sealed(keyring.ciphers, sealed, bytes((kind,)) + length + label)
        return _read_whole(plain, inflow.limits, _read_plain)
    if keyring:
        raise UnsealedError("Encryption is configured but remote state is not encrypted")
    return (yield from _read_plain(inflow, kind))


def _read_whole(
    data: bytes,
    limits: StreamLimits,
    read: Callable[[_Inflow, int], _Reading[StreamMessage]],
) -> StreamMessage:
    """Return the message in ``data``, all of which is there; bytes after it are ignored."""
    if not data:
        raise ClusterProtocolError("frame is empty")
    try:
        next(read(_Inflow(limits, data[1:]), data[0]))
    except StopIteration as end:
        message: StreamMessage = end.value
        return message
    raise ClusterProtocolError("frame is cut off")


def _read_plain(inflow: _Inflow, kind: int) -> _Reading[StreamMessage]:
    """Read a frame without its seal, after its type byte."""
    if kind != MessageType.COMPRESS:
        return (yield from _read_body(inflow, kind))
    limits = inflow.limits
    most = ObjectLimits(size=limits.packed, items=_COMPRESSED_ITEMS)
    packed = yield from inflow.take_object(most)
    return _read_whole(compression.unpack(load(packed), limits.size), limits, _read_body)


def _read_body(inflow: _Inflow, kind: int) -> _Reading[StreamMessage]:
    """Read a frame without any layer, after its type byte."""
    match kind:
        case MessageType.PUSH_PULL:
            return (yield from _read_push_pull(inflow))
        case MessageType.USER:
            size = _USER_HEADER.load(load((yield from inflow.take_object(PACKET_LIMITS)))).size
            _check_size(size, inflow.limits)
            return UserMessage((yield from inflow.take(size)))
        case MessageType.PING | MessageType.ACK | MessageType.ERROR:
            body = yield from inflow.take_object(PACKET_LIMITS)
            message = gossip.decode(bytes((kind,)) + body)
            assert isinstance(message, Ping | Ack | ErrorMessage)
            return message
        case _:
            raise ClusterProtocolError(f"message type {kind} is not supported on a stream")


def _read_push_pull(inflow: _Inflow) -> _Reading[PushPull]:
    header = _PUSH_PULL_HEADER.load(load((yield from inflow.take_object(PACKET_LIMITS))))
    if header.nodes > inflow.limits.nodes:
        raise ClusterProtocolError(f"push/pull exceeds {inflow.limits.nodes} nodes")
    _check_size(header.user_state_size, inflow.limits)
    nodes: list[NodeRecord] = []
    for _ in range(header.nodes):
        body = yield from inflow.take_object(NODE_LIMITS)
        nodes.append(gossip.NODE.load(load(body)))
    user_state = yield from inflow.take(header.user_state_size)
    return PushPull(tuple(nodes), header.is_join, user_state)


def _check_size(size: int, limits: StreamLimits) -> None:
    if size > limits.size:
        raise ClusterProtocolError(f"state exceeds {limits.size} bytes")


class StreamReader:
    """Reads the one message of one direction of a stream."""

    def __init__(self, frame: _Reading[StreamMessage], inflow: _Inflow) -> None:
        self._frame = frame
        self._inflow = inflow
        self._has_ended = False

    def feed(self, data: bytes) -> StreamMessage | None:
        """Return the message once its last byte is there; drop what comes after it, or an error.

        The call that completes a compressed frame unpacks it: about 1 ms for each
        7 kB that come out of it.

        Raises:
            ClusterProtocolError: no message of a stream, a seal no key opens, or more than the
                limits allow. The text is fit for an ``ErrorMessage`` to the peer.
        """
        if self._has_ended:
            return None
        try:
            self._inflow.add(data)
            next(self._frame)
        except StopIteration as end:
            self._has_ended = True
            message: StreamMessage = end.value
            return message
        except ClusterProtocolError:
            self._has_ended = True
            raise
        return None


class StreamCodec:
    """Messages to the bytes of a stream and back.

    Only who dials sends the label header; both sides seal with the label. ``is_reply`` tells the
    two apart and is without effect where there is no label.

    Args:
        keyring: what seals and opens; an empty one means that nothing is sealed.
        random_bytes: returns as many bytes as asked for, fit to be a nonce (``secrets``).
        label: names the pool; empty for every pool of Serf.
        compresses: whether to compress what gets smaller by it, up to 64 KiB.
        limits: most that is read.
    """

    def __init__(
        self,
        keyring: Keyring,
        random_bytes: Callable[[int], bytes],
        *,
        label: bytes = b"",
        compresses: bool = True,
        limits: StreamLimits | None = None,
    ) -> None:
        self._keyring = keyring
        self._random_bytes = random_bytes
        self._label = label
        self._header = label_header(label)
        self._compresses = compresses
        self._limits = limits if limits is not None else StreamLimits()

    def encode(self, message: StreamMessage, *, is_reply: bool = False) -> bytes:
        """Return the bytes that carry ``message`` under all layers.

        Raises:
            ClusterProtocolError: it exceeds what peers read, or a number does not fit its field.
        """
        data = _encode_body(message)
        if self._compresses and len(data) <= _MAX_COMPRESSED:
            packed = compression.pack(data)
            if len(packed) < len(data):
                data = packed
        size = OVERHEAD + len(data)
        if size > self._limits.size:
            raise ClusterProtocolError(f"frame exceeds {self._limits.size} bytes")
        if self._keyring:
            header = bytes((MessageType.ENCRYPT,)) + size.to_bytes(4, "big")
            nonce = self._random_bytes(NONCE_SIZE)
            data = header + seal(self._keyring.primary, data, nonce, header + self._label)
        return data if is_reply else self._header + data

    def reader(self, *, is_reply: bool = False) -> StreamReader:
        """Return a reader for a new stream, of its dialler's bytes or of the reply."""
        inflow = _Inflow(self._limits)
        return StreamReader(self._read(inflow, expects_label=not is_reply), inflow)

    def _read(self, inflow: _Inflow, *, expects_label: bool) -> _Reading[StreamMessage]:
        if expects_label:
            yield from inflow.take_label(self._label)
        return (yield from _read_frame(inflow, self._keyring, self._label))


def _encode_body(message: StreamMessage) -> bytes:
    """Return the frame without any layer."""
    match message:
        case PushPull(nodes, is_join, user_state):
            header = _PushPullHeader(len(nodes), len(user_state), is_join)
            parts = [pack_old(_PUSH_PULL_HEADER.dump(header))]
            parts += [pack_old(gossip.NODE.dump(node)) for node in nodes]
            return bytes((MessageType.PUSH_PULL,)) + b"".join(parts) + user_state
        case UserMessage(payload):
            header_map = _USER_HEADER.dump(_UserHeader(len(payload)))
            return bytes((MessageType.USER,)) + pack_old(header_map) + payload
        case Ping() | Ack() | ErrorMessage():
            return gossip.encode(message)
        case _:
            assert_never(message)
