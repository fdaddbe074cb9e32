"""The RPC protocol of the agent without its sockets, for both sides (reference: rpc §1, §2).

A connection is objects of MessagePack in each direction, without lengths or separators: headers,
and after some of them one body. Whether a body follows is known from the command, so each side
reads the other only as far as it knows it. Both readers work alike: ``receive`` bytes, then take
what they held until there is nothing more.

A header and its body are encoded as one piece and must be written as one.
"""

from dataclasses import dataclass
from typing import Final

from colobus.cluster.codec.dialect import ObjectLimits, ObjectScanner, load, pack_new
from colobus.cluster.codec.records import Field, Record, text, unsigned
from colobus.cluster.rpc.commands import command_named, command_of, dump_record
from colobus.cluster.rpc.replies import Body, StreamRecord
from colobus.cluster.rpc.requests import Request
from colobus.errors import ClusterProtocolError

__all__ = [
    "BODILESS_ERRORS",
    "Incoming",
    "Reply",
    "ReplyReader",
    "RequestReader",
    "encode_record",
    "encode_reply",
    "encode_request",
]

# A client reads a body after every other error: one that is missing hangs it.
BODILESS_ERRORS: Final = frozenset(
    ("Authentication required", "Handshake required", "Unsupported command")
)
# A request holds at most an event of 9216 bytes, tags of 512, or a list of addresses.
_REQUEST_LIMITS: Final = ObjectLimits(size=1 << 18, items=1 << 14)
# An answer may list 65 536 members with their tags.
_REPLY_LIMITS: Final = ObjectLimits(size=32 << 20, items=1 << 22)
# Requests of one connection that wait for an answer or have a stream: more than any client has.
_MAX_PENDING: Final = 4096


@dataclass(frozen=True, slots=True)
class _RequestHeader:
    command: str
    sequence: int


@dataclass(frozen=True, slots=True)
class _ReplyHeader:
    error: str
    sequence: int


_SEQUENCE: Final = Field("Seq", "sequence", unsigned(64))
_REQUEST_HEADER: Final = Record(
    _RequestHeader, "Request", Field("Command", "command", text()), _SEQUENCE
)
_REPLY_HEADER: Final = Record(_ReplyHeader, "Reply", Field("Error", "error", text()), _SEQUENCE)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as the agent received it; ``request`` is None for a command it does not know."""

    sequence: int
    command: str
    request: Request | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client received: the answer to a request, or a record of its stream.

    Attributes:
        sequence: that of the request.
        error: empty for success.
        body: of an answer that has one.
        record: None in an answer.
    """

    sequence: int
    error: str = ""
    body: Body | None = None
    record: StreamRecord | None = None


class _Objects:
    """Objects of MessagePack as they come in."""

    def __init__(self, limits: ObjectLimits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._scanner = ObjectScanner(limits)

    def receive(self, data: bytes) -> None:
        """Append bytes; raise if the reader does not keep up."""
        # Beside an object of full size there may be what one read of a socket brings after it.
        if len(self._buffer) + len(data) > 2 * self._limits.size:
            raise ClusterProtocolError(f"more than {2 * self._limits.size} bytes wait to be read")
        self._buffer += data

    def take(self) -> tuple[object] | None:
        """Return the next object, in a tuple of its own, or None until there is one."""
        end = self._scanner.advance(self._buffer)
        if end is None:
            return None
        data = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._scanner = ObjectScanner(self._limits)
        return (load(data),)


class RequestReader:
    """Reads what a client sends, for the agent."""

    def __init__(self) -> None:
        self._objects = _Objects(_REQUEST_LIMITS)
        self._header: _RequestHeader | None = None
        self._is_lost = False

    def receive(self, data: bytes) -> None:
        """Take bytes of the client; what follows an unknown command is dropped.

        Raises:
            ClusterProtocolError: 512 KiB wait for ``next_request`` already.
        """
        if not self._is_lost:
            self._objects.receive(data)

    def next_request(self) -> Incoming | None:
        """Return the next request, or None until one is complete.

        After a command that is not known nothing more can be read: a body may follow or not.

        Raises:
            ClusterProtocolError: a request that cannot be read; the connection is of no more use.
        """
        if self._is_lost:
            return None
        try:
            return self._read()
        except ClusterProtocolError:
            self._is_lost = True
            raise

    def _read(self) -> Incoming | None:
        if self._header is None:
            taken = self._objects.take()
            if taken is None:
                return None
            self._header = _REQUEST_HEADER.load(taken[0])
        header = self._header
        command = command_named(header.command)
        if command is None:
            self._is_lost = True
            return Incoming(header.sequence, header.command, None)
        value: object = {}
        if command.has_body:
            taken = self._objects.take()
            if taken is None:
                return None
            (value,) = taken
        self._header = None
        return Incoming(header.sequence, header.command, command.request.load(value))


def encode_reply(
    sequence: int, request: Request | None, *, error: str = "", body: Body | None = None
) -> bytes:
    """Return the answer to ``request`` (None: a command that is not known).

    Commands whose answer has a body get an empty one where none is given, also beside an error:
    clients wait for it. Errors of ``BODILESS_ERRORS`` are the exception.

    Raises:
        ClusterProtocolError: a number or text that cannot be written.
    """
    header = pack_new(_REPLY_HEADER.dump(_ReplyHeader(error, sequence)))
    command = None if request is None else command_of(request)
    if command is None or command.answer is None or error in BODILESS_ERRORS:
        return header
    return header + pack_new(command.answer.dump(command.answer.empty if body is None else body))


def encode_record(sequence: int, record: StreamRecord) -> bytes:
    """Return a record of the stream that request ``sequence`` began.

    Raises:
        ClusterProtocolError: a number or text that cannot be written.
    """
    return pack_new(_REPLY_HEADER.dump(_ReplyHeader("", sequence))) + pack_new(dump_record(record))


def encode_request(sequence: int, request: Request) -> bytes:
    """Return ``request`` under a number that the client has not used on this connection.

    Raises:
        ClusterProtocolError: a number or text that cannot be written.
    """
    command = command_of(request)
    header = pack_new(_REQUEST_HEADER.dump(_RequestHeader(command.name, sequence)))
    if not command.has_body:
        return header
    return header + pack_new(command.request.dump(request))


@dataclass(slots=True)
class _Pending:
    """What a client waits for under one number."""

    request: Request
    is_answered: bool = False


class ReplyReader:
    """Reads what the agent sends, for a client, which must ``expect`` each request it sends."""

    def __init__(self) -> None:
        self._objects = _Objects(_REPLY_LIMITS)
        self._pending: dict[int, _Pending] = {}
        self._header: _ReplyHeader | None = None

    def expect(self, sequence: int, request: Request) -> None:
        """Note that ``request`` was sent under ``sequence``.

        Raises:
            ClusterProtocolError: the number is in use, or too many are.
        """
        if sequence in self._pending or len(self._pending) >= _MAX_PENDING:
            raise ClusterProtocolError(f"request {sequence} cannot be sent: in use, or too many")
        self._pending[sequence] = _Pending(request)

    def receive(self, data: bytes) -> None:
        """Take bytes of the agent.

        Raises:
            ClusterProtocolError: 64 MiB wait for ``next_reply`` already.
        """
        self._objects.receive(data)

    def next_reply(self) -> Reply | None:
        """Return the next answer or record, or None until one is complete.

        Raises:
            ClusterProtocolError: an answer that cannot be read, or to nothing that was asked; the
                connection is of no more use.
        """
        if self._header is None:
            taken = self._objects.take()
            if taken is None:
                return None
            self._header = _REPLY_HEADER.load(taken[0])
        pending = self._pending.get(self._header.sequence)
        if pending is None:
            raise ClusterProtocolError(f"answer to request {self._header.sequence}, never sent")
        reply = self._read_record if pending.is_answered else self._read_answer
        return reply(self._header, pending)

    def _read_answer(self, header: _ReplyHeader, pending: _Pending) -> Reply | None:
        command = command_of(pending.request)
        body: Body | None = None
        if command.answer is not None and header.error not in BODILESS_ERRORS:
            taken = self._objects.take()
            if taken is None:
                return None
            body = command.answer.load(taken[0])
        self._header = None
        if command.load_record is None or header.error:
            del self._pending[header.sequence]
        else:
            pending.is_answered = True
        return Reply(header.sequence, header.error, body)

    def _read_record(self, header: _ReplyHeader, pending: _Pending) -> Reply | None:
        taken = self._objects.take()
        if taken is None:
            return None
        load_record = command_of(pending.request).load_record
        assert load_record is not None
        self._header = None
        return Reply(header.sequence, header.error, record=load_record(taken[0]))
