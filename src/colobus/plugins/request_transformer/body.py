"""Bodies that rules can change: JSON objects, forms, multipart forms.

Whatever no rule names keeps its bytes. Sizes are bounded, and so are the arguments of a form.
"""

from typing import Final
from urllib.parse import quote

from colobus.plugins.body import decoded, parameter, part_name
from colobus.plugins.context import ShortCircuit
from colobus.plugins.transformation import (
    Content,
    JsonMembers,
    NestedTooDeepError,
    Rules,
    change_values,
)

__all__ = ["BODY_LIMIT", "Form", "change_body", "kind_of"]

BODY_LIMIT: Final = {"json": 1 << 20, "multipart": 16 << 20, "form": 1 << 20}
"""Bytes of a body that is changed, by its kind; a larger one is refused with 413.

Reading JSON takes about twenty times its size in memory, at worst.
"""

ARGUMENT_LIMIT: Final = 1000
"""Arguments of a form and parts of a multipart form; as PHP's ``max_input_vars``."""


class Form:
    """``application/x-www-form-urlencoded``.

    Raises:
        ShortCircuit: 413, there are too many arguments.
    """

    def __init__(self, body: bytes) -> None:
        pieces = body.split(b"&", ARGUMENT_LIMIT) if body else []
        if len(pieces) > ARGUMENT_LIMIT:
            raise ShortCircuit(413)
        self._pairs = [(decoded(piece.partition(b"=")[0]), piece) for piece in pieces]

    def values(self) -> list[tuple[str, str]]:
        """Return names and values; of a bare name, an empty one."""
        return [(name, decoded(piece.partition(b"=")[2])) for name, piece in self._pairs]

    def encode(self) -> bytes:
        """Return the body."""
        return b"&".join(piece for _, piece in self._pairs)

    def has(self, name: str) -> bool:
        """Say whether there is an argument of that name."""
        return any(key == name for key, _ in self._pairs)

    def remove(self, name: str) -> None:
        """Remove every argument of that name."""
        self._pairs = [pair for pair in self._pairs if pair[0] != name]

    def rename(self, old: str, new: str) -> None:
        """Rename arguments, in place of those that have the name."""
        if old == new or not self.has(old):
            return
        self.remove(new)
        start = _encoded(new)
        self._pairs = [
            (new, start + piece[len(piece.partition(b"=")[0]) :]) if key == old else (key, piece)
            for key, piece in self._pairs
        ]

    def replace(self, name: str, value: str) -> None:
        """Put one argument in place of all of that name."""
        place = next(number for number, pair in enumerate(self._pairs) if pair[0] == name)
        before = self._pairs[:place]
        behind = [pair for pair in self._pairs[place:] if pair[0] != name]
        self._pairs = [*before, (name, _argument(name, value)), *behind]

    def add(self, name: str, value: str) -> None:
        """Add an argument."""
        self._pairs.append((name, _argument(name, value)))

    append = add


class Multipart:
    """``multipart/form-data`` (RFC 7578): parts between lines that begin with the boundary."""

    def __init__(self, body: bytes, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        # The first delimiter may open the body, without a line end before it.
        pieces = (b"\r\n" + body).split(self._delimiter, ARGUMENT_LIMIT + 2)
        if len(pieces) > ARGUMENT_LIMIT + 2:
            raise ShortCircuit(413)
        closing = (number for number, piece in enumerate(pieces) if piece[:2] == b"--")
        end = next(closing, len(pieces))
        self._preamble = pieces[0]
        self._parts = [(part_name(piece), piece) for piece in pieces[1:end]]
        self._epilogue = pieces[end:] or [b"--\r\n"]

    def encode(self) -> bytes:
        """Return the body, with the boundary it had."""
        pieces = [self._preamble, *(piece for _, piece in self._parts), *self._epilogue]
        return self._delimiter.join(pieces).removeprefix(b"\r\n")

    def has(self, name: str) -> bool:
        """Say whether there is a part of that name."""
        return any(key == name for key, _ in self._parts)

    def remove(self, name: str) -> None:
        """Remove every part of that name."""
        self._parts = [part for part in self._parts if part[0] != name]

    def rename(self, old: str, new: str) -> None:
        """Make the parts of a name simple ones of another, in place of those that have it."""
        if old == new or not self.has(old):
            return
        self.remove(new)
        self._parts = [
            (new, _part(new, piece.partition(b"\r\n\r\n")[2])) if key == old else (key, piece)
            for key, piece in self._parts
        ]

    def replace(self, name: str, value: str) -> None:
        """Put one simple part in place of all of that name."""
        place = next(number for number, part in enumerate(self._parts) if part[0] == name)
        before = self._parts[:place]
        behind = [part for part in self._parts[place:] if part[0] != name]
        self._parts = [*before, (name, _part(name, value.encode())), *behind]

    def add(self, name: str, value: str) -> None:
        """Add a simple part."""
        self._parts.append((name, _part(name, value.encode())))

    def append(self, name: str, value: str) -> None:
        """Do nothing: kong 0.10 appends to no multipart form."""


def kind_of(content_type: str | None) -> str | None:
    """Return what a body is read as; these names count anywhere in the type, in this order."""
    folded = (content_type or "").lower()
    for text, kind in (
        ("application/json", "json"),
        ("multipart/form-data", "multipart"),
        ("application/x-www-form-urlencoded", "form"),
    ):
        if text in folded:
            return kind
    return None


def change_body(content_type: str, body: bytes, rules: Rules) -> bytes | None:
    """Return the changed body; None for one that stays as it is.

    Raises:
        ShortCircuit: it has too many arguments, or is nested too deeply.
    """
    kind = kind_of(content_type)
    content = _content(kind, content_type, body)
    if content is None:
        return None
    if not body and not rules.add and not rules.append:
        return None
    if kind == "multipart":
        _rename(content, rules)
    for name in rules.remove:
        content.remove(name)
    if kind != "multipart":
        _rename(content, rules)
    change_values(content, rules)
    return content.encode()


def _content(kind: str | None, content_type: str, body: bytes) -> Content | None:
    if kind == "form":
        return Form(body)
    if kind == "json":
        try:
            return JsonMembers.parse(body or b"{}")
        except NestedTooDeepError as exc:
            raise ShortCircuit(400, "The JSON body is nested too deeply") from exc
    boundary = parameter("Content-Type", content_type, "boundary")
    if not boundary or not boundary.isascii():
        return None
    return Multipart(body, boundary.encode())


def _rename(content: Content, rules: Rules) -> None:
    for old, new in rules.rename:
        content.rename(old, new)


def _encoded(text: str) -> bytes:
    return quote(text, safe="", errors="surrogateescape").encode()


def _argument(name: str, value: str) -> bytes:
    return _encoded(name) + b"=" + _encoded(value)


def _part(name: str, value: bytes) -> bytes:
    # How browsers write what would end the name (HTML, "multipart form data").
    safe = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return (
        b'\r\nContent-Disposition: form-data; name="'
        + safe.encode("utf-8", "surrogateescape")
        + b'"\r\n\r\n'
        + value
    )
