"""request-termination: answers in place of the upstream.

Reference: plugins.md, request-termination.
"""

from pydantic import model_validator

from colobus.model.schema import Number, Schema, String
from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange, ShortCircuit

__all__ = ["RequestTermination", "RequestTerminationConfig"]

JSON_TYPE = "application/json; charset=utf-8"
"""Of a body without a type of its own, also when it is no JSON."""


class RequestTerminationConfig(Schema):
    """``config`` of request-termination."""

    status_code: Number = 503
    message: String | None = None
    content_type: String | None = None
    body: String | None = None

    @model_validator(mode="after")
    def _self_check(self) -> "RequestTerminationConfig":
        if not 100 <= self.status_code <= 599:
            raise ValueError("status_code must be between 100..599")
        if self.message and (self.content_type or self.body):
            raise ValueError("message cannot be used with content_type or body")
        if self.content_type and not self.body:
            raise ValueError("content_type requires a body")
        return self


class RequestTermination(Plugin):
    """Answers every request the same way."""

    name = "request-termination"
    priority = 1
    Config = RequestTerminationConfig

    def access(self, _exchange: Exchange, config: RequestTerminationConfig) -> None:
        """Answer as configured."""
        status = int(config.status_code)
        if status < 200:
            # An answer that announces another one would leave the client waiting for that.
            self.capabilities.logger.error("status %d is no status of a final answer", status)
            raise ShortCircuit(500)
        if config.body:
            headers = {"Content-Type": config.content_type or JSON_TYPE}
            raise ShortCircuit(status, config.body.encode() + b"\n", headers)
        raise ShortCircuit(status, config.message or None)
