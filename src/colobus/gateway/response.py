"""What a plugin sees of the answer, and changes on its way to the client. Pure.

Before the head of the answer is known, changes are kept; :meth:`Response.attach` applies them to
it, so that what a plugin sets in its access phase is in the answer, whoever gives it.
"""

from typing import Final

from colobus.gateway.headers import header_key, header_line, text
from colobus.gateway.wire import find, find_all, remove

__all__ = ["Response"]

FRAMING: Final = frozenset(
    (
        *(b"connection", b"content-length", b"keep-alive", b"proxy-connection"),
        *(b"trailer", b"transfer-encoding", b"upgrade"),
    )
)
"""Names that are the gateway's own; setting one has no effect."""


class Response:
    """Implements :class:`colobus.plugins.context.Response`.

    Attributes:
        lines: header lines; before the head is known, those to be added to it.
        replaced: names whose lines in the head are dropped.
        is_ended: a plugin put an empty body in place of what there is.
        content_length: stated by whoever gives the answer; -1 when it is not known.
    """

    __slots__ = ("content_length", "is_ended", "lines", "replaced", "status_code")

    def __init__(self) -> None:
        self.status_code = 0
        self.lines = b""
        self.replaced: list[bytes] = []
        self.content_length = -1
        self.is_ended = False

    @property
    def status(self) -> int:
        """The status; 0 as long as there is none."""
        return self.status_code

    def attach(self, status: int, lines: bytes, content_length: int) -> None:
        """Take the head of the answer, and apply to it what was asked for before.

        A second head, of an answer that takes the place of the first, starts afresh.
        """
        if self.status_code:
            self.lines = b""
            self.is_ended = False
        for key in self.replaced:
            lines = remove(lines, key)
        self.replaced = []
        self.lines = lines + self.lines
        self.status_code = status
        self.content_length = content_length

    def get_header(self, name: str) -> str | None:
        """Return the first value of the header."""
        key = header_key(name)
        if key == b"content-length" and self.content_length >= 0:
            return str(self.content_length)
        value = find(self.lines, key)
        return None if value is None else text(value)

    def get_headers(self, name: str) -> list[str]:
        """Return every value of the header, in order."""
        key = header_key(name)
        if key == b"content-length" and self.content_length >= 0:
            return [str(self.content_length)]
        return [text(value) for value in find_all(self.lines, key)]

    def end(self, status: int) -> None:
        """Answer with ``status`` and an empty body in place of what there is; headers stay."""
        if not 200 <= status <= 599:
            raise ValueError(f"{status} is no status of a final answer")
        if self.status_code == 0:
            raise RuntimeError("end is for the header_filter phase")
        self.status_code = status
        self.content_length = 0
        self.is_ended = True

    def set_header(self, name: str, value: str) -> None:
        """Replace every header of that name by one."""
        line = header_line(name, value)
        key = header_key(name)
        self.lines = remove(self.lines, key)
        if self.status_code == 0:
            self.replaced.append(key)
        if key not in FRAMING:
            self.lines += line

    def add_header(self, name: str, value: str) -> None:
        """Add a header line."""
        if header_key(name) not in FRAMING:
            self.lines += header_line(name, value)

    def remove_header(self, name: str) -> None:
        """Remove every header of that name."""
        key = header_key(name)
        self.lines = remove(self.lines, key)
        if self.status_code == 0:
            self.replaced.append(key)
