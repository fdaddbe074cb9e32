"""A client of HTTP/2 on a plain or TLS socket, that can also say what no client should."""

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from hyperframe.frame import Frame

from colobus.testing.gateway import GatewayHarness

__all__ = ["Answer", "Http2Client", "http2_client", "request"]

Fields = list[tuple[str, str]]


def request(path: str = "/", *fields: tuple[str, str], method: str = "GET") -> Fields:
    """Return the fields of a request."""
    return [
        (":method", method),
        (":scheme", "http"),
        (":authority", "shop.test"),
        (":path", path),
        *fields,
    ]


@dataclass
class Answer:
    """What came on a stream so far."""

    fields: dict[str, str] = field(default_factory=dict)
    interim: list[str] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0
    """Bytes of its body so far."""
    trailers: dict[str, str] = field(default_factory=dict)
    is_over: bool = False
    reset: int | None = None
    """The code of its reset, ours or the gateway's."""

    @property
    def body(self) -> bytes:
        """Its body so far."""
        return b"".join(self.pieces)

    @property
    def status(self) -> str:
        """Its status; empty as long as there is none."""
        return self.fields.get(":status", "")


class Http2Client:
    """One connection.

    Attributes:
        answers: by stream.
        goaways: code and last stream of each GOAWAY.
        acknowledges: gives windows back at once; else the test does.
        is_ended: the gateway closed.
    """

    def __init__(self, sock: socket.socket, *, acknowledges: bool = True) -> None:
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.acknowledges = acknowledges
        self.machine = H2Connection(
            H2Configuration(
                header_encoding="utf-8",
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.answers: dict[int, Answer] = {}
        self.goaways: list[tuple[int, int]] = []
        self.pongs = 0
        self.is_ended = False
        self.held = b""
        self.machine.initiate_connection()
        self.flush()

    def flush(self) -> None:
        """Send what the machine has to send."""
        self.sock.sendall(self.machine.data_to_send())

    def send_frames(self, *frames: Frame) -> None:
        """Send frames behind the machine's back."""
        self.sock.sendall(b"".join(frame.serialize() for frame in frames))

    def begin(self, fields: Fields, *, is_whole: bool = True) -> int:
        """Send the head of a request; return its stream."""
        number: int = self.machine.get_next_available_stream_id()
        self.machine.send_headers(number, fields, end_stream=is_whole)
        self.answers[number] = Answer()
        self.flush()
        return number

    def send_body(self, number: int, data: bytes, *, is_last: bool = True) -> None:
        """Send a body, as the windows allow, reading meanwhile."""
        at = 0
        while at < len(data):
            size = self.send_piece(number, data[at : at + 16_384])
            at += size
            if size == 0:
                self.read_once()
        if is_last:
            self.machine.end_stream(number)
            self.flush()

    def send_piece(self, number: int, data: bytes) -> int:
        """Send the beginning of ``data``, as far as the windows allow; return its size."""
        window: int = self.machine.local_flow_control_window(number)
        size = min(window, len(data), 16_384)
        if size:
            self.machine.send_data(number, data[:size])
            self.flush()
        return size

    def read_once(self) -> None:
        """Wait for something, and act on it."""
        try:
            data = self.sock.recv(65_536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.is_ended = True
            return
        for event in self.machine.receive_data(self.without_goaways(data)):
            self.take(event)
        self.flush()

    def without_goaways(self, data: bytes) -> bytes:
        """Note GOAWAY frames and take them out: the library would stop at the first one."""
        self.held += data
        kept = b""
        while len(self.held) >= 9:
            length = int.from_bytes(self.held[:3], "big")
            if len(self.held) < 9 + length:
                break
            frame, self.held = self.held[: 9 + length], self.held[9 + length :]
            if frame[3] == 7:
                last, code = (int.from_bytes(frame[at : at + 4], "big") for at in (9, 13))
                self.goaways.append((code, last))
            else:
                kept += frame
        return kept

    def take(self, event: events.Event) -> None:
        """Note what an event says."""
        match event:
            case events.ResponseReceived():
                self.answers[event.stream_id].fields = dict(text(event.headers))
            case events.InformationalResponseReceived():
                status = dict(text(event.headers))[":status"]
                self.answers[event.stream_id].interim.append(status)
            case events.DataReceived():
                self.answers[event.stream_id].pieces.append(event.data)
                self.answers[event.stream_id].size += len(event.data)
                if self.acknowledges:
                    size = event.flow_controlled_length
                    self.machine.acknowledge_received_data(size, event.stream_id)
            case events.TrailersReceived():
                self.answers[event.stream_id].trailers = dict(text(event.headers))
            case events.StreamEnded():
                self.answers[event.stream_id].is_over = True
            case events.StreamReset():
                self.answers[event.stream_id].reset = event.error_code
            case events.PingAckReceived():
                self.pongs += 1
            case _:
                pass

    def until(self, condition: Callable[[], object]) -> None:
        """Read until ``condition`` holds; the socket's timeout bounds the wait."""
        while not condition():
            assert not self.is_ended, f"the gateway closed: {self.goaways}"
            self.read_once()

    def until_ended(self) -> None:
        """Read until the gateway closes."""
        while not self.is_ended:
            self.read_once()
        self.sock.close()

    def finish(self, number: int) -> Answer:
        """Wait for the end of a stream; return what came on it."""
        answer = self.answers[number]
        self.until(lambda: answer.is_over or answer.reset is not None)
        return answer

    def ask(self, fields: Fields, body: bytes | None = None) -> Answer:
        """Send a request and wait for its answer."""
        number = self.begin(fields, is_whole=body is None)
        if body is not None:
            self.send_body(number, body)
        return self.finish(number)

    def reset(self, number: int, code: int = 8) -> None:
        """Reset a stream."""
        self.machine.reset_stream(number, code)
        self.flush()

    def ping(self) -> None:
        """Wait until the gateway has acted on everything that was sent."""
        expected = self.pongs + 1
        self.machine.ping(b"testping")
        self.flush()
        self.until(lambda: self.pongs >= expected)


def text(fields: Iterable[tuple[str | bytes, str | bytes]] | None) -> Iterator[tuple[str, str]]:
    """Yield fields as text."""
    for name, value in fields or ():
        yield (
            name if isinstance(name, str) else name.decode(),
            value if isinstance(value, str) else value.decode(),
        )


@contextmanager
def http2_client(gateway: GatewayHarness, *, acknowledges: bool = True) -> Iterator[Http2Client]:
    """Connect a client that begins with HTTP/2."""
    with gateway.connect() as sock:
        yield Http2Client(sock, acknowledges=acknowledges)
