"""The answer on its way to the client: its head, and a body that does not pass as it came.

Most answers pass unchanged, and cost this module one join. A :class:`BodyTransform` is made only
for a body that a plugin filters, or whose end the client would not see: a chunked one for an
HTTP/1.0 client, one ended by closing for an HTTP/1.1 client.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from colobus.gateway.answers import REASONS, Answer
from colobus.gateway.chain import Step, body_filter_steps, header_filter_steps, log_steps
from colobus.gateway.framing import LAST_CHUNK, ChunkedDecoder, chunk
from colobus.gateway.wire import ResponseHead, drop_lines, find, length_line

if TYPE_CHECKING:
    from colobus.gateway.exchange import Exchange

__all__ = ["BodyTransform", "own_answer", "proxied_head", "tunnel_head"]

CHUNKED_LINE: Final = b"Transfer-Encoding: chunked\r\n"
OK_LINE: Final = b"HTTP/1.1 200 OK\r\n"

# Most latencies are small; formatting one costs more than looking it up.
NUMBERS: Final = [b"%d" % number for number in range(1000)]


class BodyTransform:
    """Takes a body as it comes and returns it as it goes to the client.

    Args:
        exchange: whose answer it is.
        steps: the body filters, in order.
        decode: the body comes in chunks.
        encode: it goes in chunks, else as it is.
    """

    __slots__ = ("decoder", "encode", "exchange", "steps")

    def __init__(
        self, exchange: "Exchange", steps: Sequence[Step], *, decode: bool, encode: bool
    ) -> None:
        self.exchange = exchange
        self.steps = steps
        self.decoder = ChunkedDecoder() if decode else None
        self.encode = encode

    def feed(self, data: bytes, *, is_last: bool) -> bytes:
        """Return what goes out for a piece of the body."""
        if self.decoder is not None and data:
            data, _ = self.decoder.feed(data, 0)
        data = filtered(self.exchange, self.steps, data, is_last=is_last)
        if not self.encode:
            return data
        out = chunk(data) if data else b""
        return out + LAST_CHUNK if is_last else out


class NoBody:
    """Takes a body and lets nothing of it out: a plugin made another method of a client's HEAD."""

    __slots__ = ()

    def feed(self, data: bytes, *, is_last: bool) -> bytes:  # noqa: ARG002  (like BodyTransform)
        """Return nothing."""
        return b""


def filtered(exchange: "Exchange", steps: Sequence[Step], data: bytes, *, is_last: bool) -> bytes:
    """Run the body filters over one piece; an empty one that is not the last is none."""
    if data or is_last:
        for step in steps:
            data = step.run(exchange, step.config, data, is_last)
    return data


def proxied_head(exchange: "Exchange", head: ResponseHead, until_close: bool) -> bytes:
    """Return the head of a proxied answer for the client, and choose how its body passes.

    Raises:
        Exception: whatever a header filter raises.
    """
    environment = exchange.environment
    lines = head.lines if head.connection is None else drop_lines(head.lines, head.connection)
    steps = header_filter_steps(exchange)
    if steps or exchange.response_view is not None or log_steps(exchange):
        exchange.response.attach(head.status, lines, head.content_length)
        run_header_filters(exchange, steps)
        lines = exchange.response.lines
        if exchange.response.is_ended:
            return ended_head(exchange, lines)
    if environment.is_draining:
        exchange.keep_alive = False
    out = [status_line(head.status, head.reason), lines]
    if find(lines, b"date") is None:
        out.append(environment.date_line())
    if environment.latency_tokens:
        out.append(b"X-Kong-Upstream-Latency: ")
        out.append(milliseconds(exchange.answered_at - exchange.forwarded_at))
        out.append(b"\r\nX-Kong-Proxy-Latency: ")
        out.append(milliseconds(exchange.forwarded_at - exchange.started_at))
        out.append(b"\r\n")
    out.append(environment.via_line)
    out.append(proxied_framing(exchange, head, until_close))
    out.append(ending(exchange))
    return b"".join(out)


def ended_head(exchange: "Exchange", lines: bytes) -> bytes:
    """Return the head of an answer whose status a plugin changed and whose body it took away."""
    environment = exchange.environment
    if environment.is_draining or not exchange.client.can_read_on:
        exchange.keep_alive = False
    status = exchange.response.status_code
    out = [status_line(status), lines]
    if find(lines, b"date") is None:
        out.append(environment.date_line())
    out.append(environment.via_line)
    if status not in (204, 304):
        out.append(length_line(0))
    out.append(ending(exchange))
    return b"".join(out)


def tunnel_head(exchange: "Exchange", head: ResponseHead) -> bytes:
    """Return the head that tells the client that its tunnel is open.

    Raises:
        Exception: whatever a header filter raises.
    """
    lines = head.lines if head.connection is None else drop_lines(head.lines, head.connection)
    exchange.response.attach(head.status, lines, -1)
    run_header_filters(exchange, header_filter_steps(exchange))
    return b"".join(
        (
            status_line(101, head.reason),
            exchange.response.lines,
            exchange.environment.via_line,
            b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        )
    )


def own_answer(exchange: "Exchange", answer: Answer) -> bytes:
    """Return an answer of the gateway, whole.

    Raises:
        Exception: whatever a filter raises.
    """
    environment = exchange.environment
    if environment.is_draining:
        exchange.keep_alive = False
    response = exchange.response
    body = answer.body
    own_lines = environment.server_line + environment.date_line()
    response.attach(answer.status, answer.lines + own_lines, len(body))
    is_bodiless = exchange.is_head or answer.status in (204, 304)
    if answer.filtered:
        run_header_filters(exchange, header_filter_steps(exchange))
        if response.is_ended:
            body = b""
        elif not is_bodiless:
            body = filtered(exchange, wanted_filters(exchange), body, is_last=True)
    status = response.status_code
    out = [status_line(status), response.lines]
    if status not in (204, 304):
        out.append(length_line(len(body)))
    out.append(ending(exchange))
    head = b"".join(out)
    exchange.head_bytes = len(head)
    return head if is_bodiless else head + body


def wanted_filters(exchange: "Exchange") -> Sequence[Step]:
    """Return the body filters that want to see this answer."""
    steps = body_filter_steps(exchange)
    if not steps:
        return steps
    return [step for step in steps if step.asks is None or step.asks(exchange, step.config)]


def run_header_filters(exchange: "Exchange", steps: Sequence[Step]) -> None:
    """Run the header filters; the head of the answer is attached."""
    for step in steps:
        step.run(exchange, step.config)


def proxied_framing(exchange: "Exchange", head: ResponseHead, until_close: bool) -> bytes:
    """Return the framing line of a proxied answer, and set the transform its body needs."""
    is_http10 = exchange.head.http10
    if exchange.is_head or head.status in (204, 304):
        if exchange.is_head and exchange.head.method != b"HEAD":
            exchange.transform = NoBody()
        if head.chunked:
            return b"" if is_http10 or head.status == 204 else CHUNKED_LINE
        has_length = head.content_length >= 0 and head.status != 204
        return length_line(head.content_length) if has_length else b""
    filters = wanted_filters(exchange)
    if not filters and not until_close:
        if not head.chunked:
            return length_line(head.content_length)
        if not is_http10:
            return CHUNKED_LINE
    if filters or head.chunked or not is_http10:
        exchange.transform = BodyTransform(
            exchange, filters, decode=head.chunked, encode=not is_http10
        )
    if is_http10:
        exchange.keep_alive = False  # the end of the connection is the end of the body
        return b""
    return CHUNKED_LINE


def ending(exchange: "Exchange") -> bytes:
    """Return the last lines of a head: about the connection, and for debugging."""
    if exchange.keep_alive:
        out = b"Connection: keep-alive\r\n\r\n" if exchange.head.http10 else b"\r\n"
    else:
        out = b"Connection: close\r\n\r\n"
    if exchange.is_debugged and exchange.route is not None:
        name = exchange.route.name.encode()
        return b"Kong-Api-Name: %b\r\n%b" % (name, out)
    return out


def status_line(status: int, reason: bytes | None = None) -> bytes:
    """Return the status line; ``reason`` as the upstream sent it, else the usual one."""
    if status == 200 and (reason is None or reason == b"OK"):
        return OK_LINE
    return b"HTTP/1.1 %d %b\r\n" % (status, REASONS.get(status, b"") if reason is None else reason)


def milliseconds(seconds: float) -> bytes:
    """Return a duration as decimal milliseconds."""
    number = int(seconds * 1000)
    return NUMBERS[number] if 0 <= number < 1000 else b"%d" % max(0, number)
