"""Arguments in a request's body: forms, multipart forms and JSON objects.

Which content types count, and as what, is plugin-framework §10. Removing an argument keeps the
type of the body, and the bytes of all other arguments (of JSON: their values).
"""

import json
from collections.abc import Sequence
from email.message import Message
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

__all__ = [
    "NO_ARGUMENTS",
    "BodyArguments",
    "can_parse",
    "decoded",
    "parameter",
    "parse",
    "part_name",
]

ARGUMENT_LIMIT = 100
"""Arguments of a form that are looked at, the first ones (plugin-framework §10)."""


class BodyArguments(Protocol):
    """The arguments in a body."""

    def get_all(self, name: str) -> Sequence[object]:
        """Return the values of ``name``: strings, or what JSON has there; True for a bare name."""

    def without(self, name: str) -> bytes:
        """Return the body without the arguments of that name."""


class _NoArguments:
    """A body that holds no arguments, or that nobody needs to read."""

    def get_all(self, name: str) -> Sequence[object]:  # noqa: ARG002  (the interface)
        return ()

    def without(self, name: str) -> bytes:  # noqa: ARG002  (the interface)
        return b""


NO_ARGUMENTS: BodyArguments = _NoArguments()


class _Form:
    """``application/x-www-form-urlencoded``."""

    def __init__(self, body: bytes) -> None:
        pairs = body.split(b"&", ARGUMENT_LIMIT)
        self._pairs = pairs[:ARGUMENT_LIMIT]
        self._rest = pairs[ARGUMENT_LIMIT:]

    def get_all(self, name: str) -> Sequence[object]:
        return [
            decoded(value) if equals else True
            for key, equals, value in (pair.partition(b"=") for pair in self._pairs)
            if decoded(key) == name
        ]

    def without(self, name: str) -> bytes:
        kept = [pair for pair in self._pairs if decoded(pair.partition(b"=")[0]) != name]
        return b"&".join(kept + self._rest)


class _Json:
    """``application/json`` whose top is an object; of a repeated member the last one counts."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members

    def get_all(self, name: str) -> Sequence[object]:
        value = self._members.get(name)
        return () if value is None or value is False else (value,)

    def without(self, name: str) -> bytes:
        rest = {key: value for key, value in self._members.items() if key != name}
        return json.dumps(rest, separators=(",", ":")).encode()


class _Multipart:
    """``multipart/form-data`` (RFC 7578): parts between lines that begin with the boundary."""

    def __init__(self, body: bytes, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        # The first delimiter may open the body, without a line end before it.
        self._pieces = (b"\r\n" + body).split(self._delimiter, ARGUMENT_LIMIT + 1)
        # What is before the first delimiter and behind the closing one ("--") is no part.
        closing = [number for number, piece in enumerate(self._pieces) if piece[:2] == b"--"]
        self._end = min([*closing, len(self._pieces), ARGUMENT_LIMIT + 1])

    def get_all(self, name: str) -> Sequence[object]:
        return [
            piece.partition(b"\r\n\r\n")[2].decode("utf-8", "surrogateescape")
            for piece in self._pieces[1 : self._end]
            if part_name(piece) == name
        ]

    def without(self, name: str) -> bytes:
        kept = [
            piece
            for number, piece in enumerate(self._pieces)
            if not (1 <= number < self._end and part_name(piece) == name)
        ]
        return self._delimiter.join(kept).removeprefix(b"\r\n")


def can_parse(content_type: str | None) -> bool:
    """Say whether a body of this type can hold arguments."""
    return _kind(content_type) is not None


def parse(content_type: str | None, body: bytes) -> BodyArguments:
    """Return the arguments of a body; of one that breaks its type, none."""
    kind = _kind(content_type)
    if kind is None or content_type is None:
        return NO_ARGUMENTS
    if kind == "form":
        return _Form(body)
    if kind == "json":
        members = _json_object(body)
        return NO_ARGUMENTS if members is None else _Json(members)
    boundary = parameter("Content-Type", content_type, "boundary")
    if not boundary or not boundary.isascii():
        return NO_ARGUMENTS
    return _Multipart(body, boundary.encode())


def _kind(content_type: str | None) -> str | None:
    """Return what the type is read as; the reference looks for these names anywhere in it."""
    text = (content_type or "").lower()
    if "multipart/form-data" in text:
        return "multipart"
    if "application/json" in text:
        return "json"
    if "application/x-www-form-urlencoded" in text or "application/www-form-urlencoded" in text:
        return "form"
    return None


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def decoded(text: bytes) -> str:
    """Return a name or a value of a form; bytes that are no UTF-8 survive as surrogates."""
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


def part_name(piece: bytes) -> str | None:
    """Return ``name`` of a part's Content-Disposition."""
    head = piece.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    for line in head.split("\r\n"):
        field, _, value = line.partition(":")
        if field.strip().lower() == "content-disposition":
            return parameter("Content-Disposition", value.strip(), "name")
    return None


def parameter(field: str, value: str, name: str) -> str | None:
    """Return a parameter of a header field, its quotes removed."""
    message = Message()
    message[field] = value
    found = message.get_param(name, header=field, unquote=True)
    return found if isinstance(found, str) else None
