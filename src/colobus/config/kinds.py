"""The kinds of values a setting can have: how each is read, written back and shown.

A wrong value is never taken for another one: what is neither on nor off is refused, where the
reference takes it for off.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from colobus.config.addresses import (
    Address,
    parse_address,
    parse_ipv4_address,
    parse_network,
)

__all__ = [
    "ADDRESS",
    "ARRAY",
    "BOOLEAN",
    "ENCRYPT_KEY",
    "IPV4_ADDRESS",
    "LOG_PATH",
    "MASK",
    "NAMESERVERS",
    "NETWORKS",
    "NUMBER",
    "ON_OFF",
    "ORIGINS",
    "PATH",
    "PREFIX_PATH",
    "SIZE",
    "STRING",
    "WORKERS",
    "Kind",
    "Shown",
    "UnfitError",
    "number_between",
    "one_of",
]

T = TypeVar("T")

Shown = bool | int | str | list[str]
"""What the Admin API shows of a value: a JSON value."""

MASK = "******"
"""What is shown of a secret that is set."""

DNS_PORT = 53
KEY_BYTES = 16
"""Of a gossip encryption key (reference: cluster_encrypt_key)."""


class UnfitError(ValueError):
    """A part of a value that cannot be used, with the complaint when the kind has several."""

    def __init__(self, part: str, complaint: str | None = None) -> None:
        super().__init__(part)
        self.part = part
        self.complaint = complaint


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of value.

    Attributes:
        name: what the documentation calls it.
        parse: text, trimmed and not empty, to the value; raises ValueError.
        complaint: what is said of a value that cannot be used; ``{setting}`` and ``{value}`` stand
            for the name and the wrong text.
        text: the value back to text; ``parse(text(value)) == value``.
        shown: the value as the Admin API shows it; None shows the text.
        choices: the texts allowed, where there are few.
    """

    name: str
    parse: Callable[[str], T]
    complaint: str = "{setting} is not a {kind}: '{value}'"
    text: Callable[[T], str] = str
    shown: Callable[[T], Shown] | None = None
    choices: tuple[str, ...] = ()

    def read(self, setting: str, text: str, *, secret: bool = False) -> T:
        """Return the value of ``text``.

        Raises:
            ValueError: its text is the complaint, in which a secret value is masked.
        """
        complaint = self.complaint
        try:
            if any(ord(character) < ord(" ") for character in text):
                complaint = "{setting} has an invalid value: it holds a line break or tab"
                raise UnfitError(text)
            return self.parse(text)
        except UnfitError as exc:
            wrong, complaint = exc.part, exc.complaint or complaint
        except ValueError:
            wrong = text
        value = MASK if secret else wrong
        raise ValueError(complaint.format(setting=setting, kind=self.name, value=value))


def _parse_boolean(text: str) -> bool:
    word = text.lower()
    if word in {"on", "true", "yes"}:
        return True
    if word in {"off", "false", "no"}:
        return False
    raise ValueError(text)


def _on_off(value: bool) -> str:
    return "on" if value else "off"


def _parse_number(text: str) -> int:
    if re.fullmatch(r"-?[0-9]+\.[0-9]+", text):
        raise UnfitError(text, "{setting} has an invalid value: '{value}' (a whole number)")
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError(text)
    return int(text)


def number_between(least: int, most: int) -> Kind[int]:
    """Return the kind of whole numbers within these bounds."""

    def parse(text: str) -> int:
        value = _parse_number(text)
        if not least <= value <= most:
            bounds = f"{least} to {most}"
            raise UnfitError(text, f"{{setting}} has an invalid value: '{{value}}' ({bounds})")
        return value

    return Kind("number", parse, shown=int)


def one_of(*choices: str) -> Kind[str]:
    """Return the kind of a word out of ``choices``."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    listed = ", ".join(choices)
    complaint = f"{{setting}} has an invalid value: '{{value}}' ({listed})"
    return Kind("enum", parse, complaint, choices=choices)


def _items(text: str) -> list[str]:
    return [item for item in (piece.strip() for piece in text.split(",")) if item]


def _list_of(name: str, parse_item: Callable[[str], T], complaint: str) -> Kind[tuple[T, ...]]:
    def parse(text: str) -> tuple[T, ...]:
        values = []
        for item in _items(text):
            try:
                values.append(parse_item(item))
            except ValueError as exc:
                raise UnfitError(item) from exc
        return tuple(values)

    def listed(values: tuple[T, ...]) -> list[str]:
        return [str(value) for value in values]

    return Kind(name, parse, complaint, text=lambda values: ",".join(listed(values)), shown=listed)


LEAST_SIZE = 32 * 1024
"""Catches a size written without its unit."""

_SIZE_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def _parse_size(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,12})([kmg]?)", text.lower())
    if match is None:
        raise ValueError(text)
    size = int(match[1]) * _SIZE_UNITS[match[2]]
    if size < LEAST_SIZE:
        raise UnfitError(text, "{setting} must be at least 32k, got '{value}'")
    return size


def _size_text(size: int) -> str:
    for unit in ("g", "m", "k"):
        if size and size % _SIZE_UNITS[unit] == 0:
            return f"{size // _SIZE_UNITS[unit]}{unit}"
    return str(size)


def _parse_path(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as exc:  # `~name` of a user that does not exist
        raise ValueError(text) from exc


def _parse_log_path(text: str) -> Path | None:
    if text.lower() == "off":
        return None
    if text.startswith("syslog:"):
        raise ValueError(text)
    return Path(text)


def _parse_workers(text: str) -> int | None:
    if text.lower() == "auto":
        return None
    value = _parse_number(text)
    if not 1 <= value <= MAX_WORKERS:
        raise ValueError(text)
    return value


def _parse_key(text: str) -> str:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise ValueError(text) from exc
    if len(raw) != KEY_BYTES:
        raise ValueError(text)
    return text


def _parse_origin(text: str) -> str:
    if text != "*" and not re.fullmatch(r"https?://[^/\s,]+", text):
        raise ValueError(text)
    return text


def _parse_network(text: str) -> str:
    """Return the network in its usual form; it goes to other processes as text."""
    return str(parse_network(text))


def _parse_nameserver(text: str) -> Address:
    return parse_ipv4_address(text, default_port=DNS_PORT)


MAX_WORKERS = 1024
"""Far above the cores of any machine: catches a port number in the wrong line."""

BOOLEAN: Kind[bool] = Kind("boolean", _parse_boolean, text=_on_off, shown=bool)
ON_OFF: Kind[bool] = Kind(
    "on/off", _parse_boolean, "{setting} is not on or off: '{value}'", text=_on_off
)
STRING: Kind[str] = Kind("string", str)
NUMBER: Kind[int] = Kind("number", _parse_number, shown=int)
ARRAY: Kind[tuple[str, ...]] = _list_of("array", str, "{setting} is not an {kind}: '{value}'")
SIZE: Kind[int] = Kind(
    "size", _parse_size, "{setting} must be a size such as 512k or 128m, got '{value}'", _size_text
)
PATH: Kind[Path] = Kind("path", _parse_path)
"""A path outside the prefix; relative ones start at the working directory of the command."""
PREFIX_PATH: Kind[Path] = Kind("path", Path)
"""A path that is taken relative to the prefix."""
LOG_PATH: Kind[Path | None] = Kind(
    "path or `off`",
    _parse_log_path,
    "{setting} must be a path or off, got '{value}'",
    text=lambda path: "off" if path is None else str(path),
)
WORKERS: Kind[int | None] = Kind(
    "number or `auto`",
    _parse_workers,
    f"{{setting}} has an invalid value: '{{value}}' (auto, 1 to {MAX_WORKERS})",
    text=lambda count: "auto" if count is None else str(count),
)
ADDRESS: Kind[Address] = Kind(
    "address:port", parse_address, "{setting} must be of form 'address:port'"
)
IPV4_ADDRESS: Kind[Address] = Kind(
    "IPv4:port", parse_ipv4_address, "{setting} must be in the form of IPv4:port"
)
NAMESERVERS: Kind[tuple[Address, ...]] = _list_of(
    "array of IPv4[:port]",
    _parse_nameserver,
    "{setting} must be a comma separated list in the form of IPv4 or IPv4:port, got '{value}'",
)
NETWORKS: Kind[tuple[str, ...]] = _list_of(
    "array of IP or CIDR",
    _parse_network,
    "{setting} must be a comma separated list of IP addresses or CIDR blocks, got '{value}'",
)
ORIGINS: Kind[tuple[str, ...]] = _list_of(
    "array of origins",
    _parse_origin,
    "{setting} must be a comma separated list of origins such as https://example.com, or *,"
    " got '{value}'",
)
ENCRYPT_KEY: Kind[str] = Kind(
    "string", _parse_key, f"{{setting}} must be {KEY_BYTES} bytes written in base64"
)
