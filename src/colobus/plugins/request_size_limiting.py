"""request-size-limiting: refuses requests whose body is too large.

Reference: plugins.md, request-size-limiting. A stated length is judged before any of the body is
read; a chunked body is counted while it goes upstream, and never held for that.
"""

from functools import cached_property

from colobus.model.schema import Number, Schema
from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange, ShortCircuit

__all__ = ["RequestSizeLimiting", "RequestSizeLimitingConfig"]

MEBIBYTE = 1 << 20


class RequestSizeLimitingConfig(Schema):
    """``config`` of request-size-limiting."""

    allowed_payload_size: Number = 128

    @cached_property
    def limit(self) -> int:
        """Bytes a body may have."""
        return int(self.allowed_payload_size * MEBIBYTE)


class RequestSizeLimiting(Plugin):
    """Refuses large bodies."""

    name = "request-size-limiting"
    priority = 950
    Config = RequestSizeLimitingConfig

    def access(self, exchange: Exchange, config: RequestSizeLimitingConfig) -> None:
        """Refuse what is too large, now or as soon as it shows."""
        request = exchange.request
        length = request.get_header("Content-Length")
        if length is None:
            request.limit_body(config.limit, _refusal(exchange))
        elif int(length) > config.limit:
            raise _refusal(exchange)


def _refusal(exchange: Exchange) -> ShortCircuit:
    expectation = exchange.request.get_header("Expect")
    is_expected = expectation is not None and expectation.lower() == "100-continue"
    return ShortCircuit(417 if is_expected else 413, "Request size limit exceeded")
