"""One line of an access log: nginx's ``combined`` format and two times.

::

    $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent
    "$http_referer" "$http_user_agent" $request_time $upstream_response_time

Times are seconds with three decimals; ``-`` stands for what there is none of. Built by one join
of parts most of which exist already: the data path does this for every request.
"""

from datetime import UTC, datetime
from typing import Final

from colobus.clock import Clock

__all__ = ["TimeStamp", "combined_line", "request_line"]

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Most numbers of a line are small; formatting one costs more than looking it up.
NUMBERS: Final = [b"%d" % number for number in range(4096)]
MILLISECONDS: Final = [b"0.%03d" % number for number in range(1000)]


class TimeStamp:
    """The local time of a line, made once for each second.

    Args:
        clock: time. A clock that jumps is followed within a second.
    """

    __slots__ = ("clock", "text", "until")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.text = b""
        self.until = float("-inf")

    def at(self, now: float) -> bytes:
        """Return ``[24/Nov/2026:22:30:00 +0000]``; ``now`` is the clock's monotonic time."""
        if now >= self.until:
            self.renew(now)
        return self.text

    def renew(self, now: float) -> None:
        """Write down this second, and when the next one begins."""
        seconds = self.clock.time()
        self.until = now + 1.0 - seconds % 1.0
        local = datetime.fromtimestamp(int(seconds), UTC).astimezone()
        month = MONTHS[local.month - 1]  # strftime would ask the locale
        self.text = local.strftime(f"[%d/{month}/%Y:%H:%M:%S %z]").encode()


def request_line(method: bytes, target: bytes, protocol: bytes) -> bytes:
    """Return ``$request`` of parts that are escaped."""
    return b"".join((method, b" ", target, b" ", protocol))


def combined_line(
    address: bytes,
    user: bytes,
    stamp: bytes,
    request: bytes,
    status: int,
    size: int,
    referer: bytes,
    agent: bytes,
    request_time: float,
    upstream_time: float,
) -> bytes:
    """Return one line with its line feed.

    Every text is escaped already. ``upstream_time`` is negative when no upstream was asked.
    """
    return b"".join(
        (
            address,
            b" - ",
            user,
            b" ",
            stamp,
            b' "',
            request,
            b'" ',
            number(status),
            b" ",
            number(size),
            b' "',
            referer,
            b'" "',
            agent,
            b'" ',
            seconds(request_time),
            b" ",
            b"-" if upstream_time < 0 else seconds(upstream_time),
            b"\n",
        )
    )


def number(value: int) -> bytes:
    """Return a number that is not negative in decimal."""
    return NUMBERS[value] if value < 4096 else b"%d" % value


def seconds(duration: float) -> bytes:
    """Return seconds with three decimals."""
    milliseconds = int(duration * 1000.0)
    if milliseconds < 0:
        return MILLISECONDS[0]
    if milliseconds < 1000:
        return MILLISECONDS[milliseconds]
    return b"%d.%03d" % (milliseconds // 1000, milliseconds % 1000)
