"""Membership: ``/cluster``, what happens in it, and who answers (reference: admin-api §1.8)."""

from collections.abc import Iterator

from colobus.admin import event_stream
from colobus.admin.answer import Answer, Refused, empty, html_page, json_answer, message
from colobus.admin.call import Call
from colobus.admin.node import NodeFacade
from colobus.admin.routes import Route
from colobus.errors import ClusterError

__all__ = ["Cluster"]

LEAST_TIMEOUT_MS = 10
MOST_TIMEOUT_MS = 60_000
"""A client that waits longer has given up; so has whatever stands in between."""


class Cluster:
    """The routes of the cluster, as this node sees it."""

    def __init__(self, node: NodeFacade) -> None:
        self._node = node

    def routes(self) -> Iterator[Route]:
        """Yield the routes."""
        yield Route(
            "/cluster",
            {"GET": self.list_members, "POST": self.join, "DELETE": self.force_leave},
        )
        yield Route("/cluster/events", {"GET": self.watch, "POST": self.take_event})
        yield Route("/cluster/reachability", {"GET": self.reach})

    async def list_members(self, call: Call) -> Answer:
        """Answer the members, with ``?status=`` those of one status."""
        wanted = call.parameters.get("status")
        members = [
            dict(member)
            for member in await self._node.members()
            if wanted is None or member["status"] == wanted
        ]
        return json_answer(200, {"data": members, "total": len(members)})

    async def join(self, call: Call) -> Answer:
        """Join through the member at ``address``."""
        address = _text_parameter(call, "address")
        try:
            await self._node.join(address)
        except ClusterError as exc:
            raise Refused(_first_line(exc)) from exc
        return empty(200)

    async def force_leave(self, call: Call) -> Answer:
        """Remove the failed member ``name``."""
        name = _text_parameter(call, "name")
        try:
            await self._node.force_leave(name)
        except ClusterError as exc:
            raise Refused(_first_line(exc)) from exc
        return empty(200)

    async def reach(self, call: Call) -> Answer:
        """Answer who of the live members answers, with ``?timeout=`` within so many ms."""
        timeout = call.parameters.get("timeout")
        try:
            told = await self._node.reachability(None if timeout is None else _seconds(timeout))
        except ClusterError as exc:
            raise Refused(message(503, str(exc))) from exc
        return json_answer(200, told)

    async def watch(self, call: Call) -> Answer:
        """Answer events as they happen, first those since ``Last-Event-ID``."""
        try:
            subscription = self._node.subscribe(call.last_event_id)
        except ClusterError as exc:
            raise Refused(message(503, str(exc))) from exc
        return event_stream.answer(subscription)

    async def take_event(self, call: Call) -> Answer:
        """Take any event for a hint that something changed: anybody can send one (D14)."""
        if "type" not in call.parameters:
            return html_page(400, "An event has a type.")
        self._node.look()
        return empty(200)


def _text_parameter(call: Call, name: str) -> str:
    value = call.parameters.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refused(message(400, f'Missing node "{name}"'))
    return value.strip()


def _seconds(timeout: object) -> float:
    text = str(timeout)
    if (
        not text.isdecimal()
        or len(text) > 6
        or not LEAST_TIMEOUT_MS <= int(text) <= MOST_TIMEOUT_MS
    ):
        shown = f"must be a number of ms from {LEAST_TIMEOUT_MS} to {MOST_TIMEOUT_MS}"
        raise Refused(json_answer(400, {"timeout": shown}))
    return int(text) / 1e3


def _first_line(error: ClusterError) -> Answer:
    return message(400, str(error).partition("\n")[0])
