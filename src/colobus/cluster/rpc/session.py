"""One client's session with the agent: takes requests and facts, gives answers and records.

Pure: bytes of the client come in by :meth:`Session.receive`, what is to be written goes out through
an :class:`Outlet`. Commands are handled one after the other; one that takes a while (join, keys …)
holds up those behind it, while streams keep flowing (reference: rpc §1, §2).
"""

import hmac
import logging
from typing import Final

from colobus.cluster.rpc import requests
from colobus.cluster.rpc.patient import PatientCommands
from colobus.cluster.rpc.protocol import Incoming, RequestReader, encode_reply
from colobus.cluster.rpc.replies import Body, CoordinateFound, Members
from colobus.cluster.rpc.requests import Request
from colobus.cluster.rpc.selection import select_members
from colobus.cluster.rpc.statistics import stats_of
from colobus.cluster.rpc.subscriptions import member_of
from colobus.cluster.rpc.surroundings import Agent, Handlers, Outlet, Surroundings
from colobus.cluster.rpc.watching import Watches
from colobus.cluster.serf.expression import ExpressionError
from colobus.cluster.serf.facts import CommandDone, Fact, JoinDone, KeyOperationDone, LeaveDone
from colobus.errors import ClusterError, ClusterProtocolError

__all__ = ["Session"]

RPC_VERSION: Final = 1
_BEFORE_AUTHENTICATION: Final = (requests.Handshake, requests.Authenticate)

logger = logging.getLogger(__name__)


class Session:
    """The session of one connection.

    Attributes:
        is_open: whether the client has shaken hands.
        is_closed: whether no more is taken or said.
    """

    def __init__(self, agent: Agent, surroundings: Surroundings, outlet: Outlet) -> None:
        self.is_open = False
        self.is_closed = False
        self._agent = agent
        self._surroundings = surroundings
        self._outlet = outlet
        self._is_authenticated = False
        self._reader = RequestReader()
        self._commands = PatientCommands(agent, surroundings, self._reply)
        self._watches = Watches(agent, surroundings, self._reply, outlet)
        self._handlers: Handlers = {
            requests.Handshake: self._handshake,
            requests.Authenticate: self._authenticate,
            requests.FireEvent: self._fire,
            requests.ListMembers: self._list,
            requests.SelectMembers: self._select,
            requests.Stats: self._stats,
            requests.GetCoordinate: self._locate,
            **self._commands.handlers,
            **self._watches.handlers,
        }

    @property
    def is_waiting(self) -> bool:
        """Whether a command is under way, which the next one waits for."""
        return self._commands.is_waiting

    def receive(self, data: bytes) -> None:
        """Take bytes of the client.

        Raises:
            ClusterProtocolError: far more of them wait than a request has.
        """
        self._reader.receive(data)

    def handle_next(self) -> bool:
        """Handle one request; return whether there was one and it may go on.

        A request that cannot be read closes the session.
        """
        if self.is_closed or self.is_waiting:
            return False
        try:
            incoming = self._reader.next_request()
            if incoming is None:
                return False
            self._handle(incoming)
        except (ClusterProtocolError, ExpressionError) as exc:
            # Agents close without an answer, also at a wrong expression (reference: rpc §2).
            logger.info("a session is closed: %s", exc)
            self.close()
        return not self.is_closed

    def take(self, fact: Fact) -> None:
        """Tell the client what it waits for or asked to be told."""
        if self.is_closed:
            return
        try:
            if isinstance(fact, (JoinDone, CommandDone, KeyOperationDone, LeaveDone)):
                self._commands.take(fact)
            else:
                self._watches.take(fact)
        except ClusterProtocolError as exc:
            logger.warning("a session is closed, what is to be said cannot be written: %s", exc)
            self.close()

    def log(self, level: int, line: str) -> None:
        """Tell a new line of the log to a client that monitors it."""
        if not self.is_closed:
            self._watches.log(level, line)

    def close(self) -> None:
        """End the session; streams, monitor and open queries go with it."""
        self.is_closed = True
        self._commands.give_up()
        self._watches.clear()
        self._outlet.close()

    def _reply(
        self, sequence: int, request: Request | None, error: str = "", body: Body | None = None
    ) -> None:
        self._outlet.send(encode_reply(sequence, request, error=error, body=body))

    def _handle(self, incoming: Incoming) -> None:
        sequence, request = incoming.sequence, incoming.request
        if not self.is_open and not isinstance(request, requests.Handshake):
            self._reply(sequence, request, "Handshake required")
            self.close()
            return
        if request is None:
            self._reply(sequence, None, "Unsupported command")
            self.close()
            return
        is_known = self._is_authenticated or not self._surroundings.auth_key
        if not is_known and not isinstance(request, _BEFORE_AUTHENTICATION):
            self._reply(sequence, request, "Authentication required")
            return
        try:
            self._handlers[type(request)](sequence, request)
        except ClusterProtocolError:
            raise
        except ClusterError as exc:
            self._commands.give_up()
            self._reply(sequence, request, str(exc))

    def _handshake(self, sequence: int, request: requests.Handshake) -> None:
        if self.is_open:
            raise ClusterError("Handshake already performed")
        if request.version != RPC_VERSION:
            raise ClusterError("Unsupported IPC version")
        self.is_open = True
        self._reply(sequence, request)

    def _authenticate(self, sequence: int, request: requests.Authenticate) -> None:
        # Without a key of ours only the empty one matches (reference: rpc §2).
        own = self._surroundings.auth_key.encode("utf-8", "surrogateescape")
        shown = request.key.encode("utf-8", "surrogateescape")
        self._is_authenticated = hmac.compare_digest(own, shown)
        if not self._is_authenticated:
            logger.warning("an RPC client showed a wrong key")
            raise ClusterError("Invalid authentication token")
        self._reply(sequence, request)

    def _fire(self, sequence: int, request: requests.FireEvent) -> None:
        commands = self._agent.machine.commands
        self._agent.call(
            lambda now: commands.user_event(
                request.name, request.payload, now, coalesce=request.coalesce, is_direct=True
            )
        )
        self._reply(sequence, request)

    def _list(self, sequence: int, request: requests.ListMembers) -> None:
        members = tuple(map(member_of, self._agent.machine.members()))
        self._reply(sequence, request, body=Members(members))

    def _select(self, sequence: int, request: requests.SelectMembers) -> None:
        members = map(member_of, self._agent.machine.members())
        self._reply(sequence, request, body=Members(tuple(select_members(members, request))))

    def _stats(self, sequence: int, request: requests.Stats) -> None:
        body = stats_of(self._agent.machine, self._surroundings.runtime())
        self._reply(sequence, request, body=body)

    def _locate(self, sequence: int, request: requests.GetCoordinate) -> None:
        known = self._agent.machine.coordinate_of(request.node)
        body = CoordinateFound() if known is None else CoordinateFound(known, is_known=True)
        self._reply(sequence, request, body=body)
