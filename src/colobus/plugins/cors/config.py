"""``config`` of cors, and which origins it lets in."""

import re
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from colobus.model.schema import Array, Boolean, Check, Number, Schema
from colobus.plugins.patterns import Patterns, is_pattern

__all__ = ["CorsConfig", "Origins"]

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
