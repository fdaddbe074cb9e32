"""A bad network for real nodes: each is reached through a link that loses datagrams or is cut.

A node listens at one address and advertises another, where this relay passes on what it gets, by UDP
and TCP. It runs as a process of its own, so that the one who measures is not held up::

    python -m benchmarks.cluster_links 20001=20002 …     advertised port = port of the node

Commands on its standard input, a line each: ``loss SHARE``, ``cut``. It ends with its input.
"""

import asyncio
import random
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Self, cast

from benchmarks.cluster_support import free_port

__all__ = ["Links"]

HOST = "127.0.0.1"
READ_BYTES = 65_536


class Links:
    """The links of a cluster, from the side of who measures.

    Args:
        size: how many nodes are to be reached.
    """

    def __init__(self, size: int) -> None:
        self._ports = [(free_port(), free_port()) for _ in range(size)]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        pairs = [f"{outer}={inner}" for outer, inner in self._ports]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.cluster_links", *pairs],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise ConnectionError("the links did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def settings_of(self, number: int) -> Mapping[str, object]:
        """Return where a node listens and what it tells the others; numbers start with 1."""
        outer, inner = self._ports[number - 1]
        return {
            "cluster_listen": f"{HOST}:{inner}",
            "cluster_advertise": f"{HOST}:{outer}",
        }

    def lose(self, share: float) -> None:
        """Lose this share of all datagrams from now on."""
        self._tell(f"loss {share}")

    def cut(self) -> None:
        """Let nothing through any more, connections included."""
        self._tell("cut")

    def _tell(self, command: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        self._process.stdout.readline()


class _Network:
    """What all links do to what passes."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.is_cut = False
        self.writers: set[asyncio.StreamWriter] = set()
        self._rng = random.Random(1)  # noqa: S311  (which datagrams are lost, not a secret)

    def lets_through(self) -> bool:
        return not self.is_cut and self._rng.random() >= self.loss

    def obey(self, line: str) -> None:
        command, _, argument = line.strip().partition(" ")
        if command == "loss":
            self.loss = float(argument)
        elif command == "cut":
            self.is_cut = True
            for writer in self.writers:
                writer.transport.abort()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, network: _Network, inner: int) -> None:
        self._network = network
        self._target = (HOST, inner)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, _source: tuple[str | int, int]) -> None:
        if self._transport is not None and self._network.lets_through():
            self._transport.sendto(data, self._target)


async def _relay(
    network: _Network, inner: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Pass one connection on, both ways, until either side or the network ends it."""
    if network.is_cut:
        writer.transport.abort()
        return
    try:
        far_reader, far_writer = await asyncio.open_connection(HOST, inner)
    except OSError:
        writer.transport.abort()
        return
    network.writers |= {writer, far_writer}
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(reader, far_writer))
            group.create_task(_copy(far_reader, writer))
    except* OSError as broken:
        print(f"a relayed connection ended: {broken.exceptions[0]}", file=sys.stderr)
    finally:
        network.writers -= {writer, far_writer}
        writer.close()
        far_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(READ_BYTES):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof() and not writer.is_closing():
        writer.write_eof()


async def _serve(pairs: list[tuple[int, int]]) -> None:
    network = _Network()
    loop = asyncio.get_running_loop()
    for outer, inner in pairs:

        def accept(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, inner: int = inner
        ) -> asyncio.Task[None]:
            return loop.create_task(_relay(network, inner, reader, writer))

        await asyncio.start_server(accept, HOST, outer)
        await loop.create_datagram_endpoint(
            lambda inner=inner: _Datagrams(network, inner),  # type: ignore[misc]
            local_addr=(HOST, outer),
        )
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print("ready", flush=True)
    while line := await commands.readline():
        network.obey(line.decode())
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(_serve([(int(a), int(b)) for a, _, b in (p.partition("=") for p in sys.argv[1:])]))
