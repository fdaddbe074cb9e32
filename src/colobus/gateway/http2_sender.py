"""What a connection of HTTP/2 sends: a frame of each stream in turn, as the windows allow."""

from typing import Final

from h2.errors import ErrorCodes

from colobus.gateway.http2_frames import FrameWatch
from colobus.gateway.http2_machine import Machine
from colobus.gateway.http2_stream import Stream

__all__ = ["Sender"]

# A larger frame, where the client allows it, would only let the other streams wait.
FRAME_BYTES: Final = 16_384


class Sender:
    """Turns answers into frames.

    Args:
        machine: of the connection.
        watch: told what passes.

    Attributes:
        ready: streams that may be able to send, in the order of their turns.
        blocked: streams that wait for a window.
    """

    __slots__ = ("blocked", "machine", "ready", "watch")

    def __init__(self, machine: Machine, watch: FrameWatch) -> None:
        self.machine = machine
        self.watch = watch
        self.ready: dict[Stream, None] = {}
        self.blocked: dict[Stream, None] = {}

    def forget(self, stream: Stream) -> None:
        """Note that there is nothing more to be sent on a stream."""
        self.ready.pop(stream, None)
        self.blocked.pop(stream, None)

    def add(self, stream: Stream) -> None:
        """Note that a stream has something to send."""
        if stream not in self.blocked:
            self.ready[stream] = None

    def window_opened(self, stream: Stream | None) -> None:
        """Note that a stream, or with None every stream, may send more."""
        opened = list(self.blocked) if stream is None else [stream]
        for each in opened:
            if each in self.blocked:
                del self.blocked[each]
                self.ready[each] = None

    def next_frame(self) -> Stream | None:
        """Make a frame of the stream whose turn it is; return the stream if that was its last."""
        stream = next(iter(self.ready))
        del self.ready[stream]
        if not stream.is_head_sent:
            if not stream.answer.status:
                return None
            is_last = self.is_last(stream)
            stream.is_head_sent = True
            self.machine.send_headers(stream.number, stream.answer.fields, end_stream=is_last)
        elif stream.out:
            size = self.window(stream)
            if size <= 0:
                self.blocked[stream] = None
                stream.wait_for_window()
                return None
            is_last = self.send_payload(stream, size)
        elif stream.is_answered:
            is_last = True
            self.send_end(stream)
        else:
            return None
        if is_last:
            return stream
        if stream.out or stream.is_answered:
            self.ready[stream] = None  # behind the others
        return None

    def window(self, stream: Stream) -> int:
        """Return how many bytes the next frame of a stream may hold."""
        return min(self.machine.local_flow_control_window(stream.number), FRAME_BYTES)

    def send_payload(self, stream: Stream, size: int) -> bool:
        """Send at most ``size`` bytes; return whether they were the last of the answer."""
        data = bytes(stream.out[:size])
        del stream.out[:size]
        is_last = self.is_last(stream)
        self.machine.send_data(stream.number, data, end_stream=is_last)
        self.watch.passed(len(data))
        stream.took()
        return is_last

    def send_end(self, stream: Stream) -> None:
        """Send what follows the last byte of an answer."""
        trailers = stream.answer.trailers
        if trailers:
            self.machine.send_headers(stream.number, trailers, end_stream=True)
        else:
            self.machine.end_stream(stream.number)

    def is_last(self, stream: Stream) -> bool:
        """Say whether nothing of a stream is left to be sent."""
        return stream.is_answered and not stream.out and not stream.answer.trailers

    def send_continue(self, stream: Stream) -> None:
        """Tell a client that waits for it to send its body."""
        if not stream.is_head_sent:
            self.machine.send_headers(stream.number, [(b":status", b"100")])

    def reset(self, number: int, code: ErrorCodes) -> None:
        """End a stream early."""
        self.machine.reset_stream(number, code)
