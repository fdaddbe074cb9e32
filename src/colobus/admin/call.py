"""Calls: one request as the handlers of the Admin API see it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlencode

from starlette.requests import Request

__all__ = ["Call", "origin_of", "path_of"]

_PORT_AT_END = re.compile(r":\d+$")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, its body read and understood.

    Attributes:
        variables: the variables of the route's pattern, percent-decoded.
        parameters: query, form and JSON parameters, later ones over earlier ones.
        origin: scheme, host and port under which the client reached us.
        path: the path as it was sent.
        query: the query as it was sent.
        last_event_id: the event after which a client that returns to a stream wants to go on.
    """

    variables: Mapping[str, str]
    parameters: Mapping[str, Any]
    origin: str = ""
    path: str = "/"
    query: str = ""
    last_event_id: str | None = None

    def url_with(self, changed: Mapping[str, object]) -> str:
        """Return this call's absolute URL with ``changed`` in place of what its query has.

        What else the query has stays as it was sent, so that a listing's filters survive: 0.10
        dropped them (admin-api §1.3).
        """
        kept = (
            piece
            for piece in self.query.split("&")
            if piece and unquote_plus(piece.partition("=")[0]) not in changed
        )
        return f"{self.origin}{self.path}?{'&'.join([urlencode(changed), *kept])}"


def origin_of(request: Request) -> str:
    """Return scheme, host and explicit port of the URL that a client used (admin-api §1.3).

    The port is that of the client's own Host if it has one: it may reach us through a mapping.
    """
    server_host, server_port = request.scope.get("server") or ("localhost", None)
    host = request.headers.get("host") or server_host
    if server_port is not None and _PORT_AT_END.search(host) is None:
        host = f"{host}:{server_port}"
    return f"{request.scope['scheme']}://{host}"


def path_of(request: Request) -> str:
    """Return the path as it was sent, also of a target in absolute form (RFC 9112 §3.2.2)."""
    raw: bytes = request.scope["raw_path"]
    target = raw.decode("latin-1")
    if target.startswith("/"):
        return target
    _, separator, rest = target.partition("://")
    return "/" + rest.partition("/")[2] if separator else target
