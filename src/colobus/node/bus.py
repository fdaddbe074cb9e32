"""The node bus: one ordered stream between the supervisor and each worker.

Frames are a 4-byte big-endian length and a msgpack array ``[tag, field, …]`` over a socket pair.
Answers to look-ups and changes share the stream, so that inside a node an old answer can never
arrive behind the change that outdates it (ARCHITECTURE.md, "One node").
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

import msgpack

from colobus.errors import NodeError, NotFoundError, StoreError, StoreUnavailableError
from colobus.model.schema import Row

__all__ = [
    "Answers",
    "Applied",
    "Apply",
    "Bus",
    "CacheAnswer",
    "ClearCache",
    "Configure",
    "Drain",
    "Failed",
    "ForgetCached",
    "LookUp",
    "Message",
    "NotWritten",
    "ReadCache",
    "Ready",
    "Reopen",
    "Replace",
    "ReplaceRows",
    "Replaced",
    "Write",
    "Written",
]

FRAME_LIMIT = 64 * 1024 * 1024
"""Bytes of one frame. A row is at most an Admin request body (10 MiB), a batch ends long before."""

WRITE_FAILURES: Mapping[str, type[StoreError]] = {
    "not found": NotFoundError,
    "unavailable": StoreUnavailableError,
    "refused": StoreError,
}
"""Why a write changed nothing, and what the worker raises for it."""

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Configure:
    """Supervisor: the first message; ``settings`` are the fields of WorkerSettings."""

    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Replace:
    """Supervisor: forget everything; rows of ``revision`` follow."""

    revision: int


@dataclass(frozen=True, slots=True)
class ReplaceRows:
    """Supervisor: some of the rows of a kind."""

    kind: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Replaced:
    """Supervisor: the rows are complete; route by them."""

    revision: int


@dataclass(frozen=True, slots=True)
class Apply:
    """Supervisor: move on to ``revision``; ``changes`` are packed changes."""

    revision: int
    changes: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Answers:
    """Supervisor: ``[kind, field, value, rows]`` for look-ups, read at ``revision``."""

    revision: int
    answers: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Failed:
    """Supervisor: ``[kind, field, value]`` of look-ups that got no answer."""

    reason: str
    keys: list[list[str]]


@dataclass(frozen=True, slots=True)
class Drain:
    """Supervisor: accept nothing new, finish what is there within ``seconds``, then exit."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reopen:
    """Supervisor: the log files were rotated; open them anew."""


@dataclass(frozen=True, slots=True)
class ReadCache:
    """Supervisor: what is remembered under the first known of ``keys`` (kind, field, value)?"""

    number: int
    keys: list[list[str]]


@dataclass(frozen=True, slots=True)
class ForgetCached:
    """Supervisor: forget what is remembered under ``keys``."""

    number: int
    keys: list[list[str]]


@dataclass(frozen=True, slots=True)
class ClearCache:
    """Supervisor: forget everything that was looked up; 0 wants no answer."""

    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker: accepting connections, routing by ``revision``."""

    revision: int


@dataclass(frozen=True, slots=True)
class Applied:
    """Worker: routes by ``revision`` from now on."""

    revision: int


@dataclass(frozen=True, slots=True)
class LookUp:
    """Worker: wants the rows of ``kind`` whose ``field`` is ``value``."""

    kind: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class CacheAnswer:
    """Worker: the question ``number`` about its cache is dealt with.

    Attributes:
        number: of the question.
        key: what ``rows`` are remembered under; None when nothing is, or none were asked for.
        rows: the remembered answer.
        counts: the counters of the cache.
    """

    number: int
    key: list[str] | None
    rows: list[Row]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Write:
    """Worker: take ``steps`` in one transaction; ``number`` names the answer.

    A step is ``["insert", kind, row, ttl_s]`` or ``["delete", kind, key, None]``.
    """

    number: int
    steps: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Written:
    """Supervisor: the rows of a Write's steps."""

    number: int
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class NotWritten:
    """Supervisor: a Write changed nothing; ``reason`` is one of WRITE_FAILURES."""

    number: int
    reason: str


Message = (
    Configure | Replace | ReplaceRows | Replaced | Apply | Answers | Failed | Drain
    | Ready | Applied | LookUp | Reopen | ReadCache | ForgetCached | ClearCache | CacheAnswer
    | Write | Written | NotWritten
)  # fmt: skip

_TYPES: tuple[type[Message], ...] = (
    Configure, Replace, ReplaceRows, Replaced, Apply, Answers, Failed, Drain, Ready, Applied, LookUp,
    Reopen, ReadCache, ForgetCached, ClearCache, CacheAnswer,
    Write, Written, NotWritten,
)  # fmt: skip
_TAGS = {kind: tag for tag, kind in enumerate(_TYPES)}


def encode(message: Message) -> bytes:
    """Return the frame of ``message``."""
    values = [getattr(message, field.name) for field in fields(message)]
    body: bytes = msgpack.packb([_TAGS[type(message)], *values])
    if len(body) > FRAME_LIMIT:
        raise NodeError(f"a message of {len(body)} bytes is too large for the node bus")
    return _LENGTH.pack(len(body)) + body


def decode(body: bytes) -> Message:
    """Return the message whose frame's body is given.

    Raises:
        NodeError: the two ends do not speak the same version.
    """
    try:
        tag, *values = msgpack.unpackb(body, strict_map_key=False)
        message: Message = _TYPES[tag](*values)
    except (ValueError, TypeError, IndexError, msgpack.exceptions.UnpackException) as exc:
        raise NodeError("a message on the node bus cannot be read") from exc
    return message


class Bus:
    """One end of the stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, end: socket.socket) -> "Bus":
        """Take over one end of a socket pair."""
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=1024 * 1024)
        return cls(reader, writer)

    async def send(self, message: Message) -> None:
        """Send a message, waiting while the other end is slow.

        Raises:
            NodeError: the other end is gone.
        """
        try:
            self._writer.write(encode(message))
            await self._writer.drain()
        except (ConnectionError, RuntimeError) as exc:
            raise NodeError("the node bus is closed") from exc

    def post(self, message: Message) -> None:
        """Send a message without waiting; for small ones whose number is bounded elsewhere."""
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def messages(self) -> AsyncIterator[Message]:
        """Yield what the other end sends, until it closes."""
        while True:
            try:
                head = await self._reader.readexactly(_LENGTH.size)
                (length,) = _LENGTH.unpack(head)
                if length > FRAME_LIMIT:
                    raise NodeError(f"a frame of {length} bytes on the node bus")
                body = await self._reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            yield decode(body)

    async def close(self) -> None:
        """Close this end; what was posted and not yet sent is lost."""
        self._writer.transport.abort()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


def in_chunks(rows: Sequence[Row], size: int) -> list[list[Row]]:
    """Return ``rows`` in lists of at most ``size``."""
    return [list(rows[start : start + size]) for start in range(0, len(rows), size)]
