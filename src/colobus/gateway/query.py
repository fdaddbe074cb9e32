"""The query string of a request on its way upstream. Pure.

Arguments nobody touches keep their bytes, their order and their repetitions; those a plugin sets
are encoded anew.
"""

from collections.abc import Sequence
from urllib.parse import quote, unquote_to_bytes

__all__ = ["Query"]


class Query:
    """Implements :class:`colobus.plugins.context.Query`.

    Attributes:
        raw: the bytes behind the question mark; None when there is no question mark.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: bytes | None) -> None:
        self.raw = raw

    def get_all(self, name: str) -> Sequence[str | bool]:
        """Return the values of ``name`` in order; True for a bare name without ``=``."""
        if not self.raw:
            return ()
        wanted = name.encode("utf-8", "surrogateescape")
        values: list[str | bool] = []
        for argument in self.raw.split(b"&"):
            key, equals, value = argument.partition(b"=")
            if key == wanted or _decoded(key) == wanted:
                values.append(
                    _decoded(value).decode("utf-8", "surrogateescape") if equals else True
                )
        return values

    def set(self, name: str, value: str) -> None:
        """Replace every argument of ``name`` by one."""
        self.remove(name)
        self.add(name, value)

    def add(self, name: str, value: str) -> None:
        """Add an argument behind the others."""
        argument = f"{_encoded(name)}={_encoded(value)}".encode()
        self.raw = self.raw + b"&" + argument if self.raw else argument

    def rename(self, old: str, new: str) -> None:
        """Give the arguments of ``old`` the name ``new``, in place of those that had it."""
        if not self.raw or old == new:
            return
        wanted = old.encode("utf-8", "surrogateescape")
        replaced = new.encode("utf-8", "surrogateescape")
        name = _encoded(new).encode()
        kept: list[bytes] = []
        is_found = False
        for argument in self.raw.split(b"&"):
            key, equals, value = argument.partition(b"=")
            decoded = _decoded(key)
            if decoded == wanted:
                is_found = True
                kept.append(name + equals + value)
            elif decoded != replaced:
                kept.append(argument)
        if is_found:
            self.raw = b"&".join(kept)

    def remove(self, name: str) -> None:
        """Remove every argument of ``name``; the others keep their bytes."""
        if not self.raw:
            return
        wanted = name.encode("utf-8", "surrogateescape")
        arguments = self.raw.split(b"&")
        kept = [item for item in arguments if _decoded(item.partition(b"=")[0]) != wanted]
        if len(kept) < len(arguments):
            self.raw = b"&".join(kept) or None


def _decoded(part: bytes) -> bytes:
    """Undo form encoding."""
    if b"%" not in part:
        return part.replace(b"+", b" ")
    return unquote_to_bytes(part.replace(b"+", b" "))


def _encoded(part: str) -> str:
    return quote(part, safe="", errors="surrogateescape")
