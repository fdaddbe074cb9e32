"""What one client of the RPC endpoint may not do to the node, and what it is told when it goes."""

import asyncio
import logging
import random
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from colobus.clock import SystemClock
from colobus.cluster.agent import ClusterAgent, bind_cluster
from colobus.cluster.keyring import Keyring
from colobus.cluster.machine import ClusterMachine, MemberSettings
from colobus.cluster.rpc.client import RpcClient, connect
from colobus.cluster.rpc.protocol import ReplyReader, encode_reply, encode_request
from colobus.cluster.rpc.replies import Members, UserEventRecord
from colobus.cluster.rpc.requests import (
    FireEvent,
    Handshake,
    ListMembers,
    Monitor,
    Request,
    Subscribe,
)
from colobus.cluster.rpc.server import MOST_CONNECTIONS, RpcServer
from colobus.cluster.timing import ClusterTiming
from colobus.errors import ClusterError
from support.ports import free_port

pytestmark = pytest.mark.integration

HOST = "127.0.0.1"


@asynccontextmanager
async def endpoint(auth_key: str = "") -> AsyncIterator[tuple[str, int]]:
    """An agent that is alone, and the address of its RPC."""
    sockets = bind_cluster((HOST, 0))
    settings = MemberSettings(
        name="alone",
        address=bytes((127, 0, 0, 1)),
        port=sockets[0].getsockname()[1],
        timing=ClusterTiming.local(),
    )
    machine = ClusterMachine(
        settings,
        keyring=Keyring(),
        rng=random.Random(1),
        random_bytes=secrets.token_bytes,
    )
    agent = ClusterAgent(machine, sockets, SystemClock(), lambda _: None)
    await agent.start()
    listener = socket.create_server((HOST, 0))
    listener.setblocking(False)
    serving = asyncio.get_running_loop().create_task(
        RpcServer(agent, listener, 7946, auth_key=auth_key).run()
    )
    try:
        yield listener.getsockname()
    finally:
        serving.cancel()
        await asyncio.wait([serving])
        listener.close()
        await agent.close()
    assert serving.cancelled()


async def opened(address: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection that has shaken hands; its receive buffer is small."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, address)
    reader, writer = await asyncio.open_connection(sock=raw, limit=4096)
    writer.write(encode_request(1, Handshake()))
    assert await reader.read(100) == b"\x82\xa5Error\xa0\xa3Seq\x01"
    return reader, writer


def ask(address: tuple[str, int], request: Request) -> object:
    with connect(address) as client:
        return client.ask(request).body


async def test_an_event_goes_to_the_streams_of_others() -> None:
    def watch(client: RpcClient) -> object:
        return next(client.records()).record

    async with endpoint() as address:
        with await asyncio.to_thread(connect, address) as client:
            await asyncio.to_thread(client.ask, Subscribe("user:deploy"))
            for name in ("other", "deploy"):
                await asyncio.to_thread(ask, address, FireEvent(name, b"1"))
            seen = await asyncio.to_thread(watch, client)
        assert isinstance(seen, UserEventRecord)
        assert (seen.name, seen.payload) == ("deploy", b"1")


async def fill(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Monitor the log without reading, until more has been written than waits anywhere."""
    writer.write(encode_request(2, Monitor("WARN")))
    assert await reader.readexactly(13)
    for _ in range(200):
        logging.getLogger("test").warning("x" * 65_536)
    await asyncio.sleep(0)  # lines pass through the loop


async def test_a_client_that_does_not_read_its_stream_is_dropped(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colobus.cluster.rpc.outlet.STALL_S", 0.2)
    async with endpoint() as address:
        reader, writer = await opened(address)
        await fill(reader, writer)
        async with asyncio.timeout(20):
            while "does not read its streams" not in caplog.text:
                await asyncio.sleep(0.02)
        async with asyncio.timeout(20):
            with suppress(ConnectionResetError):
                while await reader.read(65_536):  # what had arrived comes first
                    pass
        writer.close()
        found = await asyncio.to_thread(ask, address, ListMembers())
        assert isinstance(found, Members)


async def test_a_client_that_reads_late_gets_what_waited_and_then_what_is_new() -> None:
    async with endpoint() as address:
        reader, writer = await opened(address)
        await fill(reader, writer)
        replies = ReplyReader()
        replies.expect(2, Monitor("WARN"))
        replies.receive(encode_reply(2, Monitor("WARN")))
        lines = 0
        async with asyncio.timeout(30):
            while lines < 200:
                replies.receive(await reader.read(65_536))
                while (reply := replies.next_reply()) is not None:
                    lines += reply.record is not None
            logging.getLogger("test").warning("the last word")
            while True:
                replies.receive(await reader.read(65_536))
                reply = replies.next_reply()
                if reply is not None and "the last word" in repr(reply.record):
                    break
        writer.close()


async def test_a_client_must_show_the_key_of_the_agent(caplog: pytest.LogCaptureFixture) -> None:
    def members(key: str) -> object:
        with connect(address, key) as client:
            answer = client.ask(ListMembers())
            return answer.error or answer.body

    async with endpoint("the-secret") as address:
        assert await asyncio.to_thread(members, "") == "Authentication required"
        with pytest.raises(ClusterError, match="Invalid authentication token"):
            await asyncio.to_thread(members, "the-guess")
        assert isinstance(await asyncio.to_thread(members, "the-secret"), Members)
    assert "the-secret" not in caplog.text


async def test_connections_are_limited_and_freed() -> None:
    async with endpoint() as address:
        held = [await opened(address) for _ in range(MOST_CONNECTIONS)]
        with pytest.raises(ClusterError, match="Error connecting to Serf agent: "):
            await asyncio.to_thread(ask, address, ListMembers())
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(20):
            while not await answers(address):
                await asyncio.sleep(0.02)


async def answers(address: tuple[str, int]) -> bool:
    try:
        return isinstance(await asyncio.to_thread(ask, address, ListMembers()), Members)
    except ClusterError:
        return False


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"\xc1", b"\xdf\xff\xff\xff\xff", b"\x00" * 1000]
)
async def test_bytes_of_another_protocol_close_the_connection(data: bytes) -> None:
    async with endpoint() as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(data)
        async with asyncio.timeout(20):
            await reader.read()
        writer.close()
        assert isinstance(await asyncio.to_thread(ask, address, ListMembers()), Members)


def test_a_silent_listener_is_no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colobus.cluster.rpc.client.ANSWER_S", 0.1)
    with (
        socket.create_server((HOST, 0)) as listener,
        pytest.raises(ClusterError, match=r"Error connecting to Serf agent: .*timed out"),
    ):
        connect(listener.getsockname())


def test_where_nothing_listens_is_told() -> None:
    port = free_port()
    with pytest.raises(ClusterError, match=f"{HOST}:{port}: connection refused"):
        connect((HOST, port))
