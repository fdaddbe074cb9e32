"""What ``benchmarks.micro`` measures: each part as a call without arguments."""

import dataclasses
from collections.abc import Callable
from typing import Any

from benchmarks.workload import KEY, PLUGINS_BY_NAME, Setup, Traffic
from colobus.cache.fenced import FencedCache
from colobus.cache.lookups import CachedLookups
from colobus.clock import SystemClock
from colobus.gateway.chain import ChainedExchange, ChainTable, run_access
from colobus.gateway.counters import SharedCounters
from colobus.gateway.request import Request
from colobus.gateway.response import Response
from colobus.gateway.router import Router
from colobus.gateway.wire import HeadLimits, parse_request, parse_response
from colobus.model import CONSUMERS
from colobus.model.schema import Row
from colobus.plugins.context import Window
from colobus.plugins.registry import load
from colobus.testing.capabilities import MemoryWorker

__all__ = ["ACCESS_WITHOUT_PLUGINS", "PHASE", "parts"]

ACCESS_WITHOUT_PLUGINS = "a parsed exchange through access, no plugin"
PHASE = "access phase, "

API: Row = {"id": "00000000-0000-0000-0000-000000000001", "name": "api"}
CONSUMER: Row = {"id": "00000000-0000-0000-0000-000000000002", "username": "benchmark"}
CREDENTIAL: Row = {
    "id": "00000000-0000-0000-0000-000000000003", "consumer_id": CONSUMER["id"], "key": KEY,
}  # fmt: skip
COUNTERS_BYTES = 1 << 20
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 100\r\nConnection: keep-alive\r\n\r\n"
)


class _Exchange(ChainedExchange):
    """An exchange that has a real request and a real response, and no connection."""

    def __init__(self, head: bytes) -> None:
        super().__init__()
        parsed = parse_request(head, HeadLimits())
        assert parsed is not None
        self.api = API
        self.consumer = None
        self.credential: Row | None = None
        self.ctx: dict[str, Any] = {}
        self.request = Request(parsed, b"/api-99/100", None, "http", parsed.host, None)
        self.response = Response()
        self.client_ip = "127.0.0.1"


def parts(apis: int) -> dict[str, Callable[[], object]]:
    """Return the parts by name; ``apis`` is the size of the largest routing table.

    Those whose name starts with ``PHASE`` contain the work of ``ACCESS_WITHOUT_PLUGINS``.
    """
    head, limits = request_head(), HeadLimits()
    found: dict[str, Callable[[], object]] = {
        "request head, 8 headers": lambda: parse_request(head, limits),
        "response head, 5 headers": lambda: parse_response(ANSWER, limits),
    }
    for number in sorted({1, 100, 10_000, apis}):
        if number <= apis:
            found[f"router, {number} API{'s' * (number > 1)}"] = _look_up(number)
    found |= _plugin_parts(head)
    return found


def request_head() -> bytes:
    """Return the head that the load generator sends."""
    path = f"{Setup().uri}/{Traffic().size}"
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1:8000"]
    lines += [f"{name}: {value}" for name, value in Traffic().headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _look_up(apis: int) -> Callable[[], object]:
    router = Router(
        {
            "id": f"{number:032d}", "name": f"api-{number}", "created_at": number,
            "uris": [f"/api-{number}"], "upstream_url": "http://127.0.0.1:9000",
        }
        for number in range(apis)
    )  # fmt: skip
    path = f"/api-{apis - 1}/100".encode()
    if router.match(b"GET", path, b"127.0.0.1:8000") is None:
        raise RuntimeError("the route is not found")
    return lambda: router.match(b"GET", path, b"127.0.0.1:8000")


def _plugin_parts(head: bytes) -> dict[str, Callable[[], object]]:
    registry = load(())
    credentials = registry.catalog()["keyauth_credentials"]
    cache = FencedCache(registry.catalog(), b"salt", 1 << 20)
    cache.fill((credentials.name, "key", KEY), [CREDENTIAL], 1)
    cache.fill((CONSUMERS.name, "id", CONSUMER["id"]), [CONSUMER], 1)
    lookups = CachedLookups(cache, lambda _: None)
    counters = SharedCounters.create(COUNTERS_BYTES)
    clock = SystemClock()
    windows = [Window("hour", 1_000_000_000, clock.time() + 3600)]
    capabilities = dataclasses.replace(
        MemoryWorker().capabilities, lookups=lookups, counters=counters, clock=clock
    )
    plugins = registry.instantiate(lambda _: capabilities)

    def access(*names: str) -> Callable[[], object]:
        chains = ChainTable(plugins)
        for name in names:
            config = registry[name].Config.model_validate(PLUGINS_BY_NAME[name])
            row = {"id": name, "name": name, "config": config.model_dump(exclude_none=True)}
            chains.put(row | {"api_id": API["id"], "enabled": True})

        def run() -> None:
            if run_access(chains, _Exchange(head)) is not None:
                raise RuntimeError("the phase had to wait")

        return run

    return {
        "cache hit": lambda: lookups.cached(credentials, "key", KEY),
        "counters.consume, one window": lambda: counters.consume("group", windows, clock.time()),
        ACCESS_WITHOUT_PLUGINS: access(),
        f"{PHASE}key-auth": access("key-auth"),
        f"{PHASE}rate-limiting": access("rate-limiting"),
        f"{PHASE}key-auth + rate-limiting": access("key-auth", "rate-limiting"),
    }
