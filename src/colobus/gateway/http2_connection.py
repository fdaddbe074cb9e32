"""One connection of a client that speaks HTTP/2: pumps bytes between transport and machine.

It takes a connection over from ``client.py``, which knows from TLS (ALPN) or from the first bytes
what is spoken. Each request becomes a stream (``http2_stream.py``), which goes the way of all
requests; what is sent waits in ``http2_sender.py`` for its turn.

::

    OPEN ──drain──► LEAVING: "no stream is the last" ──PING answered, or a second──► REFUSING
      │                                                                                 │
      └──error, abuse──► GOAWAY, all streams abandoned ──► ENDED ◄──the last stream ends┘

In two steps, because a request may cross with the first GOAWAY (RFC 9113 §6.8): a client loses
none by a reload.
"""

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from h2 import events as h2
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError as MachineError, StreamClosedError

from colobus.errors import AbuseError, MalformedError, ProtocolError
from colobus.gateway.closing import Closing
from colobus.gateway.http2_frames import FrameWatch
from colobus.gateway.http2_limits import (
    CONCURRENT_STREAMS,
    DRAIN_NOTICE_S,
    RESET_BURST,
    RESETS_PER_S,
    UNREAD_BYTES,
    Budget,
)
from colobus.gateway.http2_machine import NO_LIMIT, Machine, goaway
from colobus.gateway.http2_request import check_trailers, request_head
from colobus.gateway.http2_sender import Sender
from colobus.gateway.http2_stream import Stream
from colobus.gateway.loop import Protocol, Transport
from colobus.gateway.presence import ABSENT, WAITING, WRITING

if TYPE_CHECKING:
    from colobus.gateway.client_end import ClientEnd

__all__ = ["Http2Connection"]

OPEN: Final = 0
LEAVING: Final = 1
REFUSING: Final = 2
ENDED: Final = 3

# What the deadline of the connection is for.
NOTHING: Final = 0
FOR_REQUEST: Final = 1
FOR_HEAD: Final = 2
FOR_CLIENT: Final = 3

DRAIN_PING: Final = b"draining"
# Frames made between two writes; several share a system call and a TLS record.
FRAMES_PER_WRITE: Final = 8

logger = logging.getLogger(__name__)


class Http2Connection(Protocol):
    """See the module.

    Args:
        client: whose place it takes.
        transport: its connection.
        counted: what it counts as (``presence.py``).

    Attributes:
        streams: those not yet ended, by number.
        requests: heads read so far.
    """

    __slots__ = (
        "counted",
        "environment",
        "forwarded",
        "is_flush_due",
        "is_trusted",
        "last_number",
        "machine",
        "peer",
        "requests",
        "resets",
        "scheme",
        "sender",
        "serial",
        "state",
        "streams",
        "timer",
        "timing",
        "transport",
        "unsent",
        "watch",
        "write_paused",
    )

    def __init__(self, client: "ClientEnd", transport: Transport, counted: int) -> None:
        environment = client.environment
        loop = environment.loop
        self.environment = environment
        self.serial = client.serial
        self.peer = client.peer
        self.is_trusted = client.is_trusted
        self.scheme = client.scheme
        self.forwarded = client.forwarded
        self.transport = transport
        self.counted = counted
        self.requests = 0
        self.last_number = 0
        self.state = OPEN
        self.timing = NOTHING
        self.timer = loop.timers.schedule(loop.now, self.on_timer)
        self.streams: dict[int, Stream] = {}
        self.machine = Machine()
        self.watch = FrameWatch(loop.now)
        self.sender = Sender(self.machine, self.watch)
        self.resets = Budget(RESET_BURST, RESETS_PER_S, loop.now)
        self.is_flush_due = False
        self.write_paused = False
        self.unsent = 0  # buffered bytes when the send timeout was last looked at
        environment.clients.discard(client)
        environment.clients.add(self)
        transport.protocol = self

    def __repr__(self) -> str:
        return f"<Http2Connection {self.serial} state {self.state}, {len(self.streams)} streams>"

    def start(self, data: bytes) -> None:
        """Greet, and take what came already."""
        self.write_out()
        self.settle()
        if data:
            self.data_received(data)
        if self.environment.is_draining:
            self.drain()

    # Receiving.

    def data_received(self, data: bytes) -> None:
        """Take frames, and serve the requests that they complete."""
        begun: list[Stream] = []
        try:
            seen = self.watch.feed(data, self.environment.loop.now)
            for event in self.machine.receive_data(seen):
                self.take(event, begun)
        except AbuseError as error:
            logger.info("HTTP/2 with %s: %s", self.peer, error)
            self.end(ErrorCodes.ENHANCE_YOUR_CALM)
            return
        except MalformedError as error:
            logger.info("HTTP/2 with %s: %s", self.peer, error)
            self.end(ErrorCodes.FRAME_SIZE_ERROR)
            return
        except MachineError as error:
            logger.info("HTTP/2 with %s: %s", self.peer, error)
            self.end(error.error_code)
            return
        for stream in begun:
            stream.start()
        self.flush()

    def take(self, event: h2.Event, begun: list[Stream]) -> None:
        """Act on an event of the machine; streams that are to start are added to ``begun``.

        Raises:
            AbuseError: the client went too far.
        """
        match event:
            case h2.RequestReceived():
                self.take_request(event, begun)
            case h2.DataReceived():
                self.take_payload(event)
            case h2.TrailersReceived():
                self.take_trailers(event)
            case h2.StreamReset():
                stream = self.streams.get(event.stream_id)
                if stream is not None:
                    self.count_reset()
                    self.forget(stream)
            case h2.WindowUpdated():
                self.window_opened(event.stream_id)
            case h2.RemoteSettingsChanged():
                self.sender.window_opened(None)
            case h2.PingAckReceived():
                if event.ping_data == DRAIN_PING:
                    self.refuse_new()
            case _:
                pass  # of interest to the machine alone

    def take_request(self, event: h2.RequestReceived, begun: list[Stream]) -> None:
        """Take the head of a request."""
        number = event.stream_id
        if self.state >= REFUSING or len(self.streams) >= CONCURRENT_STREAMS:
            self.sender.reset(number, ErrorCodes.REFUSED_STREAM)
            self.count_reset()
            return
        self.last_number = number
        is_whole = event.stream_ended is not None
        self.requests += 1
        stream = Stream(self, number)
        try:
            head = request_head(event.headers, self.environment.limits, is_whole=is_whole)
        except MalformedError as error:
            self.refuse_stream(number, error)
            return
        except ProtocolError as error:
            stream.is_request_over = is_whole
            self.streams[number] = stream
            stream.refuse(error.status)
            return
        self.streams[number] = stream
        self.environment.stats.request_begun()
        stream.take_head(head, is_whole=is_whole)
        begun.append(stream)

    def take_payload(self, event: h2.DataReceived) -> None:
        """Take a piece of a body."""
        number = event.stream_id
        stream = self.streams.get(number)
        flow = event.flow_controlled_length
        if stream is None:
            self.acknowledge(number, flow)  # it ended in the same read
            return
        try:
            stream.take_payload(event.data, flow, is_last=event.stream_ended is not None)
        except MalformedError as error:
            self.refuse_stream(number, error)

    def take_trailers(self, event: h2.TrailersReceived) -> None:
        """Take the end of a body that has trailers; they go no further."""
        stream = self.streams.get(event.stream_id)
        if stream is None:
            return
        try:
            check_trailers(event.headers)
            stream.take_payload(b"", 0, is_last=True)
        except MalformedError as error:
            self.refuse_stream(event.stream_id, error)

    def refuse_stream(self, number: int, error: MalformedError) -> None:
        """End a stream whose message is none."""
        logger.info("HTTP/2 with %s, stream %d: %s", self.peer, number, error)
        stream = self.streams.get(number)
        if stream is None:
            self.sender.reset(number, ErrorCodes.PROTOCOL_ERROR)
        else:
            self.reset(stream, ErrorCodes.PROTOCOL_ERROR)
        self.count_reset()

    def count_reset(self) -> None:
        """Count a stream that the client brought to an early end.

        Raises:
            AbuseError: there were too many of them.
        """
        if not self.resets.spend(self.environment.loop.now):
            raise AbuseError("too many streams reset")

    def window_opened(self, number: int) -> None:
        """Let a stream, or with 0 all of them, send on."""
        if number == 0:
            self.sender.window_opened(None)
        elif number in self.streams:
            self.sender.window_opened(self.streams[number])

    # Sending.

    def wants_to_send(self, stream: Stream) -> None:
        """Send for a stream, soon: what else comes up meanwhile goes along."""
        self.sender.add(stream)
        self.flush_soon()

    def flush_soon(self) -> None:
        """Flush before the loop waits again."""
        if not self.is_flush_due:
            self.is_flush_due = True
            self.environment.loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what can be sent."""
        self.is_flush_due = False
        if self.state == ENDED:
            return
        sender = self.sender
        frames = 0
        while sender.ready and not self.write_paused:
            finished = sender.next_frame()
            if finished is not None:
                self.finish(finished)
            frames += 1
            if frames % FRAMES_PER_WRITE == 0:
                self.write_out()
        self.write_out()
        self.settle()

    def write_out(self) -> None:
        """Hand the frames that were made to the transport."""
        data = self.machine.data_to_send()
        if data:
            self.transport.write(data)
        if self.transport.buffered > UNREAD_BYTES:
            self.transport.abort()

    def send_continue(self, stream: Stream) -> None:
        """Tell a client to send its body."""
        self.sender.send_continue(stream)
        self.flush_soon()

    def acknowledge(self, number: int, size: int) -> None:
        """Let the client send ``size`` bytes more."""
        if self.state != ENDED and size:
            self.machine.acknowledge_received_data(size, number)
            self.flush_soon()

    # Streams.

    def finish(self, stream: Stream) -> None:
        """Forget a stream whose last frame was made; a body that nobody wants is cut short."""
        if not stream.is_request_over:
            with suppress(StreamClosedError):
                self.sender.reset(stream.number, ErrorCodes.NO_ERROR)
        self.forget(stream)

    def reset(self, stream: Stream, code: ErrorCodes) -> None:
        """End a stream early."""
        if stream.is_gone:
            return
        if self.state != ENDED:
            with suppress(StreamClosedError):
                self.sender.reset(stream.number, code)
            self.flush_soon()
        self.forget(stream)

    def forget(self, stream: Stream) -> None:
        """Let go of a stream that ended."""
        del self.streams[stream.number]
        self.sender.forget(stream)
        stream.end()
        self.acknowledge(stream.number, stream.unacknowledged)
        stream.unacknowledged = 0
        if not self.streams:
            self.timing = NOTHING  # the wait for the next request begins anew

    # Time and the end.

    def settle(self) -> None:
        """Choose what to wait for next, and for how long."""
        if self.state == ENDED:
            return
        if self.streams:
            self.count_as(WRITING)
        elif self.state == REFUSING or self.watch.is_leaving:
            # What the client says about windows still comes, and would turn closing into a reset
            # that costs it the end of the answer.
            self.leave(linger=True)
            return
        elif self.requests:
            self.count_as(WAITING)
        settings = self.environment.settings
        if self.write_paused:
            return
        if self.watch.is_in_headers:
            self.wait_for(FOR_HEAD, settings.head_timeout)
        elif not self.streams:
            timeout = settings.idle_timeout if self.requests else settings.head_timeout
            self.wait_for(FOR_REQUEST, timeout)
        else:
            self.timing = NOTHING
            self.timer.rest()

    def wait_for(self, timing: int, seconds: float) -> None:
        """Start to wait, unless that is what is being waited for already."""
        if self.timing != timing:
            self.timing = timing
            self.timer.move(self.environment.loop.now + seconds)

    def on_timer(self) -> None:
        """Act on a deadline that was met."""
        if self.timing == FOR_CLIENT:
            if self.transport.buffered < self.unsent:
                self.unsent = self.transport.buffered
                self.timer.move(self.environment.loop.now + self.environment.settings.send_timeout)
            else:
                self.transport.abort()
        elif self.timing == FOR_HEAD:
            self.end(ErrorCodes.NO_ERROR)
        elif self.timing == FOR_REQUEST:
            self.leave(linger=False)

    def pause_writing(self) -> None:
        """Make no more frames: the client does not read."""
        self.write_paused = True
        self.unsent = self.transport.buffered
        self.wait_for(FOR_CLIENT, self.environment.settings.send_timeout)

    def resume_writing(self) -> None:
        """Go on."""
        self.write_paused = False
        self.timing = NOTHING
        self.flush_soon()

    def drain(self) -> None:
        """Serve what is going on to its end, and nothing after it."""
        if self.state != OPEN:
            return
        self.state = LEAVING
        loop = self.environment.loop
        self.machine.ping(DRAIN_PING)
        self.transport.write(goaway(NO_LIMIT, ErrorCodes.NO_ERROR) + self.machine.data_to_send())
        loop.timers.schedule(loop.now + DRAIN_NOTICE_S, self.refuse_new)

    def refuse_new(self) -> None:
        """Serve no request that comes from now on."""
        if self.state == LEAVING:
            if not self.streams:
                self.leave(linger=False)  # it was idle for a round trip at least
                return
            self.state = REFUSING
            self.transport.write(goaway(self.last_number, ErrorCodes.NO_ERROR))

    def leave(self, *, linger: bool) -> None:
        """Close, with nothing going on."""
        if self.state != REFUSING:
            self.transport.write(goaway(self.last_number, ErrorCodes.NO_ERROR))
        self.take_leave(linger=linger)

    def end(self, code: ErrorCodes) -> None:
        """Close because of the client, and say why."""
        # The machine does not always say so; what else it had to say matters no more.
        self.machine.clear_outbound_data_buffer()
        self.transport.write(goaway(self.last_number, code))
        self.take_leave(linger=True)

    def take_leave(self, *, linger: bool) -> None:
        """Hand the connection over to be ended."""
        self.stop()
        if linger or self.transport.buffered:
            loop = self.environment.loop
            send_timeout = self.environment.settings.send_timeout
            Closing(loop, self.transport, self.connection_lost, send_timeout, linger=linger)
        else:
            self.transport.close()

    def stop(self) -> None:
        """Abandon what is going on."""
        self.state = ENDED
        self.timer.cancel()
        for stream in list(self.streams.values()):
            self.forget(stream)

    def eof_received(self) -> None:
        """Act on a client that will send no more, not even windows: it has left."""
        self.abort()

    def connection_lost(self, error: OSError | None) -> None:  # noqa: ARG002  (any end is one)
        """Act on the end."""
        self.stop()
        if self.counted != ABSENT:
            self.count_as(ABSENT)
            self.environment.stats.connections_active -= 1
            self.environment.forget(self)

    def abort(self) -> None:
        """End now."""
        self.transport.abort()

    def count_as(self, kind: int) -> None:
        """Count this connection under another heading of ``GET /status``."""
        if kind != self.counted:
            self.environment.stats.moved(self.counted, kind)
            self.counted = kind
