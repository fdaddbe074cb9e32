"""The simulated network itself, between machines that only write down what they get."""

from collections import deque

import pytest

from colobus.cluster.machine import Datagram
from colobus.cluster.serf.facts import Fact, LeaveDone
from colobus.cluster.swim.addresses import Address
from colobus.cluster.swim.streams import OpenStream, StreamWrite
from colobus.testing.hosts import SimHost
from colobus.testing.network import BACKLOG, CHUNK, LinkConditions, SimNetwork

A, B = ("10.0.0.1", 1), ("10.0.0.2", 1)


class Scribe:
    """A machine that does what it is told and writes down what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[str, object, float]] = []
        self.deadline: float | None = None
        self.datagrams: list[Datagram] = []
        self.opens: list[OpenStream] = []
        self.writes: list[StreamWrite] = []
        self.told: deque[Fact] = deque()
        self.accepts: int | None = 7

    def receive_datagram(self, data: bytes, _source: Address, now: float) -> None:
        self.got.append(("datagram", data, now))

    def accept_stream(self, now: float) -> int | None:
        self.got.append(("accept", None, now))
        return self.accepts

    def receive_stream(self, _stream: int, data: bytes, now: float) -> None:
        self.got.append(("data", data, now))

    def stream_ended(self, _stream: int, now: float, reason: str = "") -> None:
        self.got.append(("ended", reason, now))

    def handle_timer(self, now: float) -> None:
        self.got.append(("timer", None, now))
        self.deadline = None

    def next_deadline(self) -> float | None:
        return self.deadline

    def datagrams_to_send(self) -> list[Datagram]:
        datagrams, self.datagrams = self.datagrams, []
        return datagrams

    def streams_to_open(self) -> list[OpenStream]:
        opens, self.opens = self.opens, []
        return opens

    def stream_writes(self) -> list[StreamWrite]:
        writes, self.writes = self.writes, []
        return writes

    def next_event(self) -> Fact | None:
        return self.told.popleft() if self.told else None

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.got]


class Pair:
    """Two scribes on a network."""

    def __init__(self, conditions: LinkConditions | None = None, *, seed: int = 1) -> None:
        self.network = SimNetwork(seed, conditions)
        self.one, self.other = Scribe(), Scribe()
        self.one_host = self.network.attach(A, self.one)
        self.other_host = self.network.attach(B, self.other)

    def send(self, *datagrams: bytes) -> None:
        self.one.datagrams += [Datagram(B, data) for data in datagrams]
        self.network.pump(self.one_host)

    def dial(self, data: bytes = b"hello") -> None:
        self.one.opens.append(OpenStream(1, B, data))
        self.network.pump(self.one_host)

    def write(self, host: SimHost, stream: int, data: bytes, *, is_last: bool) -> None:
        scribe = host.machine
        assert isinstance(scribe, Scribe)
        scribe.writes.append(StreamWrite(stream, data, is_last))
        self.network.pump(host)


def numbered(count: int) -> list[bytes]:
    return [str(number).encode() for number in range(count)]


def test_a_datagram_arrives_after_the_delay() -> None:
    pair = Pair(LinkConditions(least_delay_s=0.5, most_delay_s=0.6))
    pair.send(b"x")
    pair.network.run_until(0.4999)
    assert pair.other.got == []
    pair.network.run_for(0.2)
    [(kind, data, at)] = pair.other.got
    assert (kind, data) == ("datagram", b"x")
    assert 0.5 <= at <= 0.6
    assert (pair.one_host.datagrams_sent, pair.one_host.bytes_sent) == (1, 1)


@pytest.mark.parametrize(
    ("conditions", "least", "most"),
    [
        (LinkConditions(), 1000, 1000),
        (LinkConditions(loss=0.3), 650, 750),
        (LinkConditions(duplication=0.2), 1150, 1250),
        (LinkConditions(loss=1.0), 0, 0),
    ],
)
def test_as_many_are_lost_and_doubled_as_said(
    conditions: LinkConditions, least: int, most: int
) -> None:
    pair = Pair(conditions)
    pair.send(*numbered(1000))
    pair.network.run_for(1.0)
    assert least <= len(pair.other.got) <= most


def test_datagrams_overtake_each_other_when_told_to() -> None:
    orders = []
    for reordering in (0.0, 0.5):
        still = LinkConditions(least_delay_s=0.001, most_delay_s=0.001, reordering=reordering)
        pair = Pair(still)
        pair.send(*numbered(50))
        pair.network.run_for(1.0)
        orders.append([data for _, data, _ in pair.other.got])
    assert orders[0] == numbered(50)
    assert orders[1] != numbered(50)
    assert sorted(map(str, orders[1])) == sorted(map(str, numbered(50)))


def test_the_seed_decides_everything() -> None:
    def run(seed: int) -> list[tuple[str, object, float]]:
        pair = Pair(LinkConditions(loss=0.2, duplication=0.2, reordering=0.2), seed=seed)
        pair.send(*numbered(100))
        pair.network.run_for(1.0)
        return pair.other.got

    assert run(5) == run(5)
    assert run(5) != run(6)


def test_a_cut_separates_groups_until_it_heals() -> None:
    pair = Pair()
    pair.network.partition([pair.one_host])
    pair.send(b"lost")
    pair.dial()
    pair.network.run_for(1.0)
    assert pair.other.got == []
    assert pair.one.got == [], "a dialler waits in vain"
    pair.network.heal()
    pair.send(b"found")
    pair.network.run_for(1.0)
    assert [data for _, data, _ in pair.other.got] == [b"found"]
    pair.network.partition([pair.one_host, pair.other_host])
    pair.send(b"same side")
    pair.network.run_for(1.0)
    assert len(pair.other.got) == 2


def test_a_timer_runs_at_its_deadline_and_facts_are_kept_with_their_time() -> None:
    pair = Pair()
    pair.one.deadline = 2.5
    pair.network.pump(pair.one_host)
    pair.network.run_until(2.4)
    pair.one.told.append(LeaveDone())
    pair.network.run_until(3.0)
    assert pair.one.got == [("timer", None, 2.5)]
    assert pair.one_host.facts == [(2.5, LeaveDone())]


def test_an_earlier_deadline_replaces_a_later_one() -> None:
    pair = Pair()
    for deadline in (5.0, 1.0):
        pair.one.deadline = deadline
        pair.network.pump(pair.one_host)
    pair.network.run_until(2.0)
    assert pair.one.got == [("timer", None, 1.0)]


def test_a_stopped_host_gets_what_came_first_and_its_timers_after() -> None:
    pair = Pair()
    pair.other.deadline = 0.5
    pair.network.pump(pair.other_host)
    pair.network.stop(pair.other_host)
    pair.network.run_for(1.0)
    pair.send(*numbered(BACKLOG + 10))
    pair.network.run_for(1.0)
    assert pair.other.got == []
    pair.network.resume(pair.other_host)
    kinds = pair.other.kinds()
    assert kinds == ["datagram"] * BACKLOG + ["timer"]
    assert {at for _, _, at in pair.other.got} == {2.0}


def test_a_crashed_host_is_silent_and_refuses_connections() -> None:
    pair = Pair()
    pair.network.crash(pair.other_host)
    pair.send(b"x")
    pair.dial()
    pair.network.run_for(1.0)
    assert pair.other.got == []
    assert [(kind, what) for kind, what, _ in pair.one.got] == [("ended", "connection refused")]
    replacement = Scribe()
    pair.network.attach(B, replacement)
    pair.send(b"y")
    pair.network.run_for(1.0)
    assert replacement.kinds() == ["datagram"]


def test_a_stream_carries_bytes_in_order_and_in_pieces() -> None:
    pair = Pair()
    large = bytes(range(256)) * 40
    pair.dial(large)
    pair.network.run_for(0.1)
    assert pair.other.kinds() == ["accept", "data", "data", "data"]
    pieces = [data for kind, data, _ in pair.other.got if kind == "data"]
    assert b"".join(piece for piece in pieces if isinstance(piece, bytes)) == large
    assert all(len(piece) <= CHUNK for piece in pieces if isinstance(piece, bytes))
    pair.write(pair.other_host, 7, b"first", is_last=False)
    pair.write(pair.other_host, 7, b"second", is_last=True)
    pair.network.run_for(0.1)
    assert [(kind, what) for kind, what, _ in pair.one.got] == [
        ("data", b"first"),
        ("data", b"second"),
        ("ended", "closed by the peer"),
    ]
    pair.write(pair.one_host, 1, b"too late", is_last=True)
    pair.network.run_for(0.1)
    assert pair.other.kinds()[4:] == []
    assert pair.one_host.streams_opened == 1


def test_a_connection_that_is_not_taken_ends() -> None:
    pair = Pair()
    pair.other.accepts = None
    pair.dial()
    pair.network.run_for(0.1)
    assert pair.one.kinds() == ["ended"]
    assert pair.other.kinds() == ["accept"]


def test_a_crash_breaks_the_streams_of_a_host() -> None:
    pair = Pair()
    pair.dial()
    pair.network.run_for(0.1)
    pair.network.crash(pair.other_host)
    pair.network.run_for(0.1)
    assert pair.one.kinds() == ["ended"]


def test_a_stream_of_a_stopped_host_waits_for_it() -> None:
    pair = Pair()
    pair.network.stop(pair.other_host)
    pair.dial()
    pair.network.run_for(1.0)
    assert pair.other.got == []
    pair.network.resume(pair.other_host)
    pair.network.run_for(0.1)
    assert pair.other.kinds()[-1] == "data"


def test_waiting_ends_when_the_condition_is_true_or_the_time_is_over() -> None:
    pair = Pair()
    pair.one.deadline = 1.0
    pair.network.pump(pair.one_host)
    assert pair.network.run_until_true(lambda: pair.one.got != [], within_s=5.0)
    assert 1.0 <= pair.network.now <= 1.1
    assert not pair.network.run_until_true(lambda: False, within_s=1.0)
    assert pair.network.now == pytest.approx(2.0, abs=0.1)
    assert repr(pair.network).startswith("<SimNetwork seed=1 now=2")
    assert repr(pair.one_host).startswith("<SimHost 10.0.0.1:1 ")
