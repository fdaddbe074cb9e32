"""``config`` of request-transformer."""

from functools import cached_property
from typing import Annotated, Any, Final

from pydantic import Field

from colobus.model.schema import Array, Check, Schema, String
from colobus.plugins.transformation import HeaderValues, Rules, Values, rules_of

__all__ = ["RequestTransformerConfig"]

METHODS: Final = frozenset(
    (
        *("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "MKCOL", "COPY", "MOVE", "PROPFIND"),
        *("PROPPATCH", "LOCK", "UNLOCK", "PATCH", "TRACE"),
    )
)


def _check_method(method: str) -> str:
    if method.upper() not in METHODS:
        raise ValueError(f"{method.upper()} is not supported")
    return method


class Names(Schema):
    """What to remove, or to rename."""

    body: Array[Any] = Field(default=[])
    headers: Array[Any] = Field(default=[])
    querystring: Array[Any] = Field(default=[])


class Changes(Schema):
    """What to replace, add or append."""

    body: Values = Field(default=[])
    headers: HeaderValues = Field(default=[])
    querystring: Values = Field(default=[])


class RequestTransformerConfig(Schema):
    """``config`` of request-transformer."""

    http_method: Annotated[String, Check(_check_method)] | None = None
    remove: Names = Field(default_factory=Names)
    rename: Names = Field(default_factory=Names)
    replace: Changes = Field(default_factory=Changes)
    add: Changes = Field(default_factory=Changes)
    append: Changes = Field(default_factory=Changes)

    @cached_property
    def method(self) -> str | None:
        """The method to ask the upstream with."""
        return self.http_method.upper() if self.http_method else None

    @cached_property
    def copies_form(self) -> bool:
        """Whether the arguments of a form go into the query: for methods without a body.

        kong 0.10 does so only if the method is written in capitals.
        """
        return self.http_method in ("GET", "HEAD", "TRACE")

    @cached_property
    def body_rules(self) -> Rules:
        """Rules for the body."""
        return self._rules("body")

    @cached_property
    def query_rules(self) -> Rules:
        """Rules for the query."""
        return self._rules("querystring")

    @cached_property
    def header_rules(self) -> Rules:
        """Rules for headers. A request always has a Host: adding one never does anything."""
        found = self._rules("headers")
        add = tuple(rule for rule in found.add if rule[0].lower() != "host")
        return Rules(found.remove, found.rename, found.replace, add, found.append)

    @cached_property
    def reads_body(self) -> bool:
        """Whether anything is about the body."""
        return self.copies_form or self.body_rules.is_any

    def _rules(self, part: str) -> Rules:
        return rules_of(
            remove=getattr(self.remove, part),
            rename=getattr(self.rename, part),
            replace=getattr(self.replace, part),
            add=getattr(self.add, part),
            append=getattr(self.append, part),
        )
