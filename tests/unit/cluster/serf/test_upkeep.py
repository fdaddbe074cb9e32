from dataclasses import replace

from colobus.cluster.messages import LeaveIntent, PushPull
from colobus.cluster.serf.facts import MemberReaped
from support.machine import NEVER_PROBES, MachineUnderTest
from support.swim import PORT

QUICK = replace(NEVER_PROBES, reconnect_timeout_s=60.0, tombstone_timeout_s=40.0)


def gone_members() -> MachineUnderTest:
    node = MachineUnderTest(timing=QUICK)
    node.meet("n1", "n2", "n3")
    node.hear(LeaveIntent(1, "n1"))
    node.fail("n1")
    node.fail("n2")
    node.forget()
    return node


def test_the_failed_and_the_left_are_forgotten_after_their_timeouts() -> None:
    node = gone_members()
    reaped: list[tuple[float, str]] = []
    for _ in range(10):
        node.advance(15.0)
        reaped += [(node.now - 100, fact.member.name) for fact in node.facts_of(MemberReaped)]
    assert reaped == [(45.0, "n1"), (75.0, "n2")]
    assert node.status("n3") == "alive"


def test_a_failed_member_is_looked_for_and_its_silence_is_no_news() -> None:
    node = gone_members()
    tried = 0
    for _ in range(2):
        node.advance(30.0)
        node.facts()
        for opening in node.machine.streams_to_open():
            message = node.stream_codec.reader().feed(opening.data)
            assert isinstance(message, PushPull)
            if message.is_join:
                assert opening.address == ("10.0.1.2", PORT)
                tried += 1
                node.machine.stream_ended(opening.stream, node.now, "refused")
    node.advance(0.0)
    assert 0 < tried <= 2
    assert node.queued() == [], "no join intent follows"


def test_without_failed_members_nobody_is_looked_for() -> None:
    node = MachineUnderTest(timing=QUICK)
    node.advance(100.0)
    assert node.machine.streams_to_open() == []
