"""correlation-id: marks a request, and if asked its answer, with an id to find it again by.

Reference: plugins.md, correlation-id. An id the client sent is kept, with every generator.
"""

import itertools
import os
import re
import uuid
from collections.abc import Callable
from typing import Literal

from pydantic import field_validator

from colobus.model.schema import Boolean, Choice, Schema, String
from colobus.plugins.base import Plugin
from colobus.plugins.context import Exchange

__all__ = ["CorrelationId", "CorrelationIdConfig"]

VALUE = "correlationid_header_value"
"""The key of the request's id in ``exchange.ctx`` (plugin-framework §6)."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class CorrelationIdConfig(Schema):
    """``config`` of correlation-id."""

    header_name: String = "Kong-Request-ID"
    generator: Choice[Literal["uuid", "uuid#counter", "tracker"]] = "uuid#counter"
    echo_downstream: Boolean = False

    @field_validator("header_name", mode="after")
    @classmethod
    def _is_header_name(cls, name: str) -> str:
        # kong 0.10 takes any text, and fails with each request.
        if _HEADER_NAME.fullmatch(name) is None:
            raise ValueError(f"'{name}' is no header name")
        return name


class CorrelationId(Plugin):
    """Gives each request an id."""

    name = "correlation-id"
    Config = CorrelationIdConfig

    def init_worker(self) -> None:
        """Start this worker's own series of ids."""
        self._worker_id = self._new_uuid()
        self._counter = itertools.count(1)
        self._process_id = os.getpid()
        self._generators: dict[str, Callable[[Exchange], str]] = {
            "uuid": lambda _exchange: self._new_uuid(),
            "uuid#counter": lambda _exchange: f"{self._worker_id}#{next(self._counter)}",
            "tracker": self._tracker,
        }

    def access(self, exchange: Exchange, config: CorrelationIdConfig) -> None:
        """Keep the id that came, or set one."""
        value = exchange.request.get_header(config.header_name)
        if value is None:
            value = self._generators[config.generator](exchange)
            exchange.request.set_header(config.header_name, value)
        exchange.ctx[VALUE] = value

    def header_filter(self, exchange: Exchange, config: CorrelationIdConfig) -> None:
        """Echo the id; a request that ended before it got one has none to echo."""
        if config.echo_downstream and VALUE in exchange.ctx:
            exchange.response.set_header(config.header_name, exchange.ctx[VALUE])

    def _new_uuid(self) -> str:
        return str(uuid.UUID(int=self.capabilities.random.getrandbits(128), version=4))

    def _tracker(self, exchange: Exchange) -> str:
        address, port = exchange.server_address
        now = self.capabilities.clock.time()
        return (
            f"{address}-{port}-{self._process_id}-{exchange.connection_serial}"
            f"-{exchange.request_serial}-{now:.3f}"
        )
