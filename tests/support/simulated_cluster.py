"""Clusters of real machines on a simulated network, and what their members think of each other."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from random import Random

from colobus.cluster.keyring import Keyring
from colobus.cluster.machine import ClusterMachine, MemberSettings
from colobus.cluster.messages import NodeState
from colobus.cluster.serf.facts import Fact
from colobus.cluster.serf.members import Member, MemberStatus
from colobus.cluster.swim.table import Node
from colobus.cluster.timing import ClusterTiming
from colobus.testing.hosts import SimHost
from colobus.testing.network import LinkConditions, SimNetwork

PORT = 7946


class SimCluster:
    """Nodes n1, n2 and so on, and the network between them."""

    def __init__(
        self,
        seed: int,
        *,
        timing: ClusterTiming | None = None,
        conditions: LinkConditions | None = None,
        key: bytes = b"",
    ) -> None:
        # Shown by pytest when the test fails: all that is needed to replay it.
        print(f"simulation seed {seed}: replay with SIMULATION_SEED={seed}")  # noqa: T201
        self.network = SimNetwork(seed, conditions)
        self.timing = timing if timing is not None else ClusterTiming.lan()
        self.hosts: dict[str, SimHost] = {}
        self._key = key
        self._started = 0

    @property
    def now(self) -> float:
        return self.network.now

    def machine(self, name: str) -> ClusterMachine:
        machine = self.hosts[name].machine
        assert isinstance(machine, ClusterMachine)
        return machine

    def start(
        self, name: str, *, tags: Mapping[str, str] | None = None, number: int | None = None
    ) -> SimHost:
        """Start a node; ``number`` sets its address, so that a new node can take an old one's."""
        self._started += 1
        number = number if number is not None else len(self.hosts) + 1
        address = bytes((10, 0, number >> 8, number & 255))
        rng = Random(f"{self.network.seed}/{self._started}")
        settings = MemberSettings(
            name=name, address=address, port=PORT, timing=self.timing, tags=dict(tags or {})
        )
        machine = ClusterMachine(
            settings,
            keyring=Keyring([self._key] if self._key else []),
            rng=rng,
            random_bytes=rng.randbytes,
        )
        host = self.network.attach((".".join(map(str, address)), PORT), machine)
        self.hosts[name] = host
        machine.start(self.now)
        self.network.pump(host)
        return host

    def restart(self, name: str) -> SimHost:
        """Start a node that was crashed anew, with the address it had and no memory."""
        number = int.from_bytes(bytes(map(int, self.hosts[name].address[0].split(".")))[2:], "big")
        return self.start(name, number=number)

    def crash(self, name: str) -> None:
        self.network.crash(self.hosts[name])

    def do(self, name: str, action: Callable[[ClusterMachine, float], object]) -> None:
        """Give a machine a command, and carry on what follows from it."""
        action(self.machine(name), self.now)
        self.network.pump(self.hosts[name])

    def join(self, name: str, *others: str) -> None:
        addresses = [self.hosts[other].address for other in others]
        self.do(name, lambda machine, now: machine.commands.join(addresses, now))

    def form(self, size: int) -> None:
        """Start nodes and let them join the first, one after the other; wait until all agree."""
        for number in range(1, size + 1):
            self.start(f"n{number}")
            if number > 1:
                self.join(f"n{number}", "n1")
                self.network.run_for(0.05)
        everybody = dict.fromkeys(self.hosts, "alive")
        self.wait_until(lambda: self.agree(everybody), within_s=20, what="a formed cluster")

    def view(self, name: str) -> dict[str, str]:
        """Return what one node thinks of each member."""
        return {
            member.name: MemberStatus(member.status).word for member in self.machine(name).members()
        }

    def agree(self, expected: Mapping[str, str], *, among: Iterable[str] | None = None) -> bool:
        """Whether the nodes named, or all that are up, hold this view."""
        names = [name for name, host in self.hosts.items() if host.is_up]
        return all(self.view(name) == expected for name in among or names)

    def facts(self, name: str, kind: type[Fact], *, since: float = 0.0) -> list[tuple[float, Fact]]:
        return [
            (at, fact)
            for at, fact in self.hosts[name].facts
            if at >= since and isinstance(fact, kind)
        ]

    def wait_until(self, condition: Callable[[], bool], *, within_s: float, what: str) -> float:
        """Run until it is so; return how long it took.

        Raises:
            AssertionError: it was not within the time.
        """
        start = self.now
        if not self.network.run_until_true(condition, within_s=within_s):
            views = {name: self.view(name) for name, host in self.hosts.items() if host.is_up}
            raise AssertionError(
                f"seed {self.network.seed}: no {what} within {within_s:g} s: {views}"
            )
        return self.now - start


def preformed(cluster: SimCluster, size: int) -> None:
    """Start nodes that know each other from the start, as if they had all long joined.

    A thousand joins tell a million node pairs of each other, sixteen times each. This fills the
    tables instead.
    """
    with _without_collector():
        for number in range(1, size + 1):
            cluster.start(f"n{number}")
        owns = [cluster.machine(name)._serf.swim.own for name in cluster.hosts]
        for name in cluster.hosts:
            serf = cluster.machine(name)._serf
            for own in owns:
                if own.name != name:
                    _introduce(own, serf.swim.table.insert, serf.members.add)
            serf.swim.gossip.queue.clear()
            cluster.hosts[name].facts.clear()


def _introduce(
    own: Node, insert: Callable[[Node], None], add: Callable[[Member], Member | None]
) -> None:
    insert(
        Node(
            *(own.name, own.address, own.port, own.meta, own.versions),
            incarnation=1,
            state=NodeState.ALIVE,
        )
    )
    add(
        Member(
            *(own.name, own.address, own.port, own.meta, own.versions),
            status=MemberStatus.ALIVE,
        )
    )


@contextmanager
def _without_collector() -> Iterator[None]:
    """Hold the garbage collector back while millions of records are made that all stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
