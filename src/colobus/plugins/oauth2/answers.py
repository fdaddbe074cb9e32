"""Answers of the provider's endpoints (RFC 6749 §4.1.2, §5), as kong 0.10 gives them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from colobus.plugins.context import ShortCircuit

__all__ = ["OAuth2Error", "answer", "redirect_uri"]

NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuth2Error(Exception):
    """A request of an application is refused; ``code`` and ``description`` are what it is told."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description

    @property
    def members(self) -> dict[str, Any]:
        """The members of the answer."""
        return {"error": self.code, "error_description": self.description}


def answer(
    status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> ShortCircuit:
    """Return the answer with this content, which nobody may store."""
    return ShortCircuit(status, dict(content), {**NOT_STORED, **(headers or {})})


def redirect_uri(uri: str, parameters: Mapping[str, Any], *, in_fragment: bool) -> str:
    """Return ``uri`` with ``parameters`` in its query, where they win, or as its fragment."""
    parts = urlsplit(uri)
    if in_fragment:
        return urlunsplit(parts._replace(fragment=_encoded(parameters)))
    present = dict(parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit(parts._replace(query=_encoded({**present, **parameters})))


def _encoded(parameters: Mapping[str, Any]) -> str:
    return "&".join(
        f"{quote(name, safe='')}={quote(str(parameters[name]), safe='')}"
        for name in sorted(parameters)
    )
