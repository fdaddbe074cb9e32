"""How often is polled, by what else tells of changes."""

from dataclasses import replace
from typing import Any

import pytest

from colobus.changes.polling import CALM_POLL_S, POLL_S, QUIET_S, Gossip, is_confirmed, poll_s

NOW = 1000.0
OTHERS = frozenset({"10.0.0.2:7946", "10.0.0.3:7946"})
WELL = Gossip(registered=OTHERS, alive=OTHERS | {"10.0.0.1:7946"}, health=0, answered_at=NOW - 1)
ALONE = Gossip(
    registered=frozenset(), alive=frozenset({"10.0.0.1:7946"}), health=0, answered_at=None
)


def test_two_sources_that_work_stretch_the_poll() -> None:
    assert poll_s(WELL, NOW, is_told=True) == CALM_POLL_S


def test_gossip_alone_does_not() -> None:
    assert poll_s(WELL, NOW, is_told=False) == POLL_S


@pytest.mark.parametrize(
    "changed",
    [
        {"registered": None},  # the registry could not be read
        {"alive": frozenset({"10.0.0.1:7946", "10.0.0.2:7946"})},  # one is not there, or failed
        {"health": 1},  # a probe of ours was not answered
        {"answered_at": None},  # nobody ever told which revision it has
        {"answered_at": NOW - QUIET_S - 0.1},
    ],
)
def test_gossip_that_is_not_confirmed_is_polled_beside(changed: dict[str, Any]) -> None:
    gossip = replace(WELL, **changed)
    assert not is_confirmed(gossip, NOW)
    assert poll_s(gossip, NOW, is_told=True) == POLL_S


def test_members_that_are_no_nodes_do_not_matter() -> None:
    """A Serf agent is in no registry, and tells of no revision."""
    assert is_confirmed(replace(WELL, alive=WELL.alive | {"10.0.0.9:7946"}), NOW)


def test_a_node_that_is_alone_has_nobody_to_confirm_it() -> None:
    assert poll_s(ALONE, NOW, is_told=True) == CALM_POLL_S
    assert poll_s(replace(ALONE, health=1), NOW, is_told=True) == POLL_S
    assert poll_s(ALONE, NOW, is_told=False) == POLL_S


def test_a_quiet_minute_stays_below_one_query_in_ten_seconds() -> None:
    keepalive_s, registry_s, sweep_s, name_s = 30, 30, 90, 90
    assert 60 / keepalive_s + 60 / registry_s + 60 / sweep_s + 60 / name_s + 60 / CALM_POLL_S <= 6
