"""Random misfortune, then peace: everybody must agree on the truth again.

Each run draws crashes, restarts, stops, cuts, loss and departures from its seed. What must hold:
after healing all views agree within a bound, no live node stays dead, no dead node stays alive.
"""

import os
from random import Random

import pytest

from colobus.cluster.serf.facts import MemberFailed
from colobus.testing.network import LinkConditions
from support.simulated_cluster import SimCluster

SIZE = 6
ROUNDS = 12
# A reconnect tick comes every 30 s and tries one failed member with a chance of failed per alive;
# push/pulls every 30 s spread what it found.
AGREED_WITHIN_S = 300.0
SEEDS = (11, 12, 13, 14, 15, 16)


def campaign_seeds() -> tuple[int, ...]:
    chosen = os.environ.get("SIMULATION_SEED")
    return SEEDS if chosen is None else (int(chosen),)


class Campaign:
    """A cluster, and what happens to it."""

    def __init__(self, seed: int) -> None:
        self.cluster = SimCluster(seed)
        self.rng = Random(f"campaign {seed}")
        self.cluster.form(SIZE)
        self.down: set[str] = set()
        self.stopped: set[str] = set()
        self.log: list[str] = []

    def up(self) -> list[str]:
        return sorted(set(self.cluster.hosts) - self.down - self.stopped)

    def step(self) -> None:
        actions = [self.crash, self.restart, self.stop, self.resume, self.cut, self.heal, self.lose]
        action = self.rng.choice(actions)
        action()
        self.cluster.network.run_for(self.rng.uniform(0.5, 25.0))

    def crash(self) -> None:
        if len(self.up()) > 2:
            name = self.rng.choice(self.up())
            self.note(f"crash {name}")
            self.cluster.crash(name)
            self.down.add(name)

    def restart(self) -> None:
        if self.down and self.up():
            name = self.rng.choice(sorted(self.down))
            self.note(f"restart {name}")
            self.cluster.restart(name)
            self.cluster.join(name, *self.rng.sample(self.up(), min(2, len(self.up()))))
            self.down.discard(name)

    def stop(self) -> None:
        if len(self.up()) > 2:
            name = self.rng.choice(self.up())
            self.note(f"stop {name}")
            self.cluster.network.stop(self.cluster.hosts[name])
            self.stopped.add(name)

    def resume(self) -> None:
        for name in sorted(self.stopped):
            self.note(f"resume {name}")
            self.cluster.network.resume(self.cluster.hosts[name])
        self.stopped.clear()

    def cut(self) -> None:
        side = self.rng.sample(sorted(self.cluster.hosts), self.rng.randint(1, SIZE - 1))
        self.note(f"cut off {side}")
        self.cluster.network.partition([self.cluster.hosts[name] for name in side])

    def heal(self) -> None:
        self.note("heal")
        self.cluster.network.heal()

    def lose(self) -> None:
        loss = self.rng.choice((0.0, 0.1, 0.4))
        self.note(f"loss {loss}")
        self.cluster.network.conditions = LinkConditions(loss=loss, duplication=0.1, reordering=0.3)

    def end(self) -> None:
        """Let peace return."""
        self.heal()
        self.resume()
        self.cluster.network.conditions = LinkConditions()

    def is_truth_known(self) -> bool:
        """Whether all see the living as alive, and the dead as failed if they ever met them.

        Nobody tells a node that starts later of one that is already dead (memberlist 4.3).
        """
        alive = dict.fromkeys(self.up(), "alive")
        dead = dict.fromkeys(self.down, "failed")
        views = [self.cluster.view(name) for name in alive]
        return all(alive.items() <= view.items() <= (alive | dead).items() for view in views)

    def is_at_peace(self) -> bool:
        """Whether the truth is known and no suspicion from before is still to be refuted."""
        trials = [self.cluster.machine(name)._serf.swim.rules.suspicion_count for name in self.up()]
        return not any(trials) and self.is_truth_known()

    def note(self, text: str) -> None:
        self.log.append(f"{self.cluster.now:.1f} {text}")


@pytest.mark.parametrize("campaign_seed", campaign_seeds())
def test_after_any_misfortune_everybody_agrees_on_the_truth(campaign_seed: int) -> None:
    campaign = Campaign(campaign_seed)
    for _ in range(ROUNDS):
        campaign.step()
    campaign.end()
    cluster = campaign.cluster
    print("\n".join(campaign.log))  # noqa: T201 (shown when the test fails)
    cluster.wait_until(campaign.is_at_peace, within_s=AGREED_WITHIN_S, what="agreement")
    calm = cluster.now
    cluster.network.run_for(60.0)
    assert campaign.is_truth_known(), "and it stays so"
    for name in campaign.up():
        assert cluster.facts(name, MemberFailed, since=calm) == []
