"""A machine in the place of a real agent, given the bytes that agent was sent (``tests/data``)."""

from random import Random
from typing import Any

import pytest

from colobus.cluster.codec.datagram import DatagramCodec
from colobus.cluster.keyring import Keyring
from colobus.cluster.machine import ClusterMachine, MemberSettings
from colobus.cluster.messages import Ack, Alive, Message
from colobus.cluster.serf.facts import JoinDone, KeyringChanged, UserEventReceived
from colobus.cluster.serf.members import MemberStatus
from colobus.cluster.timing import ClusterTiming
from support.serf_vectors import load

VECTORS: dict[str, Any] = {vector["name"]: vector for vector in load("udp") + load("tcp")}
LOOPBACK = bytes((127, 0, 0, 1))
KEY = bytes(range(32))
PEER = ("127.0.0.1", 21001)


class Replaced:
    """A machine that takes the place of the agent of that name."""

    def __init__(self, name: str, port: int, *, key: bytes = b"", **tags: str) -> None:
        rng = Random(1)
        keyring = Keyring([key] if key else [])
        self.codec = DatagramCodec(keyring, rng.randbytes)
        self.machine = ClusterMachine(
            MemberSettings(
                name=name, address=LOOPBACK, port=port, timing=ClusterTiming.local(), tags=tags
            ),
            keyring=keyring,
            rng=rng,
            random_bytes=rng.randbytes,
        )
        self.machine.start(0.0)
        self.machine._serf.swim.gossip.queue.clear()

    def receive(self, *names: str) -> None:
        for name in names:
            self.machine.receive_datagram(bytes.fromhex(VECTORS[name]["hex"]), PEER, 0.0)
        assert self.machine.statistics().datagrams_refused == 0

    def sent(self) -> list[tuple[int, Message]]:
        """Return messages sent, with the port they go to."""
        return [
            (datagram.address[1], message)
            for datagram in self.machine.datagrams_to_send()
            for message in self.codec.decode(datagram.data).messages
        ]

    def view(self) -> dict[str, str]:
        return {member.name: MemberStatus(member.status).word for member in self.machine.members()}


def key_of(name: str) -> bytes:
    return bytes.fromhex(VECTORS[name].get("key_hex") or "")


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("push_pull_join_request", 21001),
        ("lzw_push_pull_request", 22001),
        ("enc_push_pull_request", 23001),
        ("enc_lzw_push_pull_request", 24001),
    ],
)
def test_an_agent_that_joins_us_is_answered_and_alive(name: str, port: int) -> None:
    us = Replaced("n1", port, key=key_of(name))
    stream = us.machine.accept_stream(0.0)
    assert stream is not None
    us.machine.receive_stream(stream, bytes.fromhex(VECTORS[name]["hex"]), 0.0)
    [write] = us.machine.stream_writes()
    assert write.is_last
    assert len(write.data) > 50
    assert us.view() == {"n1": "alive", "n2": "alive"}


@pytest.mark.parametrize(
    "name",
    [
        "push_pull_join_reply",
        "lzw_push_pull_reply",
        "enc_push_pull_reply",
        "enc_lzw_push_pull_reply",
    ],
)
def test_an_agent_that_we_join_is_alive_with_its_tags(name: str) -> None:
    us = Replaced("n2", 21002, key=key_of(name))
    us.machine.commands.join([PEER], 0.0)
    [opening] = us.machine.streams_to_open()
    us.machine.receive_stream(opening.stream, bytes.fromhex(VECTORS[name]["hex"]), 0.0)
    assert us.view() == {"n1": "alive", "n2": "alive"}
    member = us.machine.member("n1")
    assert member is not None
    assert dict(member.tags) == {"role": "lb", "dc": "x"}


def test_the_complaint_of_an_agent_is_the_reason_of_a_failed_join() -> None:
    us = Replaced("n2", 21002)
    us.machine.commands.join([PEER], 0.0)
    [opening] = us.machine.streams_to_open()
    data = bytes.fromhex(VECTORS["lzw_err_frame"]["hex"])
    us.machine.receive_stream(opening.stream, data, 0.0)
    us.machine.handle_timer(0.0)
    facts = iter(us.machine.next_event, None)
    [done] = [fact for fact in facts if isinstance(fact, JoinDone)]
    text = "Remote state is encrypted and encryption is not configured"
    assert done.failed == ((PEER, f"the peer says: {text}"),)


def test_gossip_of_agents_brings_members_and_intents() -> None:
    us = Replaced("n2", 21002)
    us.receive("compound_alive_join")
    assert us.view() == {"n2": "alive", "n3": "alive"}
    assert us.machine.statistics().member_time == 3
    us.receive("user_event_coalesce_pair")
    events = [
        fact for fact in iter(us.machine.next_event, None) if isinstance(fact, UserEventReceived)
    ]
    assert [(event.name, event.coalesce) for event in events] == [
        ("plain", False),
        ("deploy", True),
    ]


def test_compressed_gossip_is_understood() -> None:
    us = Replaced("n1", 22001, role="lb", dc="x")
    us.receive("crc_lzw_compound")
    assert us.view() == {"n1": "alive", "n2": "alive", "n3": "alive"}


def test_an_agent_that_leaves_in_order_has_left() -> None:
    us = Replaced("n3", 21003, role="db")
    us.receive("compound_alive_join")
    n2 = Alive(1, "n2", LOOPBACK, 21002)
    us.machine._serf.swim.rules.alive(n2, 0.0)
    us.receive("leave_intent_self")
    assert us.view()["n2"] == "leaving"
    us.receive("dead_self_is_graceful_leave")
    assert us.view()["n2"] == "left"


def test_an_agent_that_suspects_us_is_answered_and_refuted_as_an_agent_would() -> None:
    us = Replaced("n3", 21003, role="db")
    us.receive("ping_with_suspect_compound_crc")
    (port, ack), *rest = us.sent()
    assert port == 21002
    assert isinstance(ack, Ack)
    assert ack.sequence == 18
    assert rest == []
    expected = bytes.fromhex(VECTORS["alive_refutation_incarnation_2"]["hex"])
    [refutation] = us.codec.decode(expected).messages
    us.machine._serf.swim.rules.alive(Alive(1, "n1", LOOPBACK, 21001), 0.0)
    us.machine.handle_timer(0.2)
    assert (21001, refutation) in us.sent()


def test_a_sealed_ping_is_answered_sealed() -> None:
    us = Replaced("n2", 23002, key=KEY)
    us.receive("enc_ping")
    [datagram] = us.machine.datagrams_to_send()
    assert datagram.address == ("127.0.0.1", 23001)
    assert datagram.data[0] == 1
    [ack] = us.codec.decode(datagram.data).messages
    assert isinstance(ack, Ack)


@pytest.mark.parametrize(("name", "is_asked"), [("n2", True), ("n3", False)])
def test_a_filtered_query_of_an_agent_asks_the_right_node(name: str, is_asked: bool) -> None:
    us = Replaced(name, 21002, role="db")
    us.receive("query_filtered")
    assert [port for port, _ in us.sent()] == ([21001] if is_asked else [])


def test_a_key_that_an_agent_installs_is_installed() -> None:
    us = Replaced("n2", 23002, key=KEY)
    us.receive("enc_query_install-key")
    assert len(us.machine._keyring.keys) == 2
    assert [port for port, _ in us.sent()] == [23001]
    assert any(isinstance(fact, KeyringChanged) for fact in iter(us.machine.next_event, None))
