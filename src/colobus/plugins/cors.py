"""cors: answers preflights, and tells browsers which origins may read an answer.

Reference: plugins.md, cors. Every OPTIONS request counts as a preflight.
"""

import re
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from colobus.model.schema import Array, Boolean, Check, Number, Schema
from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange, ShortCircuit
from colobus.plugins.patterns import Patterns, is_pattern

__all__ = ["Cors", "CorsConfig"]

SKIPPED: Final = "skip_response_headers"
"""The key in ``exchange.ctx`` that tells of a preflight (plugin-framework §6)."""

ALL_METHODS: Final = "GET,HEAD,PUT,PATCH,POST,DELETE"

VERDICTS_KEPT: Final = 256
LONGEST_KEPT: Final = 256
"""Verdicts remembered of each configuration, and characters of an origin that gets one."""

is_plain = re.compile(r"[A-Za-z0-9.:/-]+").fullmatch


def _check_origins(origins: list[Any]) -> list[Any]:
    if origins != ["*"]:
        for origin in origins:
            if not is_pattern(origin):
                raise ValueError(f"origin '{origin}' is not a valid regex")
    return origins


class Origins:
    """Which origins are let in.

    Attributes:
        is_any: all are.
        literal: the only one, announced whatever the request says; None when requests decide.
    """

    __slots__ = ("_patterns", "_verdicts", "is_any", "literal")

    def __init__(self, origins: list[str]) -> None:
        self.is_any = not origins or origins == ["*"]
        is_literal = len(origins) == 1 and is_plain(origins[0]) is not None
        self.literal = origins[0] if is_literal else None
        self._patterns = Patterns([] if self.is_any else origins)
        self._verdicts: dict[str, bool] = {}

    def allow(self, origin: str) -> bool:
        """Say whether a pattern is found in ``origin``; one that takes too long is not."""
        verdict = self._verdicts.get(origin)
        if verdict is None:
            verdict = self._patterns.search(origin) is True
            if len(origin) <= LONGEST_KEPT:
                if len(self._verdicts) >= VERDICTS_KEPT:
                    self._verdicts.clear()
                self._verdicts[origin] = verdict
        return verdict


class CorsConfig(Schema):
    """``config`` of cors."""

    origins: Annotated[Array[Any], Check(_check_origins)] | None = None
    headers: Array[str] | None = None
    exposed_headers: Array[str] | None = None
    methods: Array[Literal["HEAD", "GET", "POST", "PUT", "PATCH", "DELETE"]] | None = None
    max_age: Number | None = None
    credentials: Boolean = False
    preflight_continue: Boolean = False

    @cached_property
    def allowed(self) -> Origins:
        """The origins, prepared."""
        return Origins(self.origins or [])

    @cached_property
    def exposed(self) -> str | None:
        """The value of ``Access-Control-Expose-Headers``."""
        return ",".join(self.exposed_headers) if self.exposed_headers else None

    @cached_property
    def preflight(self) -> dict[str, str]:
        """The headers that all preflights are answered with."""
        found = {"Access-Control-Allow-Methods": ",".join(self.methods or ()) or ALL_METHODS}
        if self.headers:
            found["Access-Control-Allow-Headers"] = ",".join(self.headers)
        if self.max_age is not None:
            found["Access-Control-Max-Age"] = str(self.max_age)
        return found


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
