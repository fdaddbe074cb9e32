"""The data path's loop against real sockets on the loopback interface, in every build."""

import contextlib
import logging
import os
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from colobus.clock import SystemClock
from colobus.testing.clock import ManualClock
from support.builds import load_builds

BUILDS = load_builds("colobus.gateway.loop")
# Fails a test that waits in vain; never waited for otherwise.
PATIENCE_S = 10.0


@pytest.fixture(params=BUILDS.values(), ids=list(BUILDS))
def build(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Sockets to close at the end of the test."""
    opened: list[socket.socket] = []
    yield opened
    for sock in opened:
        sock.close()


@pytest.fixture
def loop(build: Any, sockets: list[socket.socket]) -> Iterator[Any]:
    loop = build.Loop(SystemClock())
    yield loop
    loop.close()


class World:
    """A loop that listens, and what its connections reported."""

    def __init__(self, build: Any, loop: Any, sockets: list[socket.socket]) -> None:
        self.build = build
        self.loop = loop
        self.sockets = sockets
        self.recorder = make_recorder(build)
        self.made: list[Any] = []  # the protocols of accepted connections
        self.reacting: dict[str, Callable[[], object]] = {}  # what the next of them shall do
        self.sock = listening(sockets)
        self.listener = loop.listen(self.sock, self.accept)

    def accept(self) -> Any:
        protocol = self.recorder()
        protocol.reacting.update(self.reacting)
        self.made.append(protocol)
        return protocol

    def until(self, condition: Callable[[], object]) -> None:
        """Turn the loop until ``condition`` holds."""
        deadline = SystemClock().monotonic() + PATIENCE_S
        while not condition():
            assert SystemClock().monotonic() < deadline
            self.loop.turn(20)

    def client(self) -> tuple[socket.socket, Any]:
        """Connect a plain socket; return it and the protocol that serves it."""
        count = len(self.made)
        client = socket.create_connection(self.sock.getsockname(), PATIENCE_S)
        self.sockets.append(client)
        self.until(lambda: len(self.made) > count and self.made[count].events)
        return client, self.made[count]

    def server(self) -> tuple[socket.socket, Any]:
        """Let the loop connect to a plain socket; return that and the loop's protocol."""
        sock = listening(self.sockets)
        sock.setblocking(True)
        protocol = self.recorder()
        self.loop.connect(sock.getsockname(), protocol, protocol.failed)
        remote, _ = sock.accept()
        remote.settimeout(PATIENCE_S)
        self.sockets.append(remote)
        self.until(lambda: protocol.events)
        return remote, protocol

    def idle_turns(self, seconds: float) -> int:
        """Return how often the loop woke up although nothing was to be done."""
        done: list[bool] = []
        self.loop.turn(0)
        self.loop.timers.schedule(self.loop.now + seconds, lambda: done.append(True))
        turns = 0
        while not done:
            self.loop.turn(-1)
            turns += 1
        return turns


@pytest.fixture
def world(build: Any, loop: Any, sockets: list[socket.socket]) -> World:
    return World(build, loop, sockets)


def listening(sockets: list[socket.socket], host: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    sockets.append(sock)
    sock.bind((host, 0))
    sock.listen()
    sock.setblocking(False)
    return sock


def make_recorder(build: Any) -> Any:  # noqa: C901  (one class of many small methods)
    """Return a protocol class of that build which notes what it is told."""

    class Recorder(build.Protocol):  # type: ignore[misc]  # the class is chosen at run time
        def __init__(self) -> None:
            self.events: list[str] = []
            self.data = b""
            self.transport: Any = None
            self.error: OSError | None = None
            # What to do when told so; a test sets it before or after the connection is made.
            self.reacting: dict[str, Callable[[], object]] = {}
            self.inside = False

        def note(self, event: str) -> None:
            assert not self.inside, "called re-entrantly"
            self.events.append(event)
            self.inside = True
            try:
                self.reacting.get(event, bool)()
            finally:
                self.inside = False

        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            self.note("made")

        def data_received(self, data: bytes) -> None:
            assert type(data) is bytes
            assert 0 < len(data) <= 65536
            self.data += data
            self.note("data")

        def eof_received(self) -> None:
            self.note("eof")

        def connection_lost(self, error: OSError | None) -> None:
            self.error = error
            self.note("lost")

        def failed(self, error: OSError) -> None:
            self.error = error
            self.note("failed")

        def pause_writing(self) -> None:
            self.events.append("pause")
            self.reacting.get("pause", bool)()

        def resume_writing(self) -> None:
            self.events.append("resume")
            self.reacting.get("resume", bool)()

        @property
        def lost(self) -> bool:
            return "lost" in self.events

    return Recorder


def broken() -> None:
    raise ValueError("broken callback")


def reset(sock: socket.socket) -> None:
    """Close with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def option_of(transport: Any, level: int, name: int) -> int:
    """Return a socket option of a transport, whose descriptor is its own affair."""
    for entry in os.listdir("/proc/self/fd"):  # noqa: PTH208  (names, not paths)
        try:
            twin = socket.socket(fileno=os.dup(int(entry)))
        except OSError:
            continue
        with twin:
            if twin.family == socket.AF_INET and twin.getsockname() == transport.local:
                try:
                    if twin.getpeername() == transport.peer:
                        return twin.getsockopt(level, name)
                except OSError:
                    continue
    raise AssertionError("no such connection")


def receive_all(sock: socket.socket) -> bytes:
    data = b""
    while piece := sock.recv(1 << 20):
        data += piece
    return data


# --- accepting ----------------------------------------------------------------------------------


def test_an_accepted_connection_knows_both_its_ends(world: World) -> None:
    client, protocol = world.client()
    assert protocol.transport.peer == client.getsockname()
    assert protocol.transport.local == client.getpeername()
    assert not protocol.transport.closing
    assert protocol.transport.protocol is protocol


def test_data_goes_both_ways(world: World) -> None:
    client, protocol = world.client()
    client.sendall(b"question")
    world.until(lambda: protocol.data)
    assert protocol.data == b"question"
    protocol.transport.write(b"")
    protocol.transport.write(b"answer")
    assert protocol.transport.buffered == 0
    assert client.recv(100) == b"answer"


def test_small_packets_are_not_held_back(world: World) -> None:
    _, accepted = world.client()
    _, connected = world.server()
    for protocol in (accepted, connected):
        assert option_of(protocol.transport, socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_a_closed_listener_leaves_its_socket_to_the_owner(world: World) -> None:
    world.listener.close()
    world.listener.close()
    client = socket.create_connection(world.sock.getsockname(), PATIENCE_S)
    world.sockets.append(client)
    assert world.idle_turns(0.1) <= 2
    assert not world.made
    accepted, _ = world.sock.accept()
    accepted.close()


def test_a_listener_may_be_closed_while_it_accepts(world: World) -> None:
    clients = [socket.create_connection(world.sock.getsockname()) for _ in range(3)]
    world.sockets += clients
    world.listener.close()
    world.listener = world.loop.listen(
        world.sock, lambda: (world.listener.close(), world.accept())[1]
    )
    world.until(lambda: world.made)
    world.loop.turn(0)
    assert len(world.made) == 1


def test_an_ipv6_peer_is_named_without_brackets_or_scope(world: World) -> None:
    try:
        sock = listening(world.sockets, "::1")
    except OSError:
        pytest.skip("no IPv6 here")
    world.loop.listen(sock, world.accept)
    protocol = world.recorder()
    world.loop.connect(("::1", sock.getsockname()[1]), protocol, protocol.failed)
    world.until(lambda: protocol.events and world.made)
    assert protocol.transport.peer == ("::1", sock.getsockname()[1])
    assert world.made[0].transport.peer == protocol.transport.local
    assert world.made[0].transport.peer[0] == "::1"


def test_an_ipv4_peer_of_a_dual_stack_socket_is_named_as_ipv4(world: World) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no dual-stack sockets here")
    sock = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    sock.setblocking(False)
    world.sockets.append(sock)
    world.loop.listen(sock, world.accept)
    client = socket.create_connection(("127.0.0.1", sock.getsockname()[1]), PATIENCE_S)
    world.sockets.append(client)
    world.until(lambda: world.made and world.made[0].events)
    assert world.made[0].transport.peer == client.getsockname()
    assert world.made[0].transport.local == client.getpeername()


def test_accepting_pauses_while_descriptors_are_short_and_says_so_once(
    build: Any, sockets: list[socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    loop = build.Loop(clock)
    world = World(build, loop, sockets)
    clients = [socket.create_connection(world.sock.getsockname()) for _ in range(2)]
    sockets += clients
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.dup(0)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, hard))
    try:
        with caplog.at_level(logging.ERROR):
            for _ in range(3):
                for _ in range(5):
                    loop.turn(0)
                clock.advance(1.1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not world.made
    assert len(caplog.records) == 1
    for _ in range(3):
        clock.advance(1.1)
        loop.turn(0)
    assert len(world.made) == 2
    loop.close()


# --- writing ------------------------------------------------------------------------------------


def test_what_the_kernel_does_not_take_is_sent_later_in_order(world: World) -> None:
    client, protocol = world.client()
    pieces = [bytes((number % 251,)) * 70_001 for number in range(120)]
    for piece in pieces:
        protocol.transport.write(piece)
    sent = sum(map(len, pieces)) - protocol.transport.buffered
    assert 0 < sent < 120 * 70_001
    received = b""
    client.setblocking(False)
    while len(received) < 120 * 70_001:
        world.loop.turn(20)
        try:
            received += client.recv(1 << 20)
        except BlockingIOError:
            continue
    assert received == b"".join(pieces)
    assert protocol.transport.buffered == 0


def test_a_writer_is_paused_above_its_limit_and_resumed_at_a_quarter(world: World) -> None:
    client, protocol = world.client()
    transport = protocol.transport
    transport.set_write_buffer_limit(12_000_000)
    buffered_at_resume: list[int] = []
    protocol.reacting["resume"] = lambda: buffered_at_resume.append(transport.buffered)
    while transport.buffered <= 12_000_000:
        assert "pause" not in protocol.events
        transport.write(b"x" * 300_000)
    transport.write(b"x" * 300_000)
    assert protocol.events.count("pause") == 1
    client.setblocking(False)
    while not buffered_at_resume:
        world.loop.turn(20)
        with contextlib.suppress(BlockingIOError):
            client.recv(1 << 20)
    assert buffered_at_resume[0] <= 3_000_000
    assert protocol.events == ["made", "pause", "resume"]


def test_close_sends_what_is_buffered_first(world: World) -> None:
    client, protocol = world.client()
    protocol.transport.write(b"x" * 8_000_000)
    assert protocol.transport.buffered > 0
    protocol.transport.close()
    assert protocol.transport.closing
    protocol.transport.write(b"ignored")
    received = 0
    client.setblocking(False)
    while True:
        world.loop.turn(20)
        try:
            piece = client.recv(1 << 20)
        except BlockingIOError:
            continue
        if not piece:
            break
        received += len(piece)
    assert received == 8_000_000
    world.until(lambda: protocol.lost)
    assert protocol.events == ["made", "pause", "lost"]
    assert protocol.error is None


def test_abort_drops_what_is_buffered(world: World) -> None:
    client, protocol = world.client()
    protocol.transport.write(b"x" * 8_000_000)
    protocol.transport.abort()
    protocol.transport.abort()
    protocol.transport.close()
    assert protocol.transport.buffered == 0
    assert not protocol.lost
    world.loop.turn(0)
    assert protocol.events == ["made", "pause", "lost"]
    assert len(receive_all(client)) < 8_000_000
    assert protocol.transport.local == ("", 0)


def test_write_eof_shuts_one_direction_after_the_rest_is_sent(world: World) -> None:
    client, protocol = world.client()
    protocol.transport.write(b"x" * 8_000_000)
    protocol.transport.write_eof()
    protocol.transport.write_eof()
    protocol.transport.write(b"ignored")
    received = 0
    client.setblocking(False)
    while received < 8_000_000:
        world.loop.turn(20)
        try:
            received += len(client.recv(1 << 20))
        except BlockingIOError:
            continue
    client.setblocking(True)
    world.loop.turn(0)
    assert client.recv(10) == b""
    client.sendall(b"still heard")
    world.until(lambda: protocol.data)
    assert not protocol.transport.closing


# --- reading ------------------------------------------------------------------------------------


def test_paused_reading_leaves_data_in_the_kernel(world: World) -> None:
    client, protocol = world.client()
    protocol.transport.pause_reading()
    client.sendall(b"later")
    assert world.idle_turns(0.1) <= 2
    assert protocol.data == b""
    protocol.transport.resume_reading()
    protocol.transport.resume_reading()
    world.until(lambda: protocol.data)
    assert protocol.data == b"later"


def test_reading_paused_by_a_callback_stops_at_once(world: World) -> None:
    client, protocol = world.client()
    protocol.reacting["data"] = lambda: protocol.transport.pause_reading()
    client.sendall(b"x" * 200_000)
    world.until(lambda: protocol.data)
    before = len(protocol.data)
    assert world.idle_turns(0.1) <= 2
    assert len(protocol.data) == before <= 65536


def test_a_half_closed_peer_is_told_once_and_may_be_answered(world: World) -> None:
    client, protocol = world.client()
    client.sendall(b"last words")
    client.shutdown(socket.SHUT_WR)
    world.until(lambda: "eof" in protocol.events)
    assert protocol.data == b"last words"
    assert world.idle_turns(0.1) <= 2
    protocol.transport.write(b"answer")
    protocol.transport.close()
    world.until(lambda: protocol.lost)
    assert receive_all(client) == b"answer"
    assert protocol.events == ["made", "data", "eof", "lost"]
    assert protocol.error is None


def test_a_connection_ended_by_both_sides_is_lost_without_error(world: World) -> None:
    client, protocol = world.client()
    protocol.transport.write_eof()
    client.shutdown(socket.SHUT_WR)
    world.until(lambda: protocol.lost)
    assert protocol.events == ["made", "eof", "lost"]
    assert protocol.error is None


def test_data_before_an_orderly_end_survives_a_pause(world: World) -> None:
    """Both directions are shut, which epoll cannot be told to keep quiet about."""
    client, protocol = world.client()
    protocol.transport.pause_reading()
    protocol.transport.write_eof()
    assert client.recv(1) == b""
    client.sendall(b"x" * 100_000)
    client.close()
    assert world.idle_turns(0.1) <= 3
    assert protocol.events == ["made"]
    protocol.transport.resume_reading()
    world.until(lambda: protocol.lost)
    assert len(protocol.data) == 100_000
    assert protocol.events[-2:] == ["eof", "lost"]
    assert protocol.error is None


def test_a_connection_parked_at_its_end_can_be_closed(world: World) -> None:
    client, protocol = world.client()
    protocol.transport.pause_reading()
    protocol.transport.write_eof()
    client.close()
    world.idle_turns(0.1)
    protocol.transport.close()
    world.until(lambda: protocol.lost)
    assert protocol.error is None


@pytest.mark.parametrize("paused", [False, True])
def test_a_reset_is_reported_as_such(world: World, paused: bool) -> None:
    client, protocol = world.client()
    if paused:
        protocol.transport.pause_reading()
    reset(client)
    world.until(lambda: protocol.lost)
    assert isinstance(protocol.error, ConnectionResetError)
    assert protocol.events == ["made", "lost"]


def test_a_reset_after_the_end_of_input_is_reported(world: World) -> None:
    client, protocol = world.client()
    client.shutdown(socket.SHUT_WR)
    world.until(lambda: "eof" in protocol.events)
    reset(client)
    world.until(lambda: protocol.lost)
    assert protocol.events == ["made", "eof", "lost"]


def test_an_answer_that_came_before_sending_failed_is_still_read(world: World) -> None:
    """A server refuses an upload: it answers and closes without reading the rest."""
    remote, protocol = world.server()
    protocol.transport.write(b"x" * 200_000)
    remote.sendall(b"HTTP/1.1 413 \r\n\r\n")
    remote.close()
    while not protocol.lost:
        protocol.transport.write(b"x" * 200_000)
        world.loop.turn(20)
    assert protocol.data == b"HTTP/1.1 413 \r\n\r\n"
    assert isinstance(protocol.error, ConnectionResetError | BrokenPipeError)
    assert "eof" not in protocol.events


def test_a_peer_that_resets_a_stalled_connection_ends_it(world: World) -> None:
    client, protocol = world.client()
    protocol.transport.write(b"x" * 8_000_000)
    protocol.transport.close()
    reset(client)
    world.until(lambda: protocol.lost)
    assert protocol.error is not None


# --- connecting ---------------------------------------------------------------------------------


def test_a_connection_is_made_to_an_address(world: World) -> None:
    remote, protocol = world.server()
    assert protocol.events == ["made"]
    assert protocol.transport.peer == remote.getsockname()
    assert protocol.transport.local == remote.getpeername()
    protocol.transport.write(b"question")
    assert remote.recv(100) == b"question"
    remote.sendall(b"answer")
    world.until(lambda: protocol.data)


def test_a_refused_connection_fails_later_and_once(world: World) -> None:
    sock = listening(world.sockets)
    address = sock.getsockname()
    sock.close()
    protocol = world.recorder()
    connecting = world.loop.connect(address, protocol, protocol.failed)
    assert protocol.events == []
    world.until(lambda: protocol.events)
    assert isinstance(protocol.error, ConnectionRefusedError)
    connecting.cancel()
    world.loop.turn(0)
    assert protocol.events == ["failed"]


def test_a_connection_that_fails_at_once_is_still_reported_later(world: World) -> None:
    protocol = world.recorder()
    world.loop.connect(("255.255.255.255", 80), protocol, protocol.failed)
    assert protocol.events == []
    world.until(lambda: protocol.events)
    assert protocol.events == ["failed"]
    assert protocol.error is not None
    assert protocol.error.errno


def test_nothing_is_heard_of_a_cancelled_connection(world: World) -> None:
    protocols = [world.recorder() for _ in range(2)]
    made = world.loop.connect(world.sock.getsockname(), protocols[0], protocols[0].failed)
    refused = world.loop.connect(("255.255.255.255", 80), protocols[1], protocols[1].failed)
    for connecting in (made, refused):
        connecting.cancel()
        connecting.cancel()
    world.idle_turns(0.1)
    assert [protocol.events for protocol in protocols] == [[], []]


def test_cancelling_a_connection_that_was_made_changes_nothing(world: World) -> None:
    protocol = world.recorder()
    connecting = world.loop.connect(world.sock.getsockname(), protocol, protocol.failed)
    world.until(lambda: protocol.events)
    connecting.cancel()
    world.loop.turn(0)
    assert protocol.events == ["made"]


# --- callbacks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["made", "data", "eof"])
def test_a_callback_that_fails_costs_its_own_connection_only(
    world: World, event: str, caplog: pytest.LogCaptureFixture
) -> None:
    other_client, other = world.client()
    world.reacting[event] = broken
    client, protocol = world.client()
    with contextlib.suppress(OSError):  # it may be gone already
        client.sendall(b"x")
        client.shutdown(socket.SHUT_WR)
    world.until(lambda: protocol.lost)
    assert protocol.events[-2:] == [event, "lost"]
    assert protocol.error is None
    assert "broken callback" in caplog.text
    other_client.sendall(b"y")
    world.until(lambda: other.data)


def test_a_failing_pause_costs_the_slow_connection_and_not_the_writer(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    _, slow = world.client()
    client, writer = world.client()
    slow.reacting["pause"] = broken
    writer.reacting["data"] = lambda: slow.transport.write(b"x" * 8_000_000)
    client.sendall(b"go")
    world.until(lambda: slow.lost)
    assert not writer.lost
    assert "broken callback" in caplog.text


def test_a_failing_end_is_logged_and_the_others_end_too(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    pairs = [world.client() for _ in range(3)]
    pairs[0][1].reacting["lost"] = broken
    for _, protocol in pairs:
        protocol.transport.abort()
    world.loop.turn(0)
    assert all(protocol.events == ["made", "lost"] for _, protocol in pairs)
    assert "broken callback" in caplog.text


def test_a_factory_that_fails_costs_that_client_only(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.listener.close()
    world.loop.listen(world.sock, lambda: world.accept() if caplog.records else broken())
    refused = socket.create_connection(world.sock.getsockname(), PATIENCE_S)
    world.sockets.append(refused)
    world.until(lambda: caplog.records)
    assert receive_all(refused) == b""
    world.client()


def test_a_failing_failure_callback_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    protocol = world.recorder()
    protocol.reacting["failed"] = broken
    sock = listening(world.sockets)
    address = sock.getsockname()
    sock.close()
    for target in (address, ("255.255.255.255", 80)):
        caplog.clear()
        world.loop.connect(target, protocol, protocol.failed)
        world.until(lambda: "broken callback" in caplog.text)
    world.client()


def test_a_connection_is_lost_after_the_callback_that_ended_it(world: World) -> None:
    client, protocol = world.client()

    def end() -> None:
        protocol.transport.abort()
        protocol.transport.write(b"ignored")
        assert not protocol.lost

    protocol.reacting["data"] = end
    client.sendall(b"x")
    world.until(lambda: protocol.lost)
    assert protocol.events == ["made", "data", "lost"]


def test_a_connection_ended_by_another_hears_nothing_more(world: World) -> None:
    pairs = [world.client() for _ in range(2)]
    for (_, one), (_, other) in (pairs, pairs[::-1]):
        one.reacting["data"] = lambda other=other: other.transport.abort()
    for client, _ in pairs:
        client.sendall(b"x")
    world.until(lambda: any(protocol.lost for _, protocol in pairs))
    world.loop.turn(0)
    assert sorted(protocol.events for _, protocol in pairs) == [["made", "data"], ["made", "lost"]]


def test_a_lost_connection_may_be_replaced_at_once(world: World) -> None:
    """The new connection may get the old descriptor; it must not get its events."""
    _, protocol = world.client()
    replacement = world.recorder()
    address = world.sock.getsockname()
    protocol.reacting["lost"] = lambda: world.loop.connect(address, replacement, replacement.failed)
    protocol.transport.abort()
    world.until(lambda: replacement.events and len(world.made) == 2)
    replacement.transport.write(b"hello")
    world.until(lambda: world.made[1].data)
    assert replacement.events == ["made"]


# --- the loop itself ----------------------------------------------------------------------------


def test_a_turn_waits_no_longer_than_the_next_timer(build: Any, loop: Any) -> None:
    fired: list[float] = []
    loop.turn(0)
    started = loop.now
    loop.timers.schedule(started + 0.05, lambda: fired.append(loop.now))
    while not fired:
        loop.turn(60_000)
    assert 0.05 <= fired[0] - started < PATIENCE_S


def test_a_turn_without_limit_waits_for_the_next_timer(loop: Any) -> None:
    fired: list[bool] = []
    loop.turn(0)
    loop.timers.schedule(loop.now + 0.05, lambda: fired.append(True))
    turns = 0
    while not fired:
        loop.turn(-1)
        turns += 1
    assert turns <= 2


def test_time_is_read_once_per_turn(build: Any) -> None:
    clock = ManualClock(5.0)
    loop = build.Loop(clock)
    assert loop.now == 5.0
    clock.advance(1.0)
    assert loop.now == 5.0
    loop.turn(0)
    assert loop.now == 6.0
    assert loop.clock is clock
    loop.close()


def test_a_timer_that_is_due_runs_in_the_turn(build: Any) -> None:
    clock = ManualClock()
    loop = build.Loop(clock)
    fired: list[bool] = []
    loop.timers.schedule(1.0, lambda: fired.append(True))
    loop.turn(0)
    assert not fired
    clock.advance(1.1)
    loop.turn(0)
    assert fired
    loop.close()


def test_a_callback_for_soon_runs_before_the_next_wait_in_order(
    loop: Any, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    def again() -> None:
        calls.append("again")
        loop.call_soon(lambda: calls.append("third"))

    loop.call_soon(lambda: calls.append("first"))
    loop.call_soon(broken)
    loop.call_soon(again)
    loop.turn(-1)  # does not wait: something was left for soon
    assert calls == ["first", "again"]
    assert "broken callback" in caplog.text
    loop.foreign = True
    loop.turn(-1)
    assert calls == ["first", "again", "third"]


def test_an_end_outside_a_turn_is_told_in_the_next_without_waiting(world: World) -> None:
    _, protocol = world.client()
    protocol.reacting["lost"] = lambda: world.loop.call_soon(bool)
    protocol.transport.abort()
    assert not protocol.lost
    world.loop.turn(-1)
    assert protocol.lost


def test_a_foreign_descriptor_that_is_readable_is_noted(
    loop: Any, sockets: list[socket.socket]
) -> None:
    near, far = socket.socketpair()
    sockets += [near, far]
    loop.watch(near.fileno())
    loop.turn(0)
    assert not loop.foreign
    far.send(b"x")
    loop.turn(-1)
    assert loop.foreign
    loop.turn(-1)  # does not wait
    loop.unwatch(near.fileno())
    loop.foreign = False
    loop.turn(0)
    assert not loop.foreign


def test_closing_the_loop_ends_every_connection_but_not_foreign_sockets(
    build: Any, sockets: list[socket.socket]
) -> None:
    loop = build.Loop(SystemClock())
    world = World(build, loop, sockets)
    client, accepted = world.client()
    _, connected = world.server()
    pending = world.recorder()
    loop.connect(world.sock.getsockname(), pending, pending.failed)
    near, far = socket.socketpair()
    sockets += [near, far]
    loop.watch(near.fileno())
    loop.close()
    assert accepted.lost
    assert connected.lost
    assert pending.events == []
    assert receive_all(client) == b""
    assert world.sock.fileno() >= 0
    assert near.fileno() >= 0
    loop.unwatch(near.fileno())


def test_closing_the_loop_leaves_no_descriptor_behind(
    build: Any, sockets: list[socket.socket]
) -> None:
    """Not even when the end of a connection makes its owner connect again."""
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208  (names, not paths)
    loop = build.Loop(SystemClock())
    world = World(build, loop, sockets)
    client, protocol = world.client()
    again = world.recorder()
    address = world.sock.getsockname()
    protocol.reacting["lost"] = lambda: loop.connect(address, again, again.failed)
    loop.connect(("255.255.255.255", 80), again, again.failed)
    loop.close()
    assert protocol.lost
    assert again.events == []
    client.close()
    world.sock.close()
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_many_descriptors_are_served(world: World) -> None:
    """More than the table holds at first, if the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip("too few descriptors allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    fillers: list[int] = []
    try:
        while (filler := os.dup(world.sock.fileno())) < 1100:
            fillers.append(filler)
        os.close(filler)
        client, protocol = world.client()
        client.sendall(b"x")
        world.until(lambda: protocol.data)
    finally:
        for filler in fillers:
            os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_protocol_may_leave_every_callback_out(world: World) -> None:
    world.listener.close()
    world.loop.listen(world.sock, world.build.Protocol)
    client = socket.create_connection(world.sock.getsockname(), PATIENCE_S)
    world.sockets.append(client)
    client.sendall(b"x")
    client.shutdown(socket.SHUT_WR)
    assert world.idle_turns(0.1) <= 6
