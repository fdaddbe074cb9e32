"""The RPC protocol, both sides: captured sessions, and what neither side may be brought to do."""

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from colobus.cluster.codec.dialect import pack_new, pack_old
from colobus.cluster.coordinates import START, Coordinate
from colobus.cluster.rpc.protocol import (
    Incoming,
    Reply,
    ReplyReader,
    RequestReader,
    encode_record,
    encode_reply,
    encode_request,
)
from colobus.cluster.rpc.replies import (
    Body,
    CoordinateFound,
    Joined,
    KeyReport,
    LogRecord,
    Member,
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
    RemoveKey,
    Request,
    Respond,
    SelectMembers,
    SetTags,
    StartQuery,
    Stats,
    Stop,
    Subscribe,
    UseKey,
)
from colobus.errors import ClusterProtocolError
from support.serf_vectors import load

SESSIONS = {session["name"]: session for session in load("rpc")}
# Requests that no encoder of ours writes: nil for an empty map, keys out of order, a command
# that does not exist.
UNLIKE_OURS = {"cli_reachability", "errors_mix", "double_handshake_members_bogus"}

MEMBER = Member("n1", bytes(4), 7946, {"role": "lb"}, "alive", 1, 5, 2, 2, 5, 5)
REQUESTS: list[tuple[str, Request]] = [
    ("handshake", Handshake()),
    ("auth", Authenticate("secret")),
    ("event", FireEvent("deploy", b"1.2", coalesce=True)),
    ("force-leave", ForceLeave("n3", prune=True)),
    ("join", Join(("a:1", "b:2"), replay=True)),
    ("members", ListMembers()),
    ("members-filtered", SelectMembers({"role": "l."}, "alive", "n.*")),
    ("tags", SetTags({"a": "b"}, ("c",))),
    ("stream", Subscribe("user:deploy")),
    ("monitor", Monitor("debug")),
    ("stop", Stop(3)),
    ("leave", Leave()),
    ("query", StartQuery("load", b"now", ("n1",), {"a": "b"}, True, 2, -5)),
    ("respond", Respond(7, b"answer")),
    ("stats", Stats()),
    ("get-coordinate", GetCoordinate("n1")),
    ("install-key", InstallKey("AAEC")),
    ("use-key", UseKey("AAEC")),
    ("remove-key", RemoveKey("AAEC")),
    ("list-keys", ListKeys()),
]
BODIES: list[tuple[Request, Body]] = [
    (Join(("a",)), Joined(2)),
    (ListMembers(), Members((MEMBER,))),
    (SelectMembers(), Members((MEMBER, MEMBER))),
    (Stats(), StatsReport({"agent": {"name": "n1"}, "tags": {}})),
    (GetCoordinate("n1"), CoordinateFound(START, is_known=True)),
    (UseKey("AAEC"), KeyReport({"n1": "no"}, None, 3, 1, 3)),
    (ListKeys(), KeyReport({}, {"AAEC": 3}, 3, 0, 3)),
]
RECORDS: list[tuple[Request, StreamRecord]] = [
    (Monitor("info"), LogRecord("2026/11/22 13:00:00 [INFO] line")),
    (StartQuery("load"), QueryRecord("ack", "n1")),
    (StartQuery("load"), QueryRecord("response", "n2", b"\x00\xff")),
    (StartQuery("load"), QueryRecord("done")),
    (Subscribe("*"), MemberEventRecord("member-failed", (MEMBER,))),
    (Subscribe("*"), UserEventRecord(3, "deploy", b"x", coalesce=True)),
    (Subscribe("*"), QueryEventRecord(1, 2, "load")),
]


def requests_in(data: bytes) -> list[Incoming]:
    reader = RequestReader()
    reader.receive(data)
    return list(iter(reader.next_request, None))


def replies_in(reader: ReplyReader, data: bytes) -> list[Reply]:
    reader.receive(data)
    return list(iter(reader.next_reply, None))


def joined(objects: list[dict[str, Any]]) -> bytes:
    return b"".join(bytes.fromhex(entry["hex"]) for entry in objects)


@pytest.mark.parametrize("name", SESSIONS)
def test_what_a_client_asked_is_read_and_written_as_it_was(name: str) -> None:
    session = SESSIONS[name]
    data = joined(session["client_to_agent"])
    incoming = requests_in(data)
    assert [request.command for request in incoming] == session["commands"]
    headers = [
        entry["decoded"] for entry in session["client_to_agent"] if "Seq" in entry["decoded"]
    ]
    assert [request.sequence for request in incoming] == [header["Seq"] for header in headers]
    written = [
        encode_request(request.sequence, request.request)
        for request in incoming
        if request.request is not None
    ]
    if name not in UNLIKE_OURS:
        assert b"".join(written) == data
    assert [requests_in(piece) for piece in written] == [
        [request] for request in incoming if request.request is not None
    ]


@pytest.mark.parametrize("name", SESSIONS)
def test_what_an_agent_answered_is_read_and_written_as_it_was(name: str) -> None:
    session = SESSIONS[name]
    asked = {entry.sequence: entry for entry in requests_in(joined(session["client_to_agent"]))}
    reader = ReplyReader()
    for sequence, entry in asked.items():
        # Of a command that does not exist the client knows at least that no body follows.
        reader.expect(sequence, entry.request if entry.request is not None else Leave())
    data = joined(session["agent_to_client"])
    written = b""
    for reply in replies_in(reader, data):
        if reply.record is not None:
            written += encode_record(reply.sequence, reply.record)
        else:
            request = asked[reply.sequence].request
            written += encode_reply(reply.sequence, request, error=reply.error, body=reply.body)
    assert written == data


@pytest.mark.parametrize(("name", "request_"), REQUESTS)
def test_every_command_comes_back(name: str, request_: Request) -> None:
    assert requests_in(encode_request(9, request_)) == [Incoming(9, name, request_)]


@pytest.mark.parametrize(("request_", "body"), BODIES)
def test_every_answer_comes_back(request_: Request, body: Body) -> None:
    reader = ReplyReader()
    reader.expect(1, request_)
    assert replies_in(reader, encode_reply(1, request_, body=body)) == [Reply(1, body=body)]


@pytest.mark.parametrize(("request_", "record"), RECORDS)
def test_every_record_comes_back(request_: Request, record: StreamRecord) -> None:
    reader = ReplyReader()
    reader.expect(4, request_)
    data = encode_reply(4, request_) + encode_record(4, record) * 2
    assert replies_in(reader, data) == [Reply(4), Reply(4, record=record), Reply(4, record=record)]


@pytest.mark.parametrize("request_", [request for request, _ in BODIES])
def test_an_error_is_followed_by_an_empty_body_where_clients_wait_for_one(
    request_: Request,
) -> None:
    reader = ReplyReader()
    reader.expect(1, request_)
    data = encode_reply(1, request_, error="no") + encode_reply(2, Leave())
    reader.expect(2, Leave())
    failed, after = replies_in(reader, data)
    assert (failed.error, failed.body is not None, after) == ("no", True, Reply(2))


def test_an_unknown_member_has_no_vector() -> None:
    data = encode_reply(1, GetCoordinate("n9"))
    nowhere = {"Adjustment": 0.0, "Error": 0.0, "Height": 0.0, "Vec": None}
    assert data.endswith(pack_new({"Coord": nowhere, "Ok": False}))
    assert CoordinateFound().coordinate == Coordinate((), 0.0, 0.0, 0.0)


@pytest.mark.parametrize("error", ["Authentication required", "Handshake required"])
def test_errors_of_the_session_have_no_body(error: str) -> None:
    data = encode_reply(1, ListMembers(), error=error)
    assert data == pack_new({"Error": error, "Seq": 1})
    reader = ReplyReader()
    reader.expect(1, ListMembers())
    assert replies_in(reader, data) == [Reply(1, error)]


def test_after_an_unknown_command_nothing_more_is_read() -> None:
    reader = RequestReader()
    reader.receive(pack_new({"Command": "bogus", "Seq": 4}) + encode_request(5, Leave()))
    assert reader.next_request() == Incoming(4, "bogus", None)
    assert reader.next_request() is None
    reader.receive(bytes(10 << 20))
    assert reader.next_request() is None
    assert encode_reply(4, None, error="Unsupported command") == pack_new(
        {"Error": "Unsupported command", "Seq": 4}
    )


def test_the_older_dialect_and_missing_fields_are_read() -> None:
    data = pack_old({"Command": "event", "Seq": 1}) + pack_old({"Name": "a", "Payload": "b"})
    assert requests_in(data) == [Incoming(1, "event", FireEvent("a", b"b"))]
    data = pack_new({"Command": "event"}) + pack_new({"Payload": None, "Other": 1})
    assert requests_in(data) == [Incoming(0, "event", FireEvent(""))]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_it_does_not_matter_how_bytes_come_in(data: st.DataObject) -> None:
    whole = b"".join(
        encode_request(number, request) for number, (_, request) in enumerate(REQUESTS)
    )
    ends = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=10)))
    reader, read = RequestReader(), []
    for start, end in zip([0, *ends], [*ends, len(whole)], strict=True):
        reader.receive(whole[start:end])
        read += list(iter(reader.next_request, None))
    assert [entry.request for entry in read] == [request for _, request in REQUESTS]


def test_answers_are_read_byte_by_byte() -> None:
    reader = ReplyReader()
    whole = b""
    for number, (request, body) in enumerate(BODIES):
        reader.expect(number, request)
        whole += encode_reply(number, request, body=body)
    for number, (request, record) in enumerate(RECORDS, len(BODIES)):
        reader.expect(number, request)
        whole += encode_reply(number, request) + encode_record(number, record)
    read = [reply for at in range(len(whole)) for reply in replies_in(reader, whole[at : at + 1])]
    assert [reply.body for reply in read if reply.body is not None] == [body for _, body in BODIES]
    assert [reply.record for reply in read if reply.record is not None] == [
        record for _, record in RECORDS
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xc1", "byte c1"),
        (pack_new([]), "Request is not a map"),
        (pack_new({"Command": "event", "Seq": -1}), "Request.Seq"),
        (pack_new({"Command": "event", "Seq": 1}) + b"\xc0", "FireEvent is not a map"),
        (pack_new({"Command": "stop"}) + pack_new({"Stop": "x"}), "Stop.Stop: not a whole number"),
        (
            pack_new({"Command": "join"}) + b"\x81\xa8Existing\xdd\x00\x00\xff\xff",
            "more than 16384",
        ),
        (pack_new({"Command": "event"}) + b"\xdb\x00\x04\x00\x01", "exceeds 262144 bytes"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_for_good(data: bytes, reason: str) -> None:
    reader = RequestReader()
    reader.receive(encode_request(0, Leave()) + data + encode_request(1, Leave()))
    assert reader.next_request() == Incoming(0, "leave", Leave())
    with pytest.raises(ClusterProtocolError, match=reason):
        reader.next_request()
    assert reader.next_request() is None


def test_a_reader_that_is_not_drained_takes_no_more() -> None:
    reader = RequestReader()
    reader.receive(bytes(1 << 19))
    with pytest.raises(ClusterProtocolError, match="wait to be read"):
        reader.receive(b"x")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pack_new({"Error": "", "Seq": 9}), "answer to request 9, never sent"),
        (pack_new({"Error": 1, "Seq": 1}), "Reply.Error"),
        (encode_reply(1, Subscribe()) + encode_reply(1, Subscribe()) + b"\xc0", "not a map"),
        (
            encode_reply(1, Subscribe()) * 2 + pack_new({"Event": [], "LTime": 1}),
            "MemberEvent.Event: not raw bytes",
        ),
    ],
)
def test_an_answer_that_cannot_be_read_is_refused(data: bytes, reason: str) -> None:
    reader = ReplyReader()
    reader.expect(1, Subscribe())
    with pytest.raises(ClusterProtocolError, match=reason):
        replies_in(reader, data)


def test_a_subscription_that_was_refused_has_no_records() -> None:
    reader = ReplyReader()
    reader.expect(1, Subscribe("bogus"))
    assert replies_in(reader, encode_reply(1, Subscribe(), error="Invalid event filter")) == [
        Reply(1, "Invalid event filter")
    ]
    with pytest.raises(ClusterProtocolError, match="never sent"):
        replies_in(reader, encode_record(1, LogRecord("x")))


def test_a_number_waits_for_one_answer_at_a_time_and_there_are_only_so_many() -> None:
    reader = ReplyReader()
    for number in range(4096):
        reader.expect(number, Leave())
    for number in (7, 4096):
        with pytest.raises(ClusterProtocolError, match="in use, or too many"):
            reader.expect(number, Leave())
    replies_in(reader, encode_reply(7, Leave()))
    reader.expect(7, Leave())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([request for _, request in REQUESTS]))
def test_noise_raises_nothing_else(noise: bytes, request_: Request) -> None:
    head = encode_request(1, request_)
    replies = ReplyReader()
    replies.expect(1, request_)
    for read in (
        lambda: requests_in(head[: len(head) // 2] + noise),
        lambda: requests_in(head + noise),
        lambda: replies_in(replies, encode_reply(1, request_) + noise),
    ):
        try:
            read()
        except ClusterProtocolError:
            continue


def test_no_key_shows_in_a_repr() -> None:
    secret = "AAECAwQFBgcICQoLDA0ODw=="
    values: list[object] = [
        *(Authenticate(secret), InstallKey(secret), UseKey(secret), RemoveKey(secret)),
        KeyReport(keys={secret: 1}),
    ]
    assert not [value for value in values if secret in repr(value)]
