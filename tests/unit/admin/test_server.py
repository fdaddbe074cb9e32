"""When a connection waits for a head, and when it does not."""

import asyncio

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from colobus.admin.access import AdminAccessLog
from colobus.admin.server import _AdminProtocol, _protocol
from colobus.testing.clock import ManualClock


class Wire(asyncio.Transport):
    """A transport that leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.cuts = 0
        self.unread = 100

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def abort(self) -> None:
        self.cuts += 1

    def get_write_buffer_size(self) -> int:
        return self.unread


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


def connected() -> tuple[_AdminProtocol, Wire]:
    config = uvicorn.Config(application, ws="none", lifespan="off", log_config=None)
    protocol = _protocol(20.0, 20.0)(config=config, server_state=ServerState(), app_state={})
    assert isinstance(protocol, _AdminProtocol)
    wire = Wire()
    protocol.connection_made(wire)
    return protocol, wire


def timer(protocol: _AdminProtocol) -> asyncio.TimerHandle | None:
    return protocol._waiting


async def test_the_time_runs_while_a_head_is_awaited_and_ends_with_it() -> None:
    protocol, wire = connected()
    first = timer(protocol)
    assert first is not None
    assert first.when() - asyncio.get_running_loop().time() > 19
    protocol.data_received(b"GET / HTTP/1.1\r\n")
    assert timer(protocol) is first  # a trickle does not put it off
    protocol.data_received(b"Host: x\r\n\r\n")
    assert timer(protocol) is None
    assert first.cancelled()
    await asyncio.gather(*protocol.tasks)
    assert wire.written.startswith(b"HTTP/1.1 204")
    protocol.data_received(b"GET / HT")
    second = timer(protocol)
    assert second is not None
    protocol.connection_lost(None)
    assert second.cancelled()


async def test_a_late_head_closes_and_one_that_came_does_not() -> None:
    protocol, wire = connected()
    protocol.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    protocol._head_is_late()
    assert not wire.is_closing()
    await asyncio.gather(*protocol.tasks)
    protocol.data_received(b"G")
    protocol._head_is_late()
    assert wire.is_closing()
    protocol.connection_lost(None)


async def test_what_is_no_request_has_a_line_in_the_access_log_and_no_word_of_it() -> None:
    lines: list[bytes] = []
    log = AdminAccessLog(ManualClock(), lines.append)
    config = uvicorn.Config(application, ws="none", lifespan="off", log_config=None)
    protocol = _protocol(20.0, 20.0, log)(config=config, server_state=ServerState(), app_state={})
    wire = Wire()
    protocol.connection_made(wire)
    protocol.data_received(b"\x16\x03\x01 secret\r\n\r\n")
    assert wire.written.startswith(b"HTTP/1.1 400 ")
    size = len(wire.written.partition(b"\r\n\r\n")[2])
    (line,) = lines
    assert line.startswith(b"- - - [")
    assert line.endswith(b'] "" 400 %d "-" "-" 0.000 -\n' % size)
    protocol.connection_lost(None)


def stall(protocol: _AdminProtocol) -> asyncio.TimerHandle | None:
    return protocol._stalled


async def test_a_client_that_reads_nothing_is_cut_and_a_slow_one_is_not() -> None:
    protocol, wire = connected()
    protocol.pause_writing()
    first = stall(protocol)
    assert first is not None
    assert first.when() - asyncio.get_running_loop().time() > 19
    wire.unread = 99
    protocol._check_reader(100)
    assert wire.cuts == 0
    assert stall(protocol) is not first
    protocol._check_reader(99)
    assert wire.cuts == 1
    protocol.connection_lost(None)


async def test_a_reader_that_goes_on_is_not_watched_any_more() -> None:
    protocol, _ = connected()
    protocol.pause_writing()
    waiting = stall(protocol)
    assert waiting is not None
    protocol.resume_writing()
    assert waiting.cancelled()
    assert stall(protocol) is None
    protocol.pause_writing()
    protocol.connection_lost(None)
    assert stall(protocol) is None
