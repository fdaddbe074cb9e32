from colobus.cluster.codec.tags import encode_tags
from colobus.cluster.messages import VERSIONS
from colobus.cluster.serf.members import (
    Member,
    MemberStatus,
    MemberTable,
    member_record,
    tags_of_meta,
)


def member(name: str) -> Member:
    return Member(name, b"\x0a\x00\x00\x01", 7946, encode_tags({"role": "db"}), VERSIONS)


def test_a_member_is_in_the_list_its_status_says() -> None:
    members = MemberTable()
    one = member("n1")
    members.add(one)
    members.set_status(one, MemberStatus.ALIVE, 1.0)
    members.set_status(one, MemberStatus.FAILED, 2.0)
    assert list(members.failed) == ["n1"]
    members.set_status(one, MemberStatus.LEFT, 3.0)
    assert (list(members.failed), list(members.left)) == ([], ["n1"])
    assert one.gone_at == 2.0, "gone since it failed"
    members.set_status(one, MemberStatus.ALIVE, 4.0)
    assert list(members.left) == []
    members.set_status(one, MemberStatus.LEFT, 5.0)
    assert one.gone_at == 5.0
    members.remove(one)
    assert len(members) == len(members.left) == 0


def test_a_full_table_forgets_the_longest_gone_first() -> None:
    members = MemberTable(most_members=3)
    for name in ("n1", "n2", "n3"):
        members.add(member(name))
    failed = members.get("n2")
    assert failed is not None
    members.set_status(failed, MemberStatus.FAILED, 1.0)
    assert members.add(member("n4")) is failed
    assert [one.name for one in members] == ["n1", "n3", "n4"]
    assert members.add(member("n5")) is None


def test_a_record_shows_tags_status_and_versions() -> None:
    one = member("n1")
    one.status = MemberStatus.LEAVING
    record = member_record(one)
    assert (record.status, MemberStatus(record.status).word) == (2, "leaving")
    assert dict(record.tags) == {"role": "db"}
    assert (record.protocol_max, record.delegate_current) == (5, 5)
    one.versions = b""
    assert member_record(one).protocol_max == 0


def test_unreadable_tags_are_no_tags() -> None:
    assert dict(tags_of_meta(b"\xff\xc1")) == {}
    assert dict(tags_of_meta(b"db")) == {"role": "db"}
