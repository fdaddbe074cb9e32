"""Messages of memberlist: a type byte, then a map (reference: memberlist §2.4).

A message as it stands in a datagram once the layers are off (``codec.datagram``). Bytes after the
map are ignored, as real agents do.
"""

from colobus.cluster.codec.dialect import load_prefix, pack_old
from colobus.cluster.codec.limits import PACKET_LIMITS
from colobus.cluster.codec.records import (
    Field,
    MessageTable,
    Record,
    binary,
    flag,
    text,
    unsigned,
)
from colobus.cluster.codec.type_bytes import MessageType
from colobus.cluster.messages import (
    Ack,
    Alive,
    Dead,
    ErrorMessage,
    IndirectPing,
    Message,
    Nack,
    NodeRecord,
    Ping,
    Suspect,
    UserMessage,
)
from colobus.errors import ClusterProtocolError

__all__ = ["ADDRESS", "NODE", "decode", "encode"]

# IPv4, IPv6, or IPv4 mapped into IPv6; empty where a field may be left out.
ADDRESS = binary(sizes=(0, 4, 16))
_SEQUENCE = Field("SeqNo", "sequence", unsigned(32))
_INCARNATION = Field("Incarnation", "incarnation", unsigned(32))
_NODE = Field("Node", "node", text())
_ADDRESS = Field("Addr", "address", ADDRESS)
_PORT = Field("Port", "port", unsigned(16))
_META = Field("Meta", "meta", binary())
# A real agent reads past the end of a vector of 1 to 5 numbers: such a one is not passed on.
_VECTOR = Field("Vsn", "versions", binary(sizes=(0, 6)))
_SOURCE = (
    Field("SourceAddr", "source_address", ADDRESS, omit_zero=True),
    Field("SourcePort", "source_port", unsigned(16), omit_zero=True),
    Field("SourceNode", "source_node", text(), omit_zero=True),
)
_ACCUSATION = (_INCARNATION, _NODE, Field("From", "accuser", text()))
_INDIRECTION = (
    Field("Target", "target", ADDRESS),
    _PORT,
    _NODE,
    Field("Nack", "wants_nack", flag()),
)

_MESSAGES: MessageTable[Message] = MessageTable(
    (MessageType.PING, Ping, (_SEQUENCE, _NODE, *_SOURCE)),
    (MessageType.INDIRECT_PING, IndirectPing, (_SEQUENCE, *_INDIRECTION, *_SOURCE)),
    (MessageType.ACK, Ack, (_SEQUENCE, Field("Payload", "payload", binary()))),
    (MessageType.NACK, Nack, (_SEQUENCE,)),
    (MessageType.SUSPECT, Suspect, _ACCUSATION),
    (MessageType.DEAD, Dead, _ACCUSATION),
    (MessageType.ALIVE, Alive, (_INCARNATION, _NODE, _ADDRESS, _PORT, _META, _VECTOR)),
    (MessageType.ERROR, ErrorMessage, (Field("Error", "text", text()),)),
)
NODE = Record(
    NodeRecord,
    "NodeRecord",
    *(Field("Name", "name", text()), _ADDRESS, _PORT, _META, _INCARNATION),
    *(Field("State", "state", unsigned(31)), _VECTOR),
)


def decode(data: bytes) -> Message:
    """Return the message that ``data``, type byte first, holds.

    Raises:
        ClusterProtocolError: not one message of a type that stands alone in a datagram, or a map
            that breaks its declaration or a limit.
    """
    if not data:
        raise ClusterProtocolError("message is empty")
    if data[0] == MessageType.USER:
        return UserMessage(data[1:])
    record = _MESSAGES.find(data[0])
    if record is None:
        raise ClusterProtocolError(f"message type {data[0]} is not supported here")
    value, _ = load_prefix(data[1:], PACKET_LIMITS)
    return record.load(value)


def encode(message: Message) -> bytes:
    """Return the bytes of ``message``, type byte first, as a real agent writes them.

    Raises:
        ClusterProtocolError: a number that does not fit its field.
    """
    if isinstance(message, UserMessage):
        return bytes((MessageType.USER,)) + message.payload
    kind, value = _MESSAGES.dump(message)
    return bytes((kind,)) + pack_old(value)
