"""The Admin API over a datastore in memory and a node that does as it is told."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from colobus.admin.access import AdminAccessLog
from colobus.admin.app import AdminApp
from colobus.admin.body import Limits
from colobus.errors import ClusterError
from colobus.node.feed import Feed, FeedSubscription
from colobus.plugins.registry import load
from colobus.testing.clock import ManualClock
from colobus.testing.store import MemoryStore


@dataclass
class StandInNode:
    """Implements :class:`colobus.admin.node.NodeFacade`; what it was told is in its attributes."""

    name: str = "node-a"
    hostname: str = "machine-a"
    laggards: Sequence[str] = ()
    cluster: list[dict[str, object]] = field(
        default_factory=lambda: [
            {"name": "node-a", "address": "10.0.0.1:7946", "status": "alive", "revision": 7},
            {"name": "node-b", "address": "10.0.0.2:7946", "status": "failed"},
        ]
    )
    failure: ClusterError | None = None
    waited_for: list[int] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    forced_out: list[str] = field(default_factory=list)
    looks: int = 0
    timeouts: list[float | None] = field(default_factory=list)
    feed: Feed = field(default_factory=lambda: Feed("node-a", "boot", ManualClock()))
    remembered: dict[str, object] = field(default_factory=dict)

    async def applied(self, revision: int) -> Sequence[str]:
        self.waited_for.append(revision)
        return self.laggards

    def configuration(self) -> Mapping[str, object]:
        return {"prefix": "/srv/colobus", "pg_password": "******"}

    def server_counters(self) -> Mapping[str, int]:
        return {"connections_active": 2, "total_requests": 9}

    async def cached(self, key: str) -> object | None:
        return self.remembered.get(key)

    async def forget_cached(self, key: str) -> Sequence[str]:
        self.remembered.pop(key, None)
        return self.laggards

    async def clear_cache(self) -> Sequence[str]:
        self.remembered.clear()
        return self.laggards

    async def cache_counts(self) -> Mapping[str, int]:
        return {"entries": len(self.remembered), "workers": 2}

    async def members(self) -> Sequence[Mapping[str, object]]:
        self._fail()
        return self.cluster

    async def reachability(self, timeout_s: float | None) -> Mapping[str, Any]:
        self._fail()
        self.timeouts.append(timeout_s)
        return {"reachable": True}

    def subscribe(self, last_id: str | None) -> FeedSubscription:
        return self.feed.subscribe(last_id)

    async def join(self, address: str) -> None:
        self._fail()
        self.joined.append(address)

    async def force_leave(self, name: str) -> None:
        self._fail()
        self.forced_out.append(name)

    def look(self) -> None:
        self.looks += 1

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class Admin:
    """An Admin API to send requests to, without a network.

    Args:
        store: makes the datastore, given this object with its catalog and clock.
    """

    def __init__(
        self,
        *,
        cors_origins: Sequence[str] = (),
        limits: Limits | None = None,
        store: "Callable[[Admin], MemoryStore] | None" = None,
    ) -> None:
        registry = load()
        self.catalog = registry.catalog()
        self.clock = ManualClock()
        self.store = store(self) if store else MemoryStore(self.catalog, self.clock)
        self.node = StandInNode()
        self.logged: list[bytes] = []
        access_log = AdminAccessLog(self.clock, self.logged.append)
        self.app = AdminApp(
            self.store, self.catalog, registry.schemas(), self.node, self.clock,
            cors_origins=cors_origins, limits=limits, access_log=access_log,
        )  # fmt: skip

    async def send(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        """Send a request and return the answer."""
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://admin:8001") as client:
            return await client.request(method, url, **arguments)

    async def create(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST a body as JSON and return the created entity."""
        answer = await self.send("POST", url, json=body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    async def rows(self, url: str) -> list[dict[str, Any]]:
        """Return the rows of a listing."""
        data: list[dict[str, Any]] = (await self.send("GET", url)).json()["data"]
        return data


def body_of(answer: httpx.Response) -> Any:
    """Return the JSON of an answer, after checking how it is framed; None for an empty body."""
    if not answer.content:
        return None
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.content.endswith(b"\n")
    assert not answer.content.endswith(b"\n\n")
    return json.loads(answer.content)
