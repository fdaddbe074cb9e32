"""WebSockets through the gateway, with a real implementation at both ends (RFC 6455, RFC 7692)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from colobus.testing.gateway import GatewayHarness
from support.proxying import api

pytest.importorskip("websockets", reason="the library at both ends")

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

pytestmark = pytest.mark.integration

LARGE = bytes(range(256)) * 8192  # 2 MiB


async def echo(socket: ServerConnection) -> None:
    """Send every message back; close when asked to."""
    async for message in socket:
        if isinstance(message, str) and message.startswith("close "):
            await socket.close(int(message[6:]), "as asked")
        else:
            await socket.send(message)


def refuse(socket: ServerConnection, request: Request) -> Response | None:
    """Refuse handshakes for /refused."""
    return socket.respond(403, "no\n") if request.path == "/refused" else None


def choose(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Take the last version that is offered, or none."""
    return max((name for name in offered if name.startswith("chat.")), default=None)


class Tunnelled:
    """A gateway in front of an echo server."""

    def __init__(self, gateway: GatewayHarness) -> None:
        self.gateway = gateway
        self.url = f"ws://127.0.0.1:{gateway.port}"

    async def until_empty(self) -> None:
        """Wait until no client connection is left."""
        async with asyncio.timeout(10):
            while self.gateway.stats.connections_active:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def tunnelled(**fields: object) -> AsyncIterator[Tunnelled]:
    """Start an echo server and a gateway with one API for it."""
    async with serve(
        echo,
        "127.0.0.1",
        0,
        process_request=refuse,
        select_subprotocol=choose,
        max_size=1 << 23,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with GatewayHarness([api(f"http://127.0.0.1:{port}", **fields)]) as gateway:
            made = Tunnelled(gateway)
            yield made
            await made.until_empty()


async def answered(socket: ClientConnection, message: str | bytes) -> bool:
    """Say whether a message comes back as it was sent."""
    await socket.send(message)
    return await socket.recv() == message


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_messages_of_every_kind_and_size_come_back(compression: str | None) -> None:
    async with (
        tunnelled() as made,
        connect(made.url, compression=compression, max_size=1 << 23) as socket,
    ):
        assert bool(socket.protocol.extensions) == (compression is not None)
        for message in ("", "text", "\N{SNOWMAN} text", b"", b"\0\xff", LARGE[:125], LARGE[:126]):
            assert await answered(socket, message)
        for size in (65_535, 65_536, len(LARGE)):
            assert await answered(socket, LARGE[:size])


async def test_a_fragmented_message_comes_back_whole() -> None:
    async with tunnelled() as made, connect(made.url, max_size=1 << 23) as socket:
        await socket.send(["a", "b", "", "c"])
        assert await socket.recv() == "abc"
        pieces = [LARGE[at : at + 100_000] for at in range(0, len(LARGE), 100_000)]
        await socket.send(pieces)
        assert await socket.recv() == LARGE


async def test_pings_are_answered_by_the_other_end() -> None:
    async with tunnelled() as made, connect(made.url) as socket:
        pong = await socket.ping(b"\0 payload")
        async with asyncio.timeout(10):
            assert await pong >= 0


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 4321])
async def test_close_codes_and_reasons_pass_in_both_directions(code: int) -> None:
    async with tunnelled() as made:
        async with connect(made.url) as socket:
            await socket.send(f"close {code}")
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, "as asked")
        async with connect(made.url) as socket:
            await socket.close(code, "goodbye")
            assert socket.close_code == code


async def test_subprotocols_are_agreed_on_by_the_ends() -> None:
    async with tunnelled() as made:
        offered = [Subprotocol("chat.v1"), Subprotocol("other")]
        async with connect(made.url, subprotocols=offered) as socket:
            assert socket.subprotocol == "chat.v1"


async def test_a_refused_handshake_is_an_ordinary_answer() -> None:
    async with tunnelled() as made:
        with pytest.raises(InvalidStatus) as caught:
            async with connect(f"{made.url}/refused"):
                pass
        assert caught.value.response.status_code == 403
        assert caught.value.response.body == b"no\n"


async def test_a_hundred_tunnels_are_open_at_once_and_none_hears_another() -> None:
    async def talk(url: str, number: int, ready: asyncio.Barrier) -> None:
        async with connect(url, max_size=1 << 23) as socket:
            await ready.wait()
            for turn in range(5):
                assert await answered(socket, f"{number}.{turn} " * 500)

    async with tunnelled() as made:
        ready = asyncio.Barrier(101)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(talk(made.url, number, ready))
            await ready.wait()
            assert made.gateway.stats.connections_active == 100


async def test_a_draining_gateway_lets_a_tunnel_go_on_and_opens_no_other() -> None:
    async with tunnelled() as made, connect(made.url) as socket:
        assert await answered(socket, "before")
        emptied = made.gateway.drain(60)
        assert await answered(socket, "after")
        with pytest.raises(OSError):  # noqa: PT011  (whatever the kernel says)
            await asyncio.wait_for(connect(made.url, open_timeout=2).__aenter__(), 3)
        await socket.close()
        await asyncio.wrap_future(emptied)


async def test_an_idle_tunnel_ends_but_pings_keep_it() -> None:
    fields: dict[str, object] = {"upstream_read_timeout": 5000, "upstream_send_timeout": 5000}
    async with tunnelled(**fields) as made, connect(made.url, ping_interval=None) as socket:
        for _ in range(3):
            made.gateway.jump(4)
            await (await socket.ping())
        made.gateway.jump(6)
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(socket.recv(), 10)
        assert caught.value.rcvd is None  # no close frame: nobody said goodbye
