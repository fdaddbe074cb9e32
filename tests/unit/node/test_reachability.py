"""The report of who answered."""

from typing import Any

import pytest

from colobus.node.reachability import report

LIVE = {"a": "10.0.0.1:7946", "b": "10.0.0.2:7946"}


def test_all_answered() -> None:
    assert report(LIVE, [("b", 0.002), ("a", 0.0015)], 0.002) == {
        "reachable": True,
        "live": 2,
        "duration_ms": 2.0,
        "answered": [
            {"name": "b", "address": "10.0.0.2:7946", "ms": 2.0},
            {"name": "a", "address": "10.0.0.1:7946", "ms": 1.5},
        ],
        "missing": [],
    }


@pytest.mark.parametrize(
    ("acks", "missing"),
    [
        ([], ["a", "b"]),
        ([("a", 0.1)], ["b"]),
        ([("a", 0.1), ("b", 0.1), ("b", 0.2)], []),
        ([("a", 0.1), ("b", 0.1), ("c", 0.2)], []),
    ],
)
def test_whoever_is_missing_or_answers_in_excess_makes_it_fail(
    acks: list[tuple[str, float]], missing: list[str]
) -> None:
    told: dict[str, Any] = report(LIVE, acks, 1.0)
    assert not told["reachable"]
    assert [member["name"] for member in told["missing"]] == missing
    assert len(told["answered"]) == len(acks)
