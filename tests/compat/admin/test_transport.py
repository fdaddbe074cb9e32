"""The Admin API over a real socket: what only a server decides (reference: admin-api §1.1)."""

import asyncio
import json
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from colobus.admin.body import Limits
from colobus.admin.server import serve
from colobus.version import VERSION
from support.admin import Admin

MIB = 2**20


class Running:
    """An Admin API that listens."""

    def __init__(self, admin: Admin, sock: socket.socket, stop: asyncio.Event) -> None:
        self.admin = admin
        self.stop = stop
        self.sock = sock
        self.port: int = sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Client"]:
        """Connect."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()


class Client:
    """A connection that is spoken to in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read one answer: status, headers (by lower-case name, each once), body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.rstrip("\r\n").split("\r\n")
        pairs = [
            (name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)
        ]
        headers = dict(pairs)
        assert len(headers) == len(pairs), pairs
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(status_line.split(" ")[1]), headers, body

    async def is_closed(self) -> bool:
        """Read to the end, and say whether nothing came before it."""
        return await self.reader.read() == b""


@asynccontextmanager
async def running(admin: Admin, *, head_timeout_s: float = 20.0) -> AsyncIterator[Running]:
    sock = socket.create_server(("127.0.0.1", 0))
    stop = asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(serve(admin.app, sock, stop=stop, head_timeout_s=head_timeout_s))
        try:
            yield Running(admin, sock, stop)
        finally:
            stop.set()
    assert sock.fileno() == -1


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running(Admin()) as server:
        yield server


async def test_an_entity_lives_over_a_real_socket(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.url) as client:
        created = await client.post("/consumers", data={"username": "bob"})
        assert created.status_code == 201
        page = (await client.get("/consumers?size=1")).json()
        assert page == {"data": [created.json()], "total": 1}
        await client.post("/consumers", json={"username": "eve"})
        page = (await client.get("/consumers?size=1")).json()
        assert page["next"].startswith(f"{server.url}/consumers?offset=")
        assert len((await client.get(page["next"])).json()["data"]) == 1
        assert (await client.delete("/consumers/bob")).status_code == 204


async def test_invented_methods_reach_the_application(server: Running) -> None:
    async with server.connection() as client:
        for method in (b"GEEEET", b"PROPFIND", b"M-SEARCH"):
            await client.send(method + b" /apis HTTP/1.1\r\nHost: x\r\n\r\n")
            status, headers, body = await client.answer()
            assert (status, body) == (405, b'{"message":"Method not allowed"}\n')
            assert headers["content-type"] == "application/json; charset=utf-8"


async def test_our_own_server_and_date_headers_and_no_other(server: Running) -> None:
    async with server.connection() as client:
        await client.send(b"GET /apis HTTP/1.1\r\nHost: x\r\n\r\n")
        _, headers, _ = await client.answer()
    assert headers.keys() == {"date", "server", "content-type", "content-length"}
    assert (headers["server"], headers["date"]) == (
        f"colobus/{VERSION}",
        "Fri, 14 Jul 2017 02:40:00 GMT",
    )


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"PATCH"])
async def test_a_missing_content_type_is_415_and_the_connection_goes_on(
    server: Running, method: bytes
) -> None:
    async with server.connection() as client:
        head = method + b" /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
        await client.send(head + b"a=b" + b"GET /apis HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.answer())[0] == 415
        assert (await client.answer())[0] == 200


async def test_head_has_no_body_and_the_connection_goes_on(server: Running) -> None:
    async with server.connection() as client:
        await client.send(
            b"HEAD /apis HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        assert (await client.answer())[::2] == (200, b"")
        assert (await client.answer())[0] == 200


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_client_that_sends_too_much_sees_the_answer_and_no_reset(
    server: Running, chunked: bool
) -> None:
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (12 * MIB)
    async with server.connection() as client:
        await client.send(
            b"POST /apis HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n%s\r\n\r\n" % framing
        )
        piece = b"x" * MIB
        for _ in range(12):
            await client.send(b"%x\r\n%s\r\n" % (MIB, piece) if chunked else piece)
        if chunked:
            await client.send(b"0\r\n\r\n")
        status, headers, body = await client.answer()
        assert (status, headers["content-type"], headers["connection"]) == (
            413,
            "text/html",
            "close",
        )
        assert b"413 Request Entity Too Large" in body
        assert await client.is_closed()


async def test_a_client_that_goes_on_sending_is_cut_off_in_the_end() -> None:
    async with (
        running(Admin(limits=Limits(linger_s=0.05))) as server,
        server.connection() as client,
    ):
        await client.send(
            b"POST /apis HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 99999999\r\n\r\n"
        )
        assert (await client.answer())[0] == 413
        assert await client.is_closed()


async def test_ten_mebibytes_are_taken(server: Running) -> None:
    body = json.dumps(
        {"name": "x", "uris": "/x", "upstream_url": "http://h/".ljust(10 * MIB - 70, "x")}
    ).encode()
    assert len(body) <= 10 * MIB
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/apis", content=body, headers=headers)
        assert answer.status_code == 201
        assert (await client.get(f"/apis/{answer.json()['id']}")).json() == answer.json()


async def test_100_continue_is_said_when_the_body_is_wanted(server: Running) -> None:
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    form = b"application/x-www-form-urlencoded"
    async with server.connection() as client:
        await client.send(head % (b"/consumers", form, 10))
        assert (await client.answer())[0] == 100
        await client.send(b"username=a")
        assert (await client.answer())[0] == 201
    for path, size, status in ((b"/consumers", 11 * MIB, 413), (b"/nowhere", 5, 404)):
        async with server.connection() as client:
            await client.send(head % (path, form, size))
            assert (await client.answer())[0] == status


@pytest.mark.parametrize("head", [b"nonsense\r\n\r\n", b"GET /a b HTTP/1.1\r\n\r\n",
                                  b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"])  # fmt: skip
async def test_what_is_no_http_is_a_400_of_ours(server: Running, head: bytes) -> None:
    async with server.connection() as client:
        await client.send(head)
        status, headers, body = await client.answer()
        assert (status, headers["server"]) == (400, f"colobus/{VERSION}")
        assert json.loads(body).keys() == {"message"}
        assert await client.is_closed()


@pytest.mark.parametrize("before", [b"", b"GET /apis HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_head_that_does_not_end_is_cut_off(before: bytes) -> None:
    async with running(Admin(), head_timeout_s=0.2) as server, server.connection() as client:
        if before:
            await client.send(before)
            assert (await client.answer())[0] == 200
        await client.send(b"GET /apis HTTP/1.1\r\nHos")
        assert await client.is_closed()


async def test_a_request_under_way_is_not_cut_off_with_late_heads() -> None:
    async with running(Admin(), head_timeout_s=0.1) as server, server.connection() as client:
        await client.send(
            b"POST /consumers HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\nuser"
        )
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.3)
        await client.send(b"name=a")
        assert (await client.answer())[0] == 201


async def test_stopping_lets_requests_end_and_closes_the_rest() -> None:
    admin = Admin()
    entered, gate = asyncio.Event(), asyncio.Event()

    async def slow_applied(revision: int) -> list[str]:
        entered.set()
        await gate.wait()
        return []

    admin.node.applied = slow_applied  # type: ignore[method-assign]
    async with (
        running(admin) as server,
        server.connection() as busy,
        server.connection() as idle,
        server.connection() as kept,
    ):
        await kept.send(b"GET /apis HTTP/1.1\r\nHost: x\r\n\r\n")
        await kept.answer()
        await busy.send(
            b"POST /consumers?username=a HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\n"
            b"Content-Length: 0\r\n\r\n"
        )
        await entered.wait()
        server.stop.set()
        assert await idle.is_closed()
        assert await kept.is_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)
        gate.set()
        assert (await busy.answer())[0] == 201
        assert await busy.is_closed()


async def test_cancelling_leaves_nothing_open() -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(serve(Admin().app, sock, stop=asyncio.Event()))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /apis HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        serving.cancel()
    with suppress(ConnectionResetError):  # dropped or ended, but not left open
        await reader.read()
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_an_answer_is_not_held_back_by_the_kernel(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.url) as client:
        await client.get("/")
    assert server.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


async def test_signals_are_left_alone(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.url) as client:
        await client.get("/")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_an_application_that_fails_costs_its_request_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("broken")

    admin = Admin()
    admin.app = broken  # type: ignore[assignment]
    caplog.set_level(logging.CRITICAL, "uvicorn.error")
    async with running(admin) as server, httpx.AsyncClient(base_url=server.url) as client:
        for _ in range(2):
            assert (await client.get("/")).status_code == 500
