from dataclasses import replace

import pytest

from colobus.cluster.rpc.backlog import MOST_WAITING, Backlog
from colobus.cluster.rpc.replies import (
    LogRecord,
    Member,
    MemberEventRecord,
    QueryEventRecord,
    QueryRecord,
    StreamRecord,
    UserEventRecord,
)

N1 = Member("n1", bytes(4), 1, {}, "alive", 1, 5, 2, 2, 5, 5)
N2, N3 = replace(N1, name="n2"), replace(N1, name="n3")


def told(event: str, *members: Member) -> MemberEventRecord:
    return MemberEventRecord(event, members)


def taken(*records: StreamRecord) -> list[StreamRecord]:
    backlog = Backlog()
    for record in records:
        backlog.add(1, record)
    found = list(backlog.take())
    assert {sequence for sequence, _ in found} <= {1}
    assert len(backlog) == 0
    return [record for _, record in found]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], []),
        ([told("member-join", N1)], [told("member-join", N1)]),
        ([told("member-join", N1), told("member-failed", N1)], [told("member-failed", N1)]),
        (
            [told("member-join", N1), told("member-join", N2, N3)],
            [told("member-join", N1, N2, N3)],
        ),
        (
            [told("member-join", N1, N2), told("member-failed", N1), told("member-join", N3)],
            [told("member-join", N2), told("member-failed", N1), told("member-join", N3)],
        ),
        (
            [UserEventRecord(n, "deploy", coalesce=True) for n in (1, 2, 3)],
            [UserEventRecord(3, "deploy", coalesce=True)],
        ),
        (
            [UserEventRecord(n, "deploy") for n in (1, 2)],
            [UserEventRecord(1, "deploy"), UserEventRecord(2, "deploy")],
        ),
        (
            [LogRecord("a"), told("member-join", N1), QueryRecord("ack", "n1"), LogRecord("a")],
            [LogRecord("a"), told("member-join", N1), QueryRecord("ack", "n1"), LogRecord("a")],
        ),
    ],
)
def test_what_is_out_of_date_is_not_told(
    records: list[StreamRecord], expected: list[StreamRecord]
) -> None:
    assert taken(*records) == expected


@pytest.mark.parametrize(
    "record",
    [LogRecord("x"), UserEventRecord(1, "a"), QueryEventRecord(1, 1, "q")],
)
def test_a_stream_keeps_512_records_and_counts_the_rest(record: StreamRecord) -> None:
    backlog = Backlog()
    for _ in range(MOST_WAITING + 3):
        backlog.add(1, record)
    backlog.add(2, record)
    assert (len(backlog), backlog.dropped) == (MOST_WAITING + 1, 3)
    assert len(list(backlog.take())) == MOST_WAITING + 1
    backlog.add(1, record)
    assert (len(backlog), backlog.dropped) == (1, 3)


def test_names_of_events_are_bounded_as_well() -> None:
    backlog = Backlog()
    for number in range(MOST_WAITING + 3):
        backlog.add(1, UserEventRecord(number, f"event-{number}", coalesce=True))
    assert (len(backlog), backlog.dropped) == (MOST_WAITING, 3)


def test_members_and_answers_are_kept_beside_512_others() -> None:
    backlog = Backlog()
    for number in range(600):
        backlog.add(1, LogRecord("x"))
        backlog.add(1, QueryRecord("ack", f"n{number}"))
        backlog.add(1, told("member-join", replace(N1, name=f"n{number}")))
    assert (len(backlog), backlog.dropped) == (MOST_WAITING + 1200, 600 - MOST_WAITING)


def test_streams_do_not_mix_and_one_that_ended_is_forgotten() -> None:
    backlog = Backlog()
    for sequence in (1, 2):
        backlog.add(sequence, told("member-join", N1))
        backlog.add(sequence, LogRecord("x"))
    backlog.forget(1)
    assert list(backlog.take()) == [(2, told("member-join", N1)), (2, LogRecord("x"))]
