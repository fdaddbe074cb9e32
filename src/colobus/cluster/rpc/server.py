"""Serves RPC on a socket: bytes to sessions and back, everything bounded."""

import asyncio
import logging
import os
import platform
import socket
import threading
from collections.abc import Callable, Mapping, Sequence

from colobus.cluster.agent import ClusterAgent
from colobus.cluster.rpc.hub import Hub
from colobus.cluster.rpc.log_tail import LogTail
from colobus.cluster.rpc.outlet import StreamOutlet
from colobus.cluster.rpc.session import Session
from colobus.cluster.rpc.surroundings import Resolved, Surroundings
from colobus.cluster.swim.addresses import Address
from colobus.errors import ClusterProtocolError

__all__ = ["RpcServer"]

READ_BYTES = 16_384
MOST_CONNECTIONS = 64
"""Commands come and go; only monitors and streams stay."""

HANDSHAKE_S = 10.0
"""How long a client may hold a connection without having said anything."""

RESOLVE_S = 5.0

logger = logging.getLogger(__name__)


class RpcServer:
    """The RPC endpoint of an agent.

    Args:
        agent: of this node.
        listener: a bound, listening socket; closed by its owner.
        default_port: for addresses to join that have none.
        auth_key: what clients must show first; empty for nothing.
    """

    def __init__(
        self,
        agent: ClusterAgent,
        listener: socket.socket,
        default_port: int,
        *,
        auth_key: str = "",
    ) -> None:
        self._agent = agent
        self._listener = listener
        self._default_port = default_port
        self._hub = Hub()
        self._log = LogTail()
        self._surroundings = Surroundings(self._log, _runtime, self._resolve, auth_key)
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        self._log.sink = lambda level, line: _post(loop, self._hub.log, level, line)
        root = logging.getLogger()
        root.addHandler(self._log)
        stop_listening = self._agent.listen(self._hub.take)
        try:
            async with asyncio.TaskGroup() as self._tasks:
                server = await asyncio.start_server(
                    self._accept, sock=self._listener, limit=READ_BYTES
                )
                try:
                    await loop.create_future()
                finally:
                    server.close()
        finally:
            stop_listening()
            self._log.sink = None
            root.removeHandler(self._log)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._tasks is None or len(self._hub) >= MOST_CONNECTIONS:
            logger.warning("an RPC client is refused: there are %d", len(self._hub))
            writer.transport.abort()
            return
        outlet = StreamOutlet(writer)
        session = Session(self._agent, self._surroundings, outlet)
        self._hub.add(session)
        self._tasks.create_task(self._serve(reader, session, outlet), name="rpc-client")
        self._tasks.create_task(outlet.write_backlog(), name="rpc-streams")

    async def _serve(
        self, reader: asyncio.StreamReader, session: Session, outlet: StreamOutlet
    ) -> None:
        try:
            while not session.is_closed:
                async with asyncio.timeout(None if session.is_open else HANDSHAKE_S):
                    data = await reader.read(READ_BYTES)
                if not data:
                    break
                session.receive(data)
                await self._handle_all(session, outlet)
        except TimeoutError:
            logger.info("an RPC client is dropped: it says or reads nothing")
        except (OSError, ClusterProtocolError) as exc:
            logger.info("an RPC client is gone: %s", exc)
        except Exception:
            # What one client brings about must not end the node.
            logger.exception("an RPC client is dropped after an error of ours")
        finally:
            self._hub.remove(session)
            session.close()

    async def _handle_all(self, session: Session, outlet: StreamOutlet) -> None:
        """Handle what has been received, each request when the answer before it is written."""
        while self._hub.run(session.handle_next):
            while session.is_waiting:
                await outlet.wait_written()
            await outlet.drain()

    def _resolve(self, names: Sequence[str], done: Callable[[Resolved], None]) -> None:
        async def look_up() -> None:
            found = {name: await _address_of(name, self._default_port) for name in names}
            self._hub.run(lambda: done(found))

        assert self._tasks is not None
        self._tasks.create_task(look_up(), name="rpc-resolve")


def _post(
    loop: asyncio.AbstractEventLoop, log: Callable[[int, str], None], level: int, line: str
) -> None:
    """Pass a line on to the loop, from any thread."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(log, level, line)


def _runtime() -> Mapping[str, str]:
    return {
        "os": platform.system().lower(),
        "arch": platform.machine(),
        "version": f"python{platform.python_version()}",
        "max_procs": str(len(os.sched_getaffinity(0))),
        "goroutines": str(threading.active_count()),
        "cpu_count": str(os.cpu_count() or 1),
    }


async def _address_of(text: str, default_port: int) -> Address | str:
    """Return the address ``host`` or ``host:port`` stands for, or why there is none."""
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, str(default_port)
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        return "not of the form host:port"
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(
                host, int(port), family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
    except TimeoutError:
        return "no answer from the name server"
    except (OSError, UnicodeError) as exc:
        return str(exc)
    return (str(found[0][4][0]), int(port))
