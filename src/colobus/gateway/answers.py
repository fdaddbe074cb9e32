"""Answers the gateway itself gives: JSON messages, error pages, and what a plugin asked for. Pure.

Two forms exist and stay apart (reference: proxying §2.10, plugin-framework §4). A *message* is
JSON whatever the client accepts, and passes the filters of the plugins. A *page* is for what the
protocol or the upstream got wrong, comes in the form the client accepts, and passes no filter.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from colobus.gateway.headers import header_line
from colobus.plugins.context import ShortCircuit

__all__ = [
    "REASONS",
    "Answer",
    "error_page",
    "https_required",
    "json_message",
    "no_api",
    "short_circuit",
    "unavailable",
    "unexpected_error",
    "whole",
]

REASONS: Final[Mapping[int, bytes]] = {
    status.value: status.phrase.encode() for status in HTTPStatus
}

PAGE_MESSAGES: Final[Mapping[int, str]] = {
    400: "Bad request",
    404: "Not found",
    408: "Request timeout",
    411: "Length required",
    412: "Precondition failed",
    413: "Payload too large",
    414: "URI too long",
    417: "Expectation failed",
    500: "An unexpected error occurred",
    502: "An invalid response was received from the upstream server",
    503: "The upstream server is currently unavailable",
    504: "The upstream server is timing out",
}
DEFAULT_MESSAGES: Final[Mapping[int, str]] = {
    401: "Unauthorized",
    404: "Not found",
    503: "Service unavailable",
}
# Whatever the plugin said; what went wrong inside is for the log alone.
FIXED_MESSAGES: Final[Mapping[int, str]] = {
    405: "Method not allowed",
    500: "An unexpected error occurred",
}
JSON_LINE = b"Content-Type: application/json; charset=utf-8\r\n"


class Answer:
    """One answer of the gateway, without what depends on the connection.

    Attributes:
        status: the status.
        lines: header lines, each with its CRLF; without framing, Server and Date.
        body: the body, as a GET would get it.
        filtered: the header and body filters of plugins see it.
    """

    __slots__ = ("body", "filtered", "lines", "status")

    def __init__(self, status: int, lines: bytes, body: bytes, *, filtered: bool) -> None:
        self.status = status
        self.lines = lines
        self.body = body
        self.filtered = filtered

    def __repr__(self) -> str:
        return f"<Answer {self.status}, {len(self.body)} bytes>"


def json_message(status: int, message: str, lines: bytes = b"") -> Answer:
    """Return ``{"message": …}``."""
    return Answer(status, JSON_LINE + lines, encoded({"message": message}), filtered=True)


def no_api() -> Answer:
    """Return the answer to a request that no API matches."""
    return json_message(404, "no API found with those values")


def https_required() -> Answer:
    """Return the answer to plain HTTP where ``https_only`` is set (reference: proxying §2.5)."""
    return json_message(
        426,
        "Please use HTTPS protocol",
        b"Connection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n",
    )


def unavailable() -> Answer:
    """Return the answer when no upstream address or no datastore can be had."""
    return json_message(503, DEFAULT_MESSAGES[503])


def unexpected_error() -> Answer:
    """Return the answer when something of ours broke."""
    return json_message(500, FIXED_MESSAGES[500])


def error_page(status: int, accept: bytes | None) -> Answer:
    """Return the page for ``status`` in the form that the Accept header asks for."""
    message = PAGE_MESSAGES.get(status) or REASONS.get(status, b"Error").decode()
    content_type, body = page_form(message, accept)
    lines = b"Content-Type: " + content_type + b"\r\n"
    return Answer(status, lines, body.encode() + b"\n", filtered=False)


def page_form(message: str, accept: bytes | None) -> tuple[bytes, str]:
    """Return content type and text; substrings decide, in this order, and no quality values."""
    if accept is not None:
        if b"text/html" in accept:
            return b"text/html", (
                "<html><head><title>Colobus Error</title></head>"
                f"<body><h1>Colobus Error</h1><p>{message}.</p></body></html>"
            )
        if b"application/json" in accept:
            return b"application/json", json.dumps({"message": message}, separators=(",", ":"))
        if b"application/xml" in accept:
            return b"application/xml", (
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<error><message>{message}</message></error>"
            )
    return b"text/plain", message


def short_circuit(asked: ShortCircuit, accept: bytes | None) -> Answer:
    """Return what a plugin asked for (plugin-framework §4).

    An error status without any body gets the page a web server would have given.
    """
    status = asked.status
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is no status of a final answer")
    lines = header_lines(asked.headers)
    if status in (204, 304):
        return Answer(status, lines, b"", filtered=True)
    body = asked.body
    if status in FIXED_MESSAGES and not isinstance(body, bytes):
        body = FIXED_MESSAGES[status]
    elif body is None:
        body = DEFAULT_MESSAGES.get(status)
    if body is None:
        if status < 400:
            return Answer(status, lines, b"", filtered=True)
        page = error_page(status, accept)
        content = page.body
        default_type = page.lines
    else:
        content = encoded({"message": body} if isinstance(body, str) else body)
        default_type = JSON_LINE
    if not has_content_type(asked.headers):
        lines = default_type + lines
    return Answer(status, lines, content, filtered=True)


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Return the lines of a plugin's headers; those of framing are the gateway's own."""
    return b"".join(
        header_line(name, str(value))
        for name, value in headers.items()
        if name.lower() not in ("content-length", "transfer-encoding", "connection", "server")
    )


def has_content_type(headers: Mapping[str, str]) -> bool:
    """Say whether a plugin chose the content type itself."""
    return any(name.lower() == "content-type" for name in headers)


def whole(answer: Answer, lines: bytes) -> bytes:
    """Return an answer as it is sent, with the lines that depend on the connection."""
    reason = REASONS.get(answer.status, b"")
    return b"HTTP/1.1 %d %b\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
        answer.status,
        reason,
        answer.lines,
        lines,
        len(answer.body),
        answer.body,
    )


def encoded(body: object) -> bytes:
    """Return bytes as they are, and everything else as JSON with the newline Kong ends it with."""
    if isinstance(body, bytes):
        return body
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogateescape") + b"\n"
