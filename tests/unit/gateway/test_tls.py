"""The transport with TLS against a client whose bytes the test cuts as it likes."""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colobus.clock import SystemClock
from colobus.errors import TlsError
from colobus.gateway.contexts import server_context
from colobus.gateway.loop import Loop, Protocol, Transport
from colobus.gateway.settings import ServerTls
from colobus.gateway.tls import secured
from colobus.node.certificate import ensure_self_signed

# Fails a test that waits in vain; never waited for otherwise.
PATIENCE_S = 10.0


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    pair = folder / "certificate.pem", folder / "key.pem"
    ensure_self_signed(*pair, SystemClock())
    return pair


class Recorder(Protocol):
    """Notes what a connection reports."""

    def __init__(self) -> None:
        self.transport: Transport
        self.received = b""
        self.events: list[str] = []
        self.on_data: Callable[[], object] = lambda: None

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        assert 0 < len(data) <= 65_536 + 16_384
        self.received += data
        self.on_data()

    def eof_received(self) -> None:
        self.events.append("eof")

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")

    def connection_lost(self, error: OSError | None) -> None:
        self.events.append("lost" if error is None else type(error).__name__)


class Client:
    """The client's side of TLS, in memory, and its plain socket."""

    def __init__(self, world: "World", *, name: str | None = None) -> None:
        self.world = world
        self.sock = socket.create_connection(world.address, PATIENCE_S)
        self.sock.setblocking(False)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = world.version
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.plain = bytearray()
        self.is_ended = False  # close_notify came
        self.is_eof = False

    def pump(self, *, size: int = 65_536) -> None:
        """Send what there is in pieces of ``size`` bytes, read what came, turn the loop."""
        while data := self.outgoing.read(size):
            with contextlib.suppress(BlockingIOError):
                assert self.sock.send(data) == len(data)
            self.world.loop.turn(1)
        self.world.loop.turn(1)
        with contextlib.suppress(BlockingIOError):
            data = self.sock.recv(65_536)
            self.is_eof = not data
            self.incoming.write(data)

    def is_cut_off(self) -> bool:
        self.pump()
        return self.is_eof

    def handshake(self, *, size: int = 65_536) -> None:
        def is_done() -> bool:
            self.pump(size=size)
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                return False
            return True

        self.world.until(is_done)
        self.pump(size=size)

    def read(self) -> None:
        """Decipher what came."""
        self.pump()
        try:
            while data := self.tls.read(65_536):
                self.plain += data
            self.is_ended = True
        except ssl.SSLWantReadError:
            pass


class World:
    """A loop that listens for TLS."""

    def __init__(self, files: tuple[Path, Path], version: ssl.TLSVersion) -> None:
        self.version = version
        self.context = server_context(ServerTls(str(files[0]), str(files[1]), "ECDHE+AESGCM"))
        self.loop = Loop(SystemClock())
        self.made: list[Recorder] = []
        self.names: list[str] = []
        self.agreed: list[str | None] = []
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.address = self.sock.getsockname()
        wrap = secured(self.choose, lambda _, protocol: self.agreed.append(protocol))
        self.listener = self.loop.listen(self.sock, self.accept, wrap)

    def accept(self) -> Recorder:
        self.made.append(Recorder())
        return self.made[-1]

    def choose(self, name: str | None) -> ssl.SSLContext:
        if name is not None:
            self.names.append(name)
            if name == "broken.test":
                raise TlsError("no such file")
        return self.context

    def until(self, condition: Callable[[], object], client: Client | None = None) -> None:
        """Turn the loop, and let ``client`` read, until ``condition`` holds."""
        deadline = SystemClock().monotonic() + PATIENCE_S
        while not condition():
            assert SystemClock().monotonic() < deadline
            self.loop.turn(1)
            if client is not None:
                client.read()

    def connect(self, *, size: int = 65_536) -> tuple[Client, Recorder]:
        """Return a client after its handshake, and the protocol that serves it."""
        client = Client(self)
        client.handshake(size=size)
        return client, self.made[-1]


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def world(request: pytest.FixtureRequest, files: tuple[Path, Path]) -> Iterator[World]:
    world = World(files, request.param)
    yield world
    world.loop.close()
    world.sock.close()


def test_bytes_may_come_one_at_a_time(world: World) -> None:
    client, server = world.connect(size=1)
    with client.sock:
        assert server.events == ["made"]
        assert world.agreed == [None]
        client.tls.write(b"request")
        client.pump(size=1)
        world.until(lambda: server.received == b"request")
        server.transport.write(b"answer")
        world.until(lambda: client.plain == b"answer", client)


def test_reading_stops_where_the_protocol_pauses(world: World) -> None:
    client, server = world.connect()
    with client.sock:
        server.on_data = lambda: server.transport.pause_reading()
        sent = 0
        while sent < 8_000_000:  # until the buffers of both kernels are full
            if not client.outgoing.pending:
                client.tls.write(bytes(16_384))
            data = client.outgoing.read()
            try:
                taken = client.sock.send(data)
            except BlockingIOError:
                break
            world.loop.turn(0)
            if taken < len(data):
                break
            sent += 16_384
        for _ in range(5):
            world.loop.turn(0)
        stopped = len(server.received)
        assert stopped <= 65_536 + 16_384
        server.transport.resume_reading()
        world.until(lambda: len(server.received) > stopped)


def test_the_writer_is_paused_and_everything_arrives(world: World) -> None:
    client, server = world.connect()
    content = bytes(range(256)) * 32_768  # more than the kernel holds
    with client.sock:
        server.transport.write(content)
        assert server.events == ["made", "pause"]
        assert server.transport.buffered > 1_000_000
        world.until(lambda: len(client.plain) == len(content), client)
        assert client.plain == content
        assert server.events == ["made", "pause", "resume"]
        assert server.transport.buffered == 0


def test_close_announces_the_end(world: World) -> None:
    client, server = world.connect()
    with client.sock:
        server.transport.write(b"last")
        server.transport.close()
        world.until(lambda: client.is_eof, client)
        assert client.plain == b"last"
        assert client.is_ended
        assert server.events == ["made", "lost"]


def test_abort_does_not(world: World) -> None:
    client, server = world.connect()
    with client.sock:
        server.transport.abort()
        world.until(lambda: client.is_eof, client)
        assert not client.is_ended
        assert server.events == ["made", "lost"]


def test_a_side_that_is_shut_still_reads(world: World) -> None:
    client, server = world.connect()
    with client.sock:
        server.transport.write_eof()
        server.transport.write(b"too late")
        world.until(lambda: client.is_ended, client)
        assert client.plain == b""
        if world.version is ssl.TLSVersion.TLSv1_3:  # in 1.2, close_notify ends both directions
            client.tls.write(b"still here")
            client.pump()
            world.until(lambda: server.received == b"still here")


def test_the_clients_goodbye_is_told_once_and_answers_still_pass(world: World) -> None:
    client, server = world.connect()
    with client.sock:
        client.tls.write(b"request")
        with contextlib.suppress(ssl.SSLError):
            client.tls.unwrap()
        client.pump()
        world.until(lambda: "eof" in server.events)
        assert server.received == b"request"
        client.sock.sendall(b"\x17\x03\x03\x00\x10" + bytes(16))
        client.sock.shutdown(socket.SHUT_WR)
        world.loop.turn(10)
        assert server.events == ["made", "eof"]
        server.transport.write(b"answer")
        server.transport.close()
        world.until(lambda: "lost" in server.events)
        raw = client.sock.recv(65_536)
        assert len(raw) > len(b"answer")
        assert b"answer" not in raw


def test_a_bare_end_is_told_like_a_goodbye(world: World) -> None:
    client, server = world.connect()
    with client.sock:
        client.sock.shutdown(socket.SHUT_WR)
        world.until(lambda: "eof" in server.events)
        assert server.events == ["made", "eof"]


def test_an_end_during_the_handshake_ends_the_connection(world: World) -> None:
    client = Client(world)
    client.sock.send(b"\x16\x03")
    client.sock.close()
    world.until(lambda: world.made and "lost" in world.made[0].events)
    assert world.made[0].received == b""


@pytest.mark.parametrize("at", [5, 12])
def test_a_changed_byte_ends_the_connection(world: World, at: int) -> None:
    client, server = world.connect()
    with client.sock:
        client.tls.write(b"request")
        record = bytearray(client.outgoing.read())
        record[at] ^= 1
        client.sock.sendall(record)
        world.until(lambda: "lost" in server.events)
        assert server.received == b""


@pytest.mark.parametrize("data", [b"\x00" * 64, b"SSH-2.0-x\r\n", b"\x15\x03\x01\x00\x02\x02\x28"])
def test_garbage_ends_the_connection(world: World, data: bytes) -> None:
    client = Client(world)
    with client.sock:
        client.sock.sendall(data)
        world.until(lambda: world.made and "lost" in world.made[0].events)


def test_plain_http_is_told_what_is_wrong(world: World) -> None:
    client = Client(world)
    with client.sock:
        client.sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        world.until(lambda: world.made and "lost" in world.made[0].events)
        head, _, body = client.sock.recv(4096).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"Content-Length: %d" % len(body) in head


def test_nothing_is_sent_before_the_handshake(world: World) -> None:
    client = Client(world)
    with client.sock:
        world.until(lambda: world.made)
        world.made[0].transport.write(b"secret")
        client.handshake()
        world.made[0].transport.write(b"after")
        world.until(lambda: client.plain, client)
        assert client.plain == b"after"


def test_the_name_of_the_client_chooses_the_certificate(world: World) -> None:
    client = Client(world, name="shop.test")
    with client.sock:
        client.handshake()
        assert world.names == ["shop.test"]


def test_a_certificate_that_cannot_be_used_fails_its_handshake(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(world, name="broken.test")
    with client.sock:
        with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
            client.handshake()
        world.until(lambda: "lost" in world.made[0].events)
    assert "no certificate for broken.test: no such file" in caplog.text


def test_a_failure_of_the_first_choice_costs_only_that_connection(world: World) -> None:
    good = world.context
    del world.context
    client = Client(world)
    with client.sock:
        world.until(client.is_cut_off)
    world.context = good
    client, _ = world.connect()
    client.sock.close()
