"""What a client is told again and again: events, queries to answer, answers, the log (rpc §4, §5, §7)."""

from typing import Final

from colobus.cluster.codec.filters import Filter, NodeFilter, TagFilter
from colobus.cluster.rpc import requests
from colobus.cluster.rpc.log_tail import monitor_level
from colobus.cluster.rpc.replies import LogRecord, QueryEventRecord, QueryRecord, StreamRecord
from colobus.cluster.rpc.subscriptions import EventFilter, event_of, parse_filters
from colobus.cluster.rpc.surroundings import Agent, Handlers, Outlet, Reply, Surroundings
from colobus.cluster.serf.answering import INTERNAL_PREFIX
from colobus.cluster.serf.facts import (
    Fact,
    QueryAcked,
    QueryAnswered,
    QueryClosed,
    QueryKey,
    QueryReceived,
)
from colobus.errors import ClusterError

__all__ = ["Watches"]

PING_QUERY: Final = "_serf_ping"
# More than any client has; the command line has one.
MOST_STREAMS: Final = 64
MOST_QUERIES: Final = 64
# Received queries that a client may still answer; the oldest go first.
MOST_UNANSWERED: Final = 1024
MOST_TIMEOUT_S: Final = 3600.0


class Watches:
    """The streams, the monitor and the queries of one session.

    Attributes:
        handlers: of the requests that begin, end or answer one of them.
    """

    def __init__(
        self, agent: Agent, surroundings: Surroundings, reply: Reply, outlet: Outlet
    ) -> None:
        self._agent = agent
        self._surroundings = surroundings
        self._reply = reply
        self._outlet = outlet
        self._streams: dict[int, tuple[EventFilter, ...]] = {}
        self._monitor: tuple[int, int] | None = None
        self._queries: dict[QueryKey, int] = {}
        self._unanswered: dict[int, tuple[QueryKey, float]] = {}
        self._numbered = 0
        self.handlers: Handlers = {
            requests.Subscribe: self._subscribe,
            requests.Monitor: self._watch,
            requests.Stop: self._stop,
            requests.StartQuery: self._query,
            requests.Respond: self._respond,
        }

    def clear(self) -> None:
        """End all of them."""
        self._monitor = None
        self._streams.clear()
        self._queries.clear()
        self._unanswered.clear()

    def log(self, level: int, line: str) -> None:
        """Tell a new line of the log to a client that monitors it."""
        if self._monitor is not None and level >= self._monitor[1]:
            self._push(self._monitor[0], LogRecord(line))

    def take(self, fact: Fact) -> None:
        """Tell what the client asked to be told.

        Raises:
            ClusterProtocolError: it cannot be written.
        """
        match fact:
            case QueryAcked(query, member):
                self._answer_query(query, QueryRecord("ack", member))
            case QueryAnswered(query, member, payload):
                self._answer_query(query, QueryRecord("response", member, payload))
            case QueryClosed(query):
                self._answer_query(query, QueryRecord("done"))
                self._queries.pop(query, None)
            case QueryReceived():
                self._take_query(fact)
            case _:
                self._take_event(fact)

    def _subscribe(self, sequence: int, request: requests.Subscribe) -> None:
        if sequence in self._streams:
            raise ClusterError("Stream with given sequence exists")
        if len(self._streams) >= MOST_STREAMS:
            raise ClusterError(f"more than {MOST_STREAMS} streams")
        self._streams[sequence] = parse_filters(request.events)
        self._reply(sequence, request)

    def _watch(self, sequence: int, request: requests.Monitor) -> None:
        level = monitor_level(request.level)
        if self._monitor is not None:
            raise ClusterError("Monitor already exists")
        self._monitor = (sequence, level)
        self._reply(sequence, request)
        for line in self._surroundings.log.recent(level):
            self._push(sequence, LogRecord(line))

    def _stop(self, sequence: int, request: requests.Stop) -> None:
        self._streams.pop(request.sequence, None)
        if self._monitor is not None and self._monitor[0] == request.sequence:
            self._monitor = None
        self._outlet.forget(request.sequence)
        self._reply(sequence, request)

    def _query(self, sequence: int, request: requests.StartQuery) -> None:
        is_ping = request.name == PING_QUERY and not request.payload
        if request.name.startswith(INTERNAL_PREFIX) and not is_ping:
            raise ClusterError(f"Queries cannot contain the '{INTERNAL_PREFIX}' prefix")
        if len(self._queries) >= MOST_QUERIES:
            raise ClusterError(f"more than {MOST_QUERIES} open queries")
        filters: list[Filter] = [TagFilter(*tag) for tag in request.tags.items()]
        if request.nodes:
            filters.insert(0, NodeFilter(request.nodes))
        commands = self._agent.machine.commands
        key = self._agent.call(
            lambda now: commands.query(
                request.name,
                request.payload,
                now,
                filters=filters,
                wants_acks=request.wants_acks,
                relay_factor=request.relay_factor,
                timeout_s=min(max(request.timeout_ns / 1e9, 0.0), MOST_TIMEOUT_S),
            )
        )
        self._queries[key] = sequence
        self._reply(sequence, request)

    def _respond(self, sequence: int, request: requests.Respond) -> None:
        key, deadline = self._unanswered.get(request.id, (None, 0.0))
        if key is None or self._agent.now > deadline:
            raise ClusterError("No pending queries matching ID")
        machine = self._agent.machine
        self._agent.call(lambda now: machine.respond(key, request.payload, now))
        self._reply(sequence, request)

    def _answer_query(self, query: QueryKey, record: QueryRecord) -> None:
        sequence = self._queries.get(query)
        if sequence is not None:
            self._push(sequence, record)

    def _take_query(self, fact: QueryReceived) -> None:
        wanting = self._wanting("query", fact.name)
        if not wanting:
            return
        now = self._agent.now
        for number in [n for n, (_, deadline) in self._unanswered.items() if deadline < now]:
            del self._unanswered[number]
        if len(self._unanswered) >= MOST_UNANSWERED:
            del self._unanswered[next(iter(self._unanswered))]
        self._numbered += 1
        self._unanswered[self._numbered] = (fact.query, fact.deadline)
        record = QueryEventRecord(self._numbered, fact.query.time, fact.name, fact.payload)
        for sequence in wanting:
            self._push(sequence, record)

    def _take_event(self, fact: Fact) -> None:
        if not self._streams:
            return
        record = event_of(fact)
        if record is None:
            return
        for sequence in self._wanting(record.event, getattr(record, "name", "")):
            self._push(sequence, record)

    def _wanting(self, kind: str, name: str) -> list[int]:
        """Return the numbers of the streams that asked for this."""
        return [
            sequence
            for sequence, filters in self._streams.items()
            if any(condition.passes(kind, name) for condition in filters)
        ]

    def _push(self, sequence: int, record: StreamRecord) -> None:
        self._outlet.push(sequence, record)
