"""Answers: what the Admin API sends back (reference: admin-api §1.1 "Standard status bodies")."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from starlette.types import Receive, Send

__all__ = [
    "NOT_FOUND",
    "NO_CONTENT",
    "Answer",
    "Refused",
    "Stream",
    "empty",
    "html_page",
    "json_answer",
    "message",
]

Stream = Callable[[Receive, Send], Awaitable[None]]

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        status: the HTTP status.
        body: the encoded body.
        content_type: its type; None for an answer that can have no body.
        headers: further headers, in order.
        is_early: the request's body was not read to its end, so the connection must be closed.
        stream: sends the body, in place of ``body``, and learns when the client is gone.
    """

    status: int
    body: bytes = b""
    content_type: str | None = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    is_early: bool = False
    stream: Stream | None = None

    def with_header(self, name: str, value: str) -> "Answer":
        """Return the answer with one more header."""
        return replace(self, headers=(*self.headers, (name, value)))


class Refused(Exception):  # noqa: N818  (control flow: the request ends here with this answer)
    """Ends a request with ``answer``, wherever it is raised."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(status: int, content: Mapping[str, Any] | Sequence[Any]) -> Answer:
    """Return ``content`` as JSON with a newline at its end.

    Text that is not Unicode (half a surrogate pair in a path) is shown with question marks.
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Answer(status, text.encode("utf-8", "replace") + b"\n")


def message(status: int, text: str) -> Answer:
    """Return ``{"message": text}``."""
    return json_answer(status, {"message": text})


def empty(status: int) -> Answer:
    """Return an answer without a body."""
    return Answer(status)


def html_page(status: int, explanation: str) -> Answer:
    """Return a page as the web server under kong 0.10 makes it, with a sentence that helps.

    Few statuses come as HTML: those that clients know as answers of the web server, not of the
    application (413, 415, and the 400 of ``/cluster/events``).
    """
    title = f"{status} {HTTPStatus(status).phrase}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<p>{explanation}</p>\r\n</body>\r\n</html>\r\n"
    )
    return Answer(status, page.encode(), "text/html")


NO_CONTENT = Answer(204, content_type=None)
NOT_FOUND = message(404, "Not found")
