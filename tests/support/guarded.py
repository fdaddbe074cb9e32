"""A whole gateway whose API is guarded by plugins, and what of a request reaches the upstream."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from colobus.gateway.settings import GatewaySettings
from colobus.model import CONSUMERS
from colobus.model.schema import Row, validate
from colobus.plugins.base import Plugin
from colobus.testing.capabilities import MemoryWorker
from colobus.testing.gateway import GatewayHarness
from support.proxying import exchange, proxied
from support.raw_upstream import RawUpstream

__all__ = ["ANONYMOUS", "API_ID", "BOB", "Guarded", "Reply", "guarded"]

API_ID = "5e0c1f4e-0000-4000-8000-000000000001"
BOB: Row = {"id": "b0b00000-0000-4000-8000-000000000001", "username": "bob", "custom_id": "17"}
ANONYMOUS: Row = {"id": "a0000000-0000-4000-8000-000000000001", "username": "anyone"}


@dataclass(frozen=True)
class Reply:
    """The answer to a request, and what the upstream got of it.

    Attributes:
        status: of the answer. ``headers``: its header fields, names in lower case.
        body: of the answer.
        upstream: the header fields that reached the upstream, names in lower case, and its first
            line under ``""``; None when nothing did.
        upstream_body: the body that reached it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    upstream: Mapping[str, str] | None
    upstream_body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, after checking how the gateway frames it."""
        assert self.headers["content-type"] == "application/json; charset=utf-8"
        assert self.body.endswith(b"\n")
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, Any]:
        """Status and JSON of an answer that the gateway gave itself."""
        assert self.upstream is None
        return self.status, self.json

    @property
    def passed(self) -> Mapping[str, str]:
        """What reached the upstream."""
        assert self.upstream is not None, self
        return self.upstream


class Guarded:
    """Sends requests to the gateway.

    Attributes:
        worker: what the plugins work with: their rows, their clock.
    """

    def __init__(
        self, gateway: GatewayHarness, upstream: RawUpstream, worker: MemoryWorker
    ) -> None:
        self.worker = worker
        self.gateway = gateway
        self._upstream = upstream

    def ask(
        self,
        target: str = "/",
        *headers: tuple[str, str],
        method: str = "GET",
        body: bytes | None = None,
    ) -> Reply:
        """Send one request."""
        before = len(self._upstream.heads)
        lines = [("Host", "shop.test"), *headers]
        if body is not None:
            lines.append(("Content-Length", str(len(body))))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        request = f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + (body or b"")
        answered, content = exchange(self.gateway, request)
        first, fields = _fields(answered)
        heads = self._upstream.heads[before:]
        received = None
        if heads:
            line, got = _fields(heads[0])
            received = {"": line, **got}
        reached = self._upstream.bodies[before] if heads else b""
        return Reply(int(first.split(" ")[1]), fields, content, received, reached)


def _fields(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("utf-8", "surrogateescape").rstrip("\r\n").split("\r\n")
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key = name.lower()
        fields[key] = f"{fields[key]}, {value.strip()}" if key in fields else value.strip()
    return first, fields


@contextmanager
def guarded(
    *plugins: tuple[type[Plugin], Mapping[str, Any]],
    fields: dict[str, object] | None = None,
    settings: GatewaySettings | None = None,
) -> Iterator[Guarded]:
    """Start a gateway whose API has these plugins, each with its configuration.

    Bob and the anonymous consumer exist; credentials are for the test to add.
    """
    worker = MemoryWorker()
    worker.lookups.add(CONSUMERS, BOB, ANONYMOUS)
    rows: list[Row] = [
        {
            "id": f"row-{plugin.name}",
            "name": plugin.name,
            "api_id": API_ID,
            "config": validate(plugin.Config, config).model_dump(exclude_none=True),
            "enabled": True,
        }
        for plugin, config in plugins
    ]
    instances = [plugin(worker.capabilities) for plugin, _ in plugins]
    with proxied(fields=fields, plugins=instances, plugin_rows=rows, settings=settings) as (
        gateway,
        upstream,
    ):
        yield Guarded(gateway, upstream, worker)
