"""The access log of the Admin API: one line per request, without secrets.

Queries are left out, since filters and parameters may be credentials; so are path segments that
name a row by its secret (``/consumers/alice/key-auth/******``).
"""

import logging

from starlette.requests import Request

from colobus.admin.call import path_of
from colobus.admin.routes import Match

__all__ = ["log_access"]

logger = logging.getLogger(__name__)


def log_access(
    request: Request, match: Match | None, status: int, sent_bytes: int, duration_s: float
) -> None:
    """Write the line of one request: client, request line, status, body bytes, seconds."""
    client = request.client.host if request.client is not None else "-"
    path = path_of(request)
    logger.info(
        '%s "%s %s HTTP/%s" %d %d %.3f',
        client,
        request.method,
        match.shown_path(path) if match is not None else path,
        request.scope["http_version"],
        status,
        sent_bytes,
        duration_s,
    )
