"""response-transformer: changes headers and JSON bodies of answers.

Reference: plugins.md, response-transformer. A body is held, whole, only if a rule is about JSON
and the answer is JSON; every other one passes as it comes. What cannot be changed (no JSON,
compressed, too large) passes as it came, and the log says so.
"""

import warnings
from functools import cached_property
from typing import Any, Final

from pydantic import Field

from colobus.model.schema import Array, Schema
from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange
from colobus.plugins.transformation import (
    HeaderValues,
    JsonMembers,
    NestedTooDeepError,
    Rules,
    Values,
    change_headers,
    change_values,
    rules_of,
)

__all__ = ["BODY_LIMIT", "ResponseTransformer", "ResponseTransformerConfig"]

BODY_LIMIT: Final = 4 << 20
"""Bytes of JSON that are held; reading it takes about twenty times as much memory, at worst."""

HELD: Final = "response_transformer"
HELD_SIZE: Final = "response_transformer_size"
"""The keys of what is held and of its size, in ``exchange.ctx``; None once nothing is held."""


# A field named "json" hides a deprecated method of pydantic's models, which says so.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", 'Field name "json"', UserWarning)

    class Names(Schema):
        """What to remove."""

        json: Array[Any] = Field(default=[])  # type: ignore[assignment]  # hides the method on purpose
        headers: Array[Any] = Field(default=[])

    class Changes(Schema):
        """What to replace, add or append."""

        json: Values = Field(default=[])  # type: ignore[assignment]  # hides the method on purpose
        headers: HeaderValues = Field(default=[])


class ResponseTransformerConfig(Schema):
    """``config`` of response-transformer."""

    remove: Names = Field(default_factory=Names)
    replace: Changes = Field(default_factory=Changes)
    add: Changes = Field(default_factory=Changes)
    append: Changes = Field(default_factory=Changes)

    @cached_property
    def header_rules(self) -> Rules:
        """Rules for headers."""
        return rules_of(
            remove=self.remove.headers,
            replace=self.replace.headers,
            add=self.add.headers,
            append=self.append.headers,
        )

    @cached_property
    def json_rules(self) -> Rules:
        """Rules for members of JSON."""
        parts = ("remove", "replace", "add", "append")
        # The names of fields, which mypy takes for methods.
        return rules_of(**{part: getattr(self, part).json for part in parts})


class ResponseTransformer(Plugin):
    """Changes answers."""

    name = "response-transformer"
    priority = 800
    Config = ResponseTransformerConfig

    def access(self, exchange: Exchange, config: ResponseTransformerConfig) -> None:
        """Ask for an answer that can be read: compressed JSON cannot be changed."""
        if config.json_rules.is_any:
            exchange.request.remove_header("Accept-Encoding")

    def header_filter(self, exchange: Exchange, config: ResponseTransformerConfig) -> None:
        """Change the headers."""
        if config.header_rules.is_any:
            change_headers(exchange.response, config.header_rules)

    def filters_body(self, exchange: Exchange, config: ResponseTransformerConfig) -> bool:
        """Say whether the answer is JSON that is to be changed."""
        if not config.json_rules.is_any:
            return False
        content_type = exchange.response.get_header("Content-Type")
        return content_type is not None and "application/json" in content_type.lower()

    def body_filter(
        self, exchange: Exchange, config: ResponseTransformerConfig, chunk: bytes, last: bool
    ) -> bytes:
        """Hold the body until it is whole, then return it changed."""
        held: list[bytes] | None = exchange.ctx.setdefault(HELD, [])
        if held is None:
            return chunk
        held.append(chunk)
        size = exchange.ctx[HELD_SIZE] = exchange.ctx.get(HELD_SIZE, 0) + len(chunk)
        if size > BODY_LIMIT:
            exchange.ctx[HELD] = None
            self._pass_on(exchange, f"it is larger than {BODY_LIMIT} bytes")
            return b"".join(held)
        if not last:
            return b""
        return self._changed(exchange, config.json_rules, b"".join(held))

    def _changed(self, exchange: Exchange, rules: Rules, body: bytes) -> bytes:
        try:
            members = JsonMembers.parse(body)
        except NestedTooDeepError:
            members = None
        if members is None:
            if body:
                self._pass_on(exchange, "it is no JSON object that can be read")
            return body
        for name in rules.remove:
            members.remove(name)
        change_values(members, rules)
        return members.encode()

    def _pass_on(self, exchange: Exchange, reason: str) -> None:
        name = None if exchange.api is None else exchange.api.get("name")
        self.capabilities.logger.warning("an answer of API %s stays as it is: %s", name, reason)
