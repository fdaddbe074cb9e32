"""What peers report is kept, counted on, and worth nothing when it is of another datastore."""

import msgpack
import pytest

from colobus.node.peers import PeerReports, own_report


@pytest.fixture
def reports() -> PeerReports:
    return PeerReports("d")


def test_a_report_arrives_whole_and_its_ages_go_on(reports: PeerReports) -> None:
    told = own_report("d", 41, fresh_s=0.25, uptime_s=100.9)
    assert reports.take("a", told, now=10.0) == 41
    assert reports.revision("a") == 41
    assert reports.shown("a", 12.0, is_alive=True) == {
        "revision": 41, "freshness": 2.25, "uptime": 102,
    }  # fmt: skip
    assert reports.shown("a", 12.0, is_alive=False) == {"revision": 41}
    assert reports.shown("b", 12.0, is_alive=True) == {}


def test_a_node_that_never_was_fresh_says_nothing_of_it(reports: PeerReports) -> None:
    reports.take("a", own_report("d", 0, fresh_s=None, uptime_s=0), now=0.0)
    assert reports.shown("a", 1.0, is_alive=True) == {"revision": 0, "uptime": 1}


@pytest.mark.parametrize(
    "extension",
    [
        b"",
        b"\xc1",
        msgpack.packb(7),
        msgpack.packb({"c": "other", "r": 1}),
        msgpack.packb({"r": 1}),
        msgpack.packb({"c": "d"}),
        msgpack.packb({"c": "d", "r": -1}),
        msgpack.packb({"c": "d", "r": "1"}),
        msgpack.packb({"c": "d", "r": True}),
        msgpack.packb({"c": "d", "r": 2**63}),
    ],
)
def test_what_is_no_report_for_us_is_dropped(reports: PeerReports, extension: bytes) -> None:
    assert reports.take("a", extension, now=0.0) is None
    assert reports.revision("a") is None


def test_ages_that_make_no_sense_are_left_out(reports: PeerReports) -> None:
    reports.take("a", msgpack.packb({"c": "d", "r": 1, "f": -1, "u": "x"}), now=0.0)
    assert reports.shown("a", 0.0, is_alive=True) == {"revision": 1}


def test_a_member_that_is_gone_is_forgotten(reports: PeerReports) -> None:
    reports.take("a", own_report("d", 1, fresh_s=0.0, uptime_s=0), now=0.0)
    reports.forget("a")
    reports.forget("b")
    assert reports.shown("a", 0.0, is_alive=True) == {}
