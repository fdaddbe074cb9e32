"""Membership: ``/cluster`` and ``/cluster/events`` (reference: admin-api §1.8)."""

from collections.abc import Iterator

from colobus.admin.answer import Answer, Refused, empty, html_page, json_answer, message
from colobus.admin.call import Call
from colobus.admin.node import NodeFacade
from colobus.admin.routes import Route
from colobus.errors import ClusterError

__all__ = ["Cluster"]


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
        yield Route("/cluster/events", {"POST": self.take_event})

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


def _first_line(error: ClusterError) -> Answer:
    return message(400, str(error).partition("\n")[0])
