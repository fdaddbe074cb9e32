"""Multipart forms (RFC 7578): each part is a field, a file as much as a plain value."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from colobus.errors import SchemaError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks  # it exists for type checkers only

__all__ = ["multipart_fields"]

_MALFORMED = "Cannot parse multipart body"


def multipart_fields(content_type: str, body: bytes) -> Iterator[tuple[str, str]]:
    """Yield name and value of each part.

    A body without a boundary in its type, or of the closing delimiter alone, has no part.

    Raises:
        SchemaError: the body is cut off, or not made of parts.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if boundary is None:
        return
    # What stands before the first delimiter is no part (RFC 2046 §5.1.1), which the parser,
    # made for browsers, does not know.
    start = body.find(b"--" + boundary)
    collected = _Parts()
    try:
        parser = MultipartParser(boundary, collected.callbacks())
        parser.write(body[max(start, 0) :])
        parser.finalize()
    except FormParserError:
        raise SchemaError({"message": _MALFORMED}) from None
    if not collected.is_complete:
        raise SchemaError({"message": _MALFORMED})
    for name, value in collected.parts:
        yield _text(name), _text(bytes(value))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


class _Parts:
    """Collects parts out of the events of the parser."""

    def __init__(self) -> None:
        self.parts: list[tuple[bytes, bytearray]] = []
        self.is_complete = False
        self._header = b""
        self._value = b""
        self._name: bytes | None = None

    def callbacks(self) -> "MultipartCallbacks":
        """Return what the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._name = None

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._name = parse_options_header(self._value)[1].get(b"name")
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        if self._name is None:
            raise SchemaError({"message": _MALFORMED})
        self.parts.append((self._name, bytearray()))

    def _data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1][1].extend(data[start:end])

    def _end(self) -> None:
        self.is_complete = True
