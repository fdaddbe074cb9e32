"""Answers preflights, and tells browsers who may read an answer."""

from typing import Final

from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange, ShortCircuit
from colobus.plugins.cors.config import CorsConfig

__all__ = ["Cors"]

SKIPPED: Final = "skip_response_headers"
"""The key in ``exchange.ctx`` that tells of a preflight (plugin-framework §6)."""


class Cors(Plugin):
    """Adds the headers of cross-origin resource sharing."""

    name = "cors"
    priority = 2000
    no_consumer = True
    Config = CorsConfig

    def access(self, exchange: Exchange, config: CorsConfig) -> None:
        """Answer a preflight, or let it pass to an upstream that answers itself."""
        request = exchange.request
        if request.method != "OPTIONS":
            return
        exchange.ctx[SKIPPED] = True
        if config.preflight_continue:
            return
        headers = {**_origin_headers(exchange, config), **config.preflight}
        wanted = request.get_header("Access-Control-Request-Headers")
        if wanted and not config.headers:
            headers["Access-Control-Allow-Headers"] = wanted
        raise ShortCircuit(204, headers=headers)

    def header_filter(self, exchange: Exchange, config: CorsConfig) -> None:
        """Tell the browser who may read the answer; what the upstream said of it is replaced."""
        response = exchange.response
        if SKIPPED in exchange.ctx:
            return
        for name, value in _origin_headers(exchange, config).items():
            if name != "Vary":
                response.set_header(name, value)
            elif not _varies(response.get_headers(name)):
                response.add_header(name, value)
        if config.exposed is not None:
            response.set_header("Access-Control-Expose-Headers", config.exposed)


def _origin_headers(exchange: Exchange, config: CorsConfig) -> dict[str, str]:
    """Return the headers about the origin of a request, and about credentials."""
    origins = config.allowed
    if origins.is_any:
        origin = exchange.request.get_header("Origin") if config.credentials else None
        if origin is None:
            return {"Access-Control-Allow-Origin": "*"}
        return {
            "Access-Control-Allow-Origin": origin,
            "Vary": "Origin",
            "Access-Control-Allow-Credentials": "true",
        }
    allowed = origins.literal
    if allowed is None:
        origin = exchange.request.get_header("Origin")
        if origin is not None and origins.allow(origin):
            allowed = origin
    # Also without a match: a cache must not give this answer to another origin.
    headers = {"Vary": "Origin"}
    if allowed is not None:
        headers["Access-Control-Allow-Origin"] = allowed
    if config.credentials:
        headers["Access-Control-Allow-Credentials"] = "true"
    return headers


def _varies(values: list[str]) -> bool:
    """Say whether an answer is said already to depend on the origin."""
    return any(
        name.strip().lower() in ("origin", "*") for value in values for name in value.split(",")
    )
