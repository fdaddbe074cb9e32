"""What this node remembers of the datastore: ``/cache`` (reference: admin-api §1.9).

0.10 has two levels, which ``?cache=`` tells apart. Here every worker has one memory, so both show
the same entry; only its shape differs.
"""

import json
from collections.abc import Iterator, Sequence

from colobus.admin.answer import (
    NO_CONTENT,
    NOT_FOUND,
    Answer,
    Refused,
    json_answer,
    message,
)
from colobus.admin.call import Call
from colobus.admin.node import NodeFacade
from colobus.admin.routes import Route

__all__ = ["Cache"]

VIEWS = ("lua", "shm")


class Cache:
    """The routes of the cache."""

    def __init__(self, node: NodeFacade) -> None:
        self._node = node

    def routes(self) -> Iterator[Route]:
        """Yield the routes; keys hold credentials."""
        yield Route("/cache", {"GET": self.count, "DELETE": self.clear})
        yield Route(
            "/cache/{key}",
            {"GET": self.show, "DELETE": self.forget},
            secrets=frozenset({"key"}),
        )

    async def count(self, _call: Call) -> Answer:
        """Answer the counters; 0.10 has no such call."""
        return json_answer(200, dict(await self._node.cache_counts()))

    async def show(self, call: Call) -> Answer:
        """Answer the cached object, or 404."""
        view = _view(call)
        found = await self._node.cached(call.variables["key"])
        if found is None:
            return NOT_FOUND
        if view == "shm":
            return message(200, json.dumps(found, ensure_ascii=False, separators=(",", ":")))
        if isinstance(found, dict | list):
            return json_answer(200, found)
        return json_answer(200, {"message": found})

    async def forget(self, call: Call) -> Answer:
        """Forget one entry, known or not."""
        _view(call)
        return _done(await self._node.forget_cached(call.variables["key"]))

    async def clear(self, call: Call) -> Answer:
        """Forget everything."""
        _view(call)
        return _done(await self._node.clear_cache())


def _view(call: Call) -> str:
    view = call.parameters.get("cache", "lua")
    if view not in VIEWS:
        text = f"invalid cache type; '{view}', valid caches are: 'lua', 'shm'"
        raise Refused(message(400, text))
    return str(view)


def _done(laggards: Sequence[str]) -> Answer:
    if not laggards:
        return NO_CONTENT
    names = ", ".join(laggards)
    return NO_CONTENT.with_header("warning", f'199 colobus "not yet done by {names}"')
