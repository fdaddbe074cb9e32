"""The writing half of an RPC connection, which never holds more than a client may leave unread."""

import asyncio
import logging

from colobus.cluster.rpc.backlog import Backlog
from colobus.cluster.rpc.protocol import encode_record
from colobus.cluster.rpc.replies import StreamRecord
from colobus.errors import ClusterProtocolError

__all__ = ["StreamOutlet"]

DRAIN_S = 10.0
"""How long a client may take to read an answer."""

STALL_S = 60.0
"""How long records may wait for a client that reads nothing before it is dropped."""

logger = logging.getLogger(__name__)


class StreamOutlet:
    """Writes answers at once, and records as fast as the client reads (``backlog``)."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._written = asyncio.Event()
        self._waits = asyncio.Event()
        self._backlog = Backlog()
        self._is_closed = False

    def send(self, data: bytes) -> None:
        """Write an answer."""
        if not self._is_closed:
            self._writer.write(data)
        self._written.set()

    def push(self, sequence: int, record: StreamRecord) -> None:
        """Write a record, or keep it until the client has read what was written.

        Raises:
            ClusterProtocolError: it cannot be written.
        """
        if self._is_closed:
            return
        if not self._backlog and not self._is_full:
            self._writer.write(encode_record(sequence, record))
            return
        dropped = self._backlog.dropped
        self._backlog.add(sequence, record)
        if dropped == 0 and self._backlog.dropped:
            # Once per client: this line is itself a record for those that monitor the log.
            logger.warning("an RPC client reads too slowly: events of its streams are dropped")
        self._waits.set()

    def forget(self, sequence: int) -> None:
        """Drop the records that wait for a stream that has ended."""
        self._backlog.forget(sequence)

    def close(self) -> None:
        """Close once everything is written."""
        if not self._is_closed:
            self._is_closed = True
            self._backlog = Backlog()
            self._writer.close()
        self._written.set()
        self._waits.set()

    def abort(self) -> None:
        """Close at once."""
        self._writer.transport.abort()
        self.close()

    async def wait_written(self) -> None:
        """Wait for the next answer, or the end."""
        self._written.clear()
        await self._written.wait()

    async def drain(self) -> None:
        """Wait until the client has read enough.

        Raises:
            TimeoutError: it does not read.
            OSError: it is gone.
        """
        async with asyncio.timeout(DRAIN_S):
            await self._writer.drain()

    async def write_backlog(self) -> None:
        """Write the records that wait whenever the client has read, until it is gone."""
        try:
            while not self._is_closed:
                await self._waits.wait()
                self._waits.clear()
                await self._write_waiting()
        except TimeoutError:
            logger.warning("an RPC client is dropped: it does not read its streams")
            self.abort()
        except (OSError, ClusterProtocolError) as exc:
            logger.info("an RPC client is gone: %s", exc)
            self.abort()

    async def _write_waiting(self) -> None:
        while self._backlog and not self._is_closed:
            async with asyncio.timeout(STALL_S):
                await self._writer.drain()
            for sequence, record in self._backlog.take():
                if self._is_full:
                    self._backlog.add(sequence, record)
                else:
                    self._writer.write(encode_record(sequence, record))

    @property
    def _is_full(self) -> bool:
        transport = self._writer.transport
        return transport.get_write_buffer_size() > transport.get_write_buffer_limits()[1]
