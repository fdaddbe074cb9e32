"""Events of the cluster and tests of reachability, over real sockets. 0.10 has neither."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from colobus.admin import event_stream
from colobus.admin.server import serve
from colobus.errors import ClusterError
from colobus.node.feed import MOST_SUBSCRIBERS
from support.admin import Admin, body_of


class Stream:
    """A client of the event stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}

    async def open(self, **headers: str) -> "Stream":
        fields = "".join(
            f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()
        )
        self.writer.write(f"GET /cluster/events HTTP/1.0\r\nHost: x\r\n{fields}\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.rstrip().split("\r\n")
        self.status = int(status.split(" ")[1])
        self.headers = dict(line.lower().split(": ", 1) for line in lines)
        return self

    async def frame(self) -> str:
        return (await self.reader.readuntil(b"\n\n")).decode().rstrip("\n")

    async def event(self) -> tuple[str | None, str, Any]:
        """Return id, kind and content of the next event."""
        fields = dict(line.split(": ", 1) for line in (await self.frame()).split("\n"))
        return fields.get("id"), fields["event"], json.loads(fields["data"])


class Running:
    def __init__(self, admin: Admin, port: int, stop: asyncio.Event) -> None:
        self.admin = admin
        self.feed = admin.node.feed
        self.port = port
        self.stop = stop

    async def connect(self, receive_buffer: int = 0) -> Stream:
        raw = socket.socket()
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=raw, limit=65_536)
        self.writers.append(writer)
        return Stream(reader, writer)

    writers: list[asyncio.StreamWriter]


@asynccontextmanager
async def running(send_timeout_s: float = 60.0) -> AsyncIterator[Running]:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # of its connections as well
    admin, stop = Admin(), asyncio.Event()
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(serve(admin.app, sock, stop=stop, send_timeout_s=send_timeout_s))
        server = Running(admin, sock.getsockname()[1], stop)
        server.writers = []
        try:
            yield server
        finally:
            admin.node.feed.close()
            stop.set()
            for writer in server.writers:
                writer.close()


async def test_events_come_as_they_happen() -> None:
    async with running() as server:
        stream = await (await server.connect()).open()
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["cache-control"] == "no-store"
        assert "content-length" not in stream.headers
        assert await stream.frame() == "retry: 3000"
        assert await stream.event() == ("boot-0", "start", {"node": "node-a"})
        content = {"name": "né", "address": "10.0.0.1:7946", "status": "alive"}
        server.feed.record("member-join", content)
        told = ("boot-1", "member-join", {**content, "time": 1_500_000_000_000})
        assert await stream.event() == told


async def test_a_client_that_returns_gets_what_it_missed() -> None:
    async with running() as server:
        for name in "abc":
            server.feed.record("member-failed", {"name": name})
        stream = await (await server.connect()).open(Last_Event_ID="boot-1")
        await stream.frame()
        assert (await stream.event())[1] == "start"
        assert [(await stream.event())[0] for _ in range(2)] == ["boot-2", "boot-3"]


async def test_silence_is_broken_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream.answer, "__kwdefaults__", {"heartbeat_s": 0.01})
    async with running() as server:
        stream = await (await server.connect()).open()
        await stream.frame()
        await stream.event()
        assert [await stream.frame() for _ in range(3)] == [": alive"] * 3


async def test_the_stop_ends_streams_at_once_and_cleanly() -> None:
    async with running() as server:
        stream = await (await server.connect()).open()
        await stream.frame()
        await stream.event()
        server.feed.close()
        server.stop.set()
        assert await stream.event() == (None, "end", {"reason": "stopping"})
        assert await stream.reader.read() == b""


async def test_a_client_that_is_gone_makes_room() -> None:
    async with running() as server:
        streams = [await (await server.connect()).open() for _ in range(MOST_SUBSCRIBERS)]
        refused = await (await server.connect()).open()
        assert refused.status == 503
        message = json.loads(await refused.reader.read())
        assert message == {"message": f"more than {MOST_SUBSCRIBERS} subscribers"}
        streams[0].writer.close()
        while (await (await server.connect()).open()).status != 200:
            await asyncio.sleep(0.01)


async def test_a_slow_reader_is_told_so_and_can_go_on() -> None:
    async with running() as server:
        stream = await (await server.connect(receive_buffer=4096)).open()
        subscriptions = server.feed._subscriptions
        number = 0
        while subscriptions:
            number += 1
            server.feed.record("member-update", {"name": "x" * 400})
            if number % 50 == 0:
                await asyncio.sleep(0)
        await stream.frame()
        last_id = None
        while True:
            id_, kind, content = await stream.event()
            if kind == "end":
                break
            last_id = id_
        assert content == {"reason": "slow"}
        assert await stream.reader.read() == b""
        assert last_id is not None
        assert 0 < int(last_id.removeprefix("boot-")) < number + 1
        again = await (await server.connect()).open(Last_Event_ID=last_id)
        assert again.status == 200


async def test_a_reader_that_takes_nothing_is_cut() -> None:
    """What waits for it cannot be sent, so only the end of its connection ends the request."""
    async with running(send_timeout_s=0.2) as server:
        logged = server.admin.logged
        stream = await (await server.connect(receive_buffer=4096)).open()
        stream.writer.transport.pause_reading()  # type: ignore[attr-defined]
        while server.feed._subscriptions:
            server.feed.record("member-update", {"name": "x" * 400})
            await asyncio.sleep(0)
        assert logged == []
        while not logged:
            await asyncio.sleep(0.01)
        assert b'"GET /cluster/events HTTP/1.0" ' in logged[0]


@pytest.mark.parametrize(
    ("query", "timeout_s"), [("", None), ("?timeout=10", 0.01), ("?timeout=60000", 60.0)]
)
async def test_reachability_waits_as_long_as_told(query: str, timeout_s: float | None) -> None:
    admin = Admin()
    answer = await admin.send("GET", f"/cluster/reachability{query}")
    assert (answer.status_code, body_of(answer)) == (200, {"reachable": True})
    assert admin.node.timeouts == [timeout_s]


@pytest.mark.parametrize("shown", ["", "9", "60001", "-1", "1.5", "x", "9" * 30])
async def test_a_timeout_out_of_bounds_is_refused(shown: str) -> None:
    admin = Admin()
    answer = await admin.send("GET", f"/cluster/reachability?timeout={shown}")
    expected = {"timeout": "must be a number of ms from 10 to 60000"}
    assert (answer.status_code, body_of(answer)) == (400, expected)
    assert admin.node.timeouts == []


async def test_too_many_tests_at_once_are_a_503() -> None:
    admin = Admin()
    admin.node.failure = ClusterError("more than 16 tests of reachability")
    answer = await admin.send("GET", "/cluster/reachability")
    assert answer.status_code == 503
    assert body_of(answer) == {"message": "more than 16 tests of reachability"}
