"""What the ``cluster`` commands make of the agent's answers."""

import pytest

from colobus.cli.cluster_report import (
    estimate_ms,
    key_lines,
    key_messages,
    member_line,
    missing_answers,
)
from colobus.cluster.coordinates import START
from colobus.cluster.rpc.replies import CoordinateFound, KeyReport, Member
from colobus.errors import ClusterError


def member(name: str, status: str = "alive", address: bytes = bytes((10, 0, 0, 1))) -> Member:
    return Member(name, address, 7946, {}, status, 1, 5, 2, 2, 5, 5)


def test_a_member_is_name_address_and_status() -> None:
    assert member_line(member("a", "failed")) == "a\t10.0.0.1:7946\tfailed"
    mapped = bytes(10) + b"\xff\xff" + bytes((10, 0, 0, 1))
    assert member_line(member("a", address=mapped)) == "a\t10.0.0.1:7946\talive"


@pytest.mark.parametrize(
    ("acks", "lines"),
    [
        (["a", "b"], []),
        (["a"], ["no answer from b"]),
        (["a", "b", "b"], ["more than one answer from b: two nodes may have this name"]),
        (["a", "b", "c"], ["answer from c, which is not listed as alive"]),
    ],
)
def test_every_live_member_must_answer_once(acks: list[str], lines: list[str]) -> None:
    listed = [member("a"), member("b"), member("c", "left")]
    assert list(missing_answers(listed, acks)) == lines


def test_keys_are_told_with_how_many_have_them() -> None:
    report = KeyReport({"n2": "no", "n1": "never"}, {"B": 1, "A": 3}, 3, 2, 3)
    assert key_lines(report) == ["A  [3/3]", "B  [1/3]"]
    assert key_messages(report) == ["failed:  n1  never", "failed:  n2  no"]


def test_a_coordinate_without_dimensions_cannot_be_used() -> None:
    known = CoordinateFound(START, is_known=True)
    assert estimate_ms(known, known) >= 0
    with pytest.raises(ClusterError, match="cannot be used"):
        estimate_ms(known, CoordinateFound())
