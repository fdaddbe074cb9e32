"""What a session answers, with a real machine behind it (reference: rpc §2 to §7)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pytest

from colobus.cluster.coordinates import Coordinate
from colobus.cluster.machine import ClusterMachine
from colobus.cluster.messages import Query, QueryFlag, UserEvent
from colobus.cluster.rpc.hub import Hub
from colobus.cluster.rpc.log_tail import LogTail
from colobus.cluster.rpc.protocol import (
    Reply,
    ReplyReader,
    RequestReader,
    encode_record,
    encode_request,
)
from colobus.cluster.rpc.replies import (
    CoordinateFound,
    Joined,
    KeyReport,
    LogRecord,
    MemberEventRecord,
    Members,
    QueryEventRecord,
    QueryRecord,
    StatsReport,
    StreamRecord,
    UserEventRecord,
)
from colobus.cluster.rpc.requests import (
    Authenticate,
    FireEvent,
    ForceLeave,
    GetCoordinate,
    Handshake,
    InstallKey,
    Join,
    Leave,
    ListKeys,
    ListMembers,
    Monitor,
    Request,
    Respond,
    SelectMembers,
    SetTags,
    StartQuery,
    Stats,
    Stop,
    Subscribe,
)
from colobus.cluster.rpc.session import Session
from colobus.cluster.rpc.surroundings import Resolved, Surroundings
from colobus.cluster.swim.addresses import Address
from colobus.errors import ClusterProtocolError
from support.machine import MachineUnderTest
from support.serf_vectors import load
from support.swim import PORT, alive

T = TypeVar("T")
KEY = bytes(16)
KEY_TEXT = "AAAAAAAAAAAAAAAAAAAAAA=="
NAMES: dict[str, Address | str] = {"n1": ("10.0.0.1", 7946), "nowhere": "unknown"}


class Connection:
    """A client, its session, and the agent; a fake wire, a fake clock, nothing else."""

    def __init__(self, node: MachineUnderTest, auth_key: str = "") -> None:
        self.node = node
        self.forgotten: list[int] = []
        self.hub = Hub()
        self.written: list[bytes] = []
        self.is_closed = False
        self.log = LogTail()
        surroundings = Surroundings(self.log, lambda: {"os": "linux"}, self._resolve, auth_key)
        self.session = Session(self, surroundings, self)
        self.hub.add(self.session)
        self.reader = ReplyReader()
        self.sequence = 0

    # The agent.

    @property
    def machine(self) -> ClusterMachine:
        return self.node.machine

    @property
    def now(self) -> float:
        return self.node.now

    def call(self, command: Callable[[float], T]) -> T:
        result = command(self.node.now)
        self.pump()
        return result

    def pump(self) -> None:
        for fact in self.node.facts():
            self.hub.take(fact)

    # The outlet.

    def send(self, data: bytes) -> None:
        self.written.append(data)

    def push(self, sequence: int, record: StreamRecord) -> None:
        self.written.append(encode_record(sequence, record))

    def forget(self, sequence: int) -> None:
        self.forgotten.append(sequence)

    def close(self) -> None:
        self.is_closed = True

    # The surroundings, and the client.

    def _resolve(self, names: Sequence[str], done: Callable[[Resolved], None]) -> None:
        done({name: NAMES[name] for name in names})

    def post(self, request: Request) -> int:
        """Send a request and let the session handle what it can."""
        self.sequence += 1
        self.reader.expect(self.sequence, request)
        self.receive(encode_request(self.sequence, request))
        return self.sequence

    def receive(self, data: bytes) -> None:
        self.session.receive(data)
        self.go_on()

    def go_on(self) -> None:
        while self.hub.run(self.session.handle_next):
            pass

    def replies(self) -> list[Reply]:
        for data in self.written:
            self.reader.receive(data)
        self.written.clear()
        return list(iter(self.reader.next_reply, None))

    def ask(self, request: Request) -> Reply:
        self.post(request)
        (reply,) = self.replies()
        return reply

    def advance(self, seconds: float) -> None:
        self.node.advance(seconds)
        self.pump()
        self.go_on()

    def records(self) -> list[StreamRecord]:
        return [reply.record for reply in self.replies() if reply.record is not None]


def connected(*, keys: tuple[bytes, ...] = (), tags: Mapping[str, str] | None = None) -> Connection:
    connection = Connection(MachineUnderTest(keys=keys, tags=tags))
    assert connection.ask(Handshake()).error == ""
    return connection


@pytest.fixture
def client() -> Connection:
    return connected(tags={"role": "lb"})


# -- the rules of a session ----------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [ListMembers(), Authenticate(""), Stats()])
def test_before_the_handshake_nothing_else_is_taken(request_: Request) -> None:
    client = Connection(MachineUnderTest())
    assert client.ask(request_).error == "Handshake required"
    assert client.is_closed


def test_another_version_is_refused_and_may_be_corrected() -> None:
    client = Connection(MachineUnderTest())
    assert client.ask(Handshake(2)).error == "Unsupported IPC version"
    assert client.ask(Handshake(1)).error == ""
    assert client.ask(Handshake(1)).error == "Handshake already performed"
    assert not client.is_closed


def test_only_the_empty_key_fits_an_agent_without_one(client: Connection) -> None:
    assert client.ask(Authenticate("")).error == ""
    assert client.ask(Authenticate("guess")).error == "Invalid authentication token"


def test_a_wrong_key_is_nothing_where_none_is_asked_for(client: Connection) -> None:
    client.ask(Authenticate("guess"))
    assert client.ask(ListMembers()).error == ""


@pytest.mark.parametrize(
    "request_", [ListMembers(), Stats(), FireEvent("x"), Join(("n1",)), Subscribe("*"), Leave()]
)
def test_with_a_key_nothing_is_done_before_it_is_shown(
    request_: Request, caplog: pytest.LogCaptureFixture
) -> None:
    client = Connection(MachineUnderTest(), "the-secret")
    client.ask(Handshake())
    assert client.ask(request_) == Reply(2, "Authentication required")
    for wrong in ("", "the-secre", "the-secret!"):
        assert client.ask(Authenticate(wrong)).error == "Invalid authentication token"
        assert client.ask(request_).error == "Authentication required"
    assert client.machine.statistics().event_time == 1
    assert client.ask(Authenticate("the-secret")).error == ""
    assert client.ask(ListMembers()).error == ""
    assert "the-secret" not in caplog.text + repr(client.session._surroundings)


def test_what_waits_for_a_stream_is_forgotten_with_it(client: Connection) -> None:
    client.ask(Subscribe("*"))
    sequence = client.sequence
    client.ask(Stop(sequence))
    assert client.forgotten == [sequence]


def test_an_unknown_command_ends_the_session(client: Connection) -> None:
    client.receive(b"\x82\xa7Command\xa3fly\xa3Seq\x09")
    assert client.written == [b"\x82\xa5Error\xb3Unsupported command\xa3Seq\x09"]
    assert client.is_closed


def test_an_expression_that_cannot_be_read_closes_without_an_answer(client: Connection) -> None:
    client.post(SelectMembers(name="("))
    assert client.replies() == []
    assert client.is_closed


def test_a_body_that_cannot_be_read_closes(client: Connection) -> None:
    client.receive(b"\x82\xa7Command\xa5event\xa3Seq\x03\x01")
    assert client.is_closed


@pytest.mark.parametrize("name", [session["name"] for session in load("rpc")])
@pytest.mark.parametrize("keys", [(), (KEY,)])
def test_every_captured_request_is_answered_or_refused(name: str, keys: tuple[bytes, ...]) -> None:
    (session,) = (entry for entry in load("rpc") if entry["name"] == name)
    client = Connection(MachineUnderTest(keys=keys))
    client._resolve = lambda names, done: done(dict.fromkeys(names, ("10.0.0.1", 1)))  # type: ignore[method-assign]
    client.session._commands._surroundings = Surroundings(client.log, dict, client._resolve)
    data = b"".join(bytes.fromhex(entry["hex"]) for entry in session["client_to_agent"])
    asked = RequestReader()
    asked.receive(data)
    for incoming in iter(asked.next_request, None):
        if incoming.request is not None:
            client.reader.expect(incoming.sequence, incoming.request)
    client.receive(data)
    for _ in range(60):
        client.advance(1.0)
    if client.is_closed:
        return
    answered = {reply.sequence for reply in client.replies() if reply.record is None}
    assert len(answered) == len(session["commands"])


@pytest.mark.parametrize("size", [1, 7])
def test_requests_may_come_in_pieces(size: int) -> None:
    client = Connection(MachineUnderTest())
    data = encode_request(1, Handshake()) + encode_request(2, ListMembers())
    client.reader.expect(1, Handshake())
    client.reader.expect(2, ListMembers())
    for start in range(0, len(data), size):
        client.receive(data[start : start + size])
    assert [reply.sequence for reply in client.replies()] == [1, 2]


def test_more_than_a_request_has_is_refused(client: Connection) -> None:
    with pytest.raises(ClusterProtocolError, match="wait to be read"):
        client.session.receive(bytes(1 << 20))


# -- what is ---------------------------------------------------------------------------------------------


def names_of(reply: Reply) -> list[str]:
    assert isinstance(reply.body, Members)
    return [member.name for member in reply.body.members]


def test_members_are_listed_with_words_for_their_status(client: Connection) -> None:
    client.node.meet("n1", "n2")
    client.node.fail("n2")
    reply = client.ask(ListMembers())
    assert isinstance(reply.body, Members)
    shown = {member.name: (member.status, member.port) for member in reply.body.members}
    assert shown == {"me": ("alive", PORT), "n1": ("alive", PORT), "n2": ("failed", PORT)}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (SelectMembers(), ["me", "n1", "n2"]),
        (SelectMembers(name="n."), ["n1", "n2"]),
        (SelectMembers(name="n"), []),
        (SelectMembers(status="alive"), ["me", "n1"]),
        (SelectMembers(status="failed|left"), ["n2"]),
        (SelectMembers(tags={"role": "l."}), ["me"]),
        (SelectMembers(tags={"role": ".*"}), ["me", "n1", "n2"]),
        (SelectMembers(tags={"role": "x"}), []),
    ],
)
def test_members_are_selected_by_whole_matches(
    client: Connection, wanted: SelectMembers, names: list[str]
) -> None:
    client.node.meet("n1", "n2")
    client.node.fail("n2")
    assert sorted(names_of(client.ask(wanted))) == names


def test_statistics_are_texts_in_sections(client: Connection) -> None:
    body = client.ask(Stats()).body
    assert isinstance(body, StatsReport)
    assert body.sections["agent"] == {"name": "me"}
    assert body.sections["tags"] == {"role": "lb"}
    assert body.sections["runtime"] == {"os": "linux"}
    assert body.sections["event_handlers"] == {}
    assert body.sections["serf"]["members"] == "1"
    assert body.sections["serf"]["encrypted"] == "false"


def test_an_unknown_coordinate_is_no_error(client: Connection) -> None:
    assert client.ask(GetCoordinate("me")).body == CoordinateFound(Coordinate(), is_known=True)
    unknown = client.ask(GetCoordinate("zz"))
    assert (unknown.error, unknown.body) == ("", CoordinateFound())


# -- commands that take a while ----------------------------------------------------------------------------


def test_a_command_that_takes_a_while_holds_up_the_next(client: Connection) -> None:
    client.node.meet("n1")
    client.post(ForceLeave("n7"))
    client.post(ListMembers())
    assert client.session.is_waiting
    assert client.replies() == []
    client.advance(6)
    assert [(reply.sequence, reply.error) for reply in client.replies()] == [(2, ""), (3, "")]


def test_tags_are_deleted_then_set(client: Connection) -> None:
    client.post(SetTags({"a": "1", "role": "web"}, ("role",)))
    client.advance(6)
    assert [reply.error for reply in client.replies()] == [""]
    assert client.node.machine.tags == {"a": "1", "role": "web"}


def test_tags_that_are_too_long_are_refused(client: Connection) -> None:
    assert client.ask(SetTags({"a": "x" * 600})).error
    assert client.ask(ListMembers()).error == ""


def test_a_join_that_reaches_nobody_tells_why(client: Connection) -> None:
    client.post(Join(("nowhere",)))
    (reply,) = client.replies()
    assert reply.error == "1 error occurred:\n\t* Failed to resolve nowhere: unknown\n\n"
    assert reply.body == Joined(0)


def test_a_join_tells_of_every_address_that_failed(client: Connection) -> None:
    client.post(Join(("n1", "nowhere")))
    (opening,) = client.node.machine.streams_to_open()
    client.node.machine.stream_ended(opening.stream, client.now, "connection refused")
    client.advance(1)
    (reply,) = client.replies()
    assert reply.error.startswith("2 errors occurred:\n")
    assert "\t* Failed to join 10.0.0.1: connection refused\n" in reply.error


def test_an_answer_follows_when_the_leave_is_complete(client: Connection) -> None:
    client.post(Leave())
    assert client.replies() == []
    client.advance(20)
    assert [reply.error for reply in client.replies()] == [""]
    assert client.ask(Leave()).error == ""  # once more
    assert client.ask(Join(("n1",))).error == "Serf can't Join after Leave or Shutdown"


def test_keys_are_counted() -> None:
    client = connected(keys=(KEY,))
    client.post(ListKeys())
    client.advance(10)
    (reply,) = client.replies()
    assert reply.error == ""
    assert reply.body == KeyReport({}, {KEY_TEXT: 1}, 1, 0, 1)


@pytest.mark.parametrize("text", ["", "AAAA", "not base64"])
def test_a_key_that_is_none_is_refused_with_a_body(text: str) -> None:
    client = connected(keys=(KEY,))
    reply = client.ask(InstallKey(text))
    assert reply.error
    assert reply.body == KeyReport()


def test_keys_without_encryption_fail_everywhere(client: Connection) -> None:
    client.post(InstallKey(KEY_TEXT))
    client.advance(10)
    (reply,) = client.replies()
    assert reply.error == "1/1 nodes reported failure"
    assert isinstance(reply.body, KeyReport)
    assert reply.body.messages == {"me": "No keyring to modify (encryption not enabled)"}


# -- events, queries, log ----------------------------------------------------------------------------------


def test_an_event_that_is_too_long_is_refused(client: Connection) -> None:
    reply = client.ask(FireEvent("deploy", bytes(600)))
    assert reply.error == "user event exceeds configured limit of 512 bytes before encoding"


@pytest.mark.parametrize(
    ("filters", "kinds"),
    [
        ("", ["user", "member-join", "member-failed", "query"]),
        ("*", ["user", "member-join", "member-failed", "query"]),
        ("user", ["user"]),
        ("user:deploy", ["user"]),
        ("user:other", []),
        ("query:load", ["query"]),
        ("member-join,query:other", ["member-join"]),
    ],
)
def test_a_stream_tells_what_was_asked_for(
    client: Connection, filters: str, kinds: list[str]
) -> None:
    client.post(Subscribe(filters))
    client.node.hear(UserEvent(4, "deploy", b"1", coalesce=True))
    client.pump()
    client.node.receive(alive("n1"))
    client.pump()
    client.node.fail("n1")
    client.pump()
    client.node.hear(question("load"))
    client.pump()
    records = client.records()
    assert [getattr(record, "event", "") for record in records] == kinds
    for record in records:
        match record:
            case UserEventRecord():
                assert record == UserEventRecord(4, "deploy", b"1", coalesce=True)
            case MemberEventRecord(members=(member,)):
                assert member.name == "n1"
            case _:
                assert isinstance(record, QueryEventRecord)
                assert (record.id, record.name, record.payload) == (1, "load", b"?")


@pytest.mark.parametrize("filters", ["bogus", "member-join,", "member-join:n1", "*:x"])
def test_a_filter_of_no_kind_is_refused(client: Connection, filters: str) -> None:
    assert client.ask(Subscribe(filters)).error == "Invalid event filter"


def test_a_stopped_stream_tells_nothing(client: Connection) -> None:
    sequence = client.post(Subscribe("user"))
    client.post(Stop(sequence))
    client.post(Stop(99))
    client.replies()
    client.node.hear(UserEvent(4, "deploy"))
    client.pump()
    assert client.written == []


def test_our_own_answer_comes_after_that_to_the_query(client: Connection) -> None:
    client.post(StartQuery("load", b"", wants_acks=True, timeout_ns=1_000_000_000))
    client.advance(2)
    replies = client.replies()
    assert replies[0].record is None
    assert [reply.record for reply in replies[1:]] == [
        QueryRecord("ack", "me"),
        QueryRecord("done"),
    ]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (StartQuery("_serf_conflict", b"x"), "Queries cannot contain the '_serf_' prefix"),
        (StartQuery("_serf_ping", b"x"), "Queries cannot contain the '_serf_' prefix"),
        (StartQuery("_serf_ping"), ""),
        (StartQuery("load", bytes(1100)), "query exceeds limit of 1024 bytes"),
    ],
)
def test_queries_of_agents_are_not_for_clients(
    client: Connection, query: StartQuery, error: str
) -> None:
    client.post(query)
    assert client.replies()[0].error == error


def test_a_query_is_answered_once_and_in_time(client: Connection) -> None:
    client.post(Subscribe("query"))
    client.node.hear(question("load"))
    client.pump()
    assert [type(record) for record in client.records()] == [QueryEventRecord]
    assert client.ask(Respond(9)).error == "No pending queries matching ID"
    assert client.ask(Respond(1, b"fine")).error == ""
    assert client.ask(Respond(1, b"fine")).error == "response already sent"
    client.advance(20)
    assert client.ask(Respond(1, b"fine")).error == "No pending queries matching ID"


def record_of(level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord("colobus.node", level, "", 1, text, None, None)


def test_a_monitor_tells_recent_lines_and_new_ones(client: Connection) -> None:
    client.log.sink = client.hub.log
    for level, text in ((logging.DEBUG, "a"), (logging.WARNING, "b")):
        client.log.emit(record_of(level, text))
    client.post(Monitor("info"))
    client.post(Monitor("info"))
    for level, text in ((logging.DEBUG, "c"), (logging.ERROR, "d")):
        client.log.emit(record_of(level, text))
    replies = client.replies()
    assert [reply.error for reply in replies if reply.error] == ["Monitor already exists"]
    lines = [reply.record.line for reply in replies if isinstance(reply.record, LogRecord)]
    assert [line[20:] for line in lines] == ["[WARN] colobus.node: b", "[ERR] colobus.node: d"]


def test_an_unknown_level_is_refused(client: Connection) -> None:
    assert client.ask(Monitor("nope")).error == "Unknown log level: NOPE"


def test_the_log_keeps_512_lines() -> None:
    log = LogTail()
    for number in range(600):
        log.emit(record_of(logging.INFO, str(number)))
    lines = log.recent(logging.INFO)
    assert len(lines) == 512
    assert lines[0].endswith(": 88")


def question(name: str) -> Query:
    return Query(
        7, 1, bytes((10, 0, 0, 1)), PORT, name, b"?",
        source_node="n1", flags=int(QueryFlag.ACK), timeout_ns=5_000_000_000,
    )  # fmt: skip
